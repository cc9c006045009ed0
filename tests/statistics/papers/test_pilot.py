"""How short may a pilot be?"""

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.papers.pilot import pilot_table
from nnunet_losses.statistics.tables.papers import PILOT

RUN = {"dataset": "D", "configuration": "c", "seed": 0}


def curves(quality: dict[str, list[float]], folds: int = 6) -> pd.DataFrame:
    """Trainings of eight epochs, alike in all folds; two epochs for each value."""
    return pd.DataFrame(
        [
            {**RUN, "trainer": t, "fold": fold, "epoch": e, "ema_pseudo_dice": values[e // 2]}
            for t, values in quality.items()
            for fold in range(folds)
            for e in range(8)
        ]
    )


def test_the_order_at_a_quarter_and_at_half_is_held_against_that_of_the_end():
    # at a quarter A < C < B, at half A < B < C as at the end
    table = pilot_table(curves({"A": [0.1, 0.1, 0.1, 0.1], "B": [0.3, 0.2, 0.2, 0.2], "C": [0.2, 0.3, 0.3, 0.3]}), [])
    rows = PILOT.check(table).set_index("pilot")
    assert rows.loc["a quarter of the length", ["tau", "same_best"]].tolist() == pytest.approx([1 / 3, 0])
    assert rows.loc["half of the length", ["tau", "low", "high", "same_best"]].tolist() == [1, 1, 1, 1]
    assert (rows["trainings"] == 6).all()


def test_only_trainings_that_all_losses_have_are_compared():
    table = curves({name: [v] * 4 for name, v in zip("ABC", (0.1, 0.2, 0.3), strict=True)})
    row = pilot_table(table[(table["trainer"] != "A") | (table["fold"] < 2)], []).iloc[0]
    assert row["trainings"] == 2
    assert row["reason"] == "2 trainings: the interval is too narrow"


def test_one_seed_is_held_against_all(make_cases):
    first, second = (make_cases({"A": [a] * 10, "B": [b] * 10, "C": [0.7] * 10}) for a, b in ((0.5, 0.6), (0.9, 0.6)))
    cases = pd.concat([first.assign(seed=1), second.assign(seed=2)])
    panels = Results.of(cases, baseline="A").panels(["dice"])
    row = PILOT.check(pilot_table(None, panels)).iloc[0]
    # seed 1 alone: A < B < C; means of both: B < A = C
    assert (row["pilot"], row["trainings"], row["n_losses"]) == ("one seed of all", 5, 3)
    assert row["tau"] == pytest.approx(0.0)
    assert pilot_table(None, Results.of(first, baseline="A").panels(["dice"])).empty


def test_two_losses_have_no_order():
    row = pilot_table(curves({"A": [0.1] * 4, "B": [0.2] * 4}), []).iloc[0]
    assert np.isnan(row["tau"])
    assert "an order needs 3 losses" in row["reason"]
