"""A table of pairs, turned."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.statistics import compare
from nnunet_losses.statistics.tables.pairwise import turned

QUICK = {"resamples": 100, "test_resamples": 10, "draws": 300}
NAMES = ["decisions", "fold_test", "nemenyi", "effect_noise", "pairwise"]


@pytest.mark.slow
def test_turning_a_pair_is_comparing_the_trainers_in_the_other_order(
    make_cases: Callable[..., pd.DataFrame],
) -> None:
    rng = np.random.default_rng(1)
    hard = rng.beta(5, 2, 30)
    values = {t: np.clip(hard + rng.normal(g, 0.05, 30), 0, 1) for t, g in (("A", 0), ("B", 0.01), ("C", 0.04))}
    for metric, unit in (("dice", "1"), ("hd95", "mm")):
        forth, back = (
            compare(make_cases({t: values[t] for t in order}, metric=metric, unit=unit), baseline="C", **QUICK)
            for order in ("ABC", "BAC")
        )
        for name in NAMES:
            first = forth[name].query("trainer_a == 'A' and trainer_b == 'B'")
            other = back[name].query("trainer_a == 'B' and trainer_b == 'A'")
            result = turned(other, np.array([True]))
            pd.testing.assert_frame_equal(
                result.reset_index(drop=True), first.reset_index(drop=True), check_exact=False, atol=0.06, obj=name
            )  # the Bayesian posterior is drawn anew
            exact = [c for c in first if not c.startswith(("p_better", "p_equivalent", "p_worse"))]
            pd.testing.assert_frame_equal(
                result[exact].reset_index(drop=True), first[exact].reset_index(drop=True), atol=1e-9, obj=name
            )


def test_only_the_chosen_pairs_are_turned() -> None:
    pairs = pd.DataFrame(
        {"trainer_a": ["A", "A"], "trainer_b": ["B", "C"], "difference": [1.0, 2.0], "low": [0.5, 1.0],
         "high": [2.0, 3.0], "cliffs_delta": [0.4, 0.5], "wins": [3, 4], "losses": [1, 2], "p": [0.1, 0.2]}
    )  # fmt: skip
    result = turned(pairs, pd.Series([False, True]))
    assert result.iloc[0].to_dict() == pairs.iloc[0].to_dict()
    assert result.iloc[1].to_dict() == {
        "trainer_a": "C", "trainer_b": "A", "difference": -2.0, "low": -3.0, "high": -1.0, "cliffs_delta": -0.5,
        "wins": 2, "losses": 4, "p": 0.2,
    }  # fmt: skip
    assert pairs["difference"].tolist() == [1.0, 2.0]
