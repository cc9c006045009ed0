"""Pairs of losses: what both miss, and what the better of both would give."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.detection.missed import missed_table
from nnunet_losses.statistics.ranking.together import together_table

MakeCases = Callable[..., pd.DataFrame]


def lesions_of(found: dict[str, list[tuple[int, int]]], lesions: list[tuple[int, int]], seed: int = 0) -> pd.DataFrame:
    """found: by trainer, (case, component) of the lesions that are found."""
    rows = [
        {"trainer": trainer, "case": f"c{case}", "fold": case % 5, "component": component, "side": "reference",
         "matched": (case, component) in hits, "score_max": np.nan, "seed": seed}
        for trainer, hits in found.items() for case, component in lesions
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(dataset="Dataset001_Toy", configuration="3d_fullres", label="lesion")


def table(lesions: pd.DataFrame, cases: pd.DataFrame, baseline: str = "B") -> pd.DataFrame:
    return missed_table(Results.of(cases, baseline=baseline, lesions=lesions).rosters)


def test_what_both_miss_by_hand(make_cases: MakeCases) -> None:
    lesions = [(0, 1), (0, 2), (1, 1), (2, 1)]
    found = {"A": [(0, 1), (1, 1)], "B": [(0, 2), (1, 1)], "C": [(0, 1), (0, 2), (1, 1)]}
    cases = make_cases(dict.fromkeys(found, np.ones(10)))
    pairs = table(lesions_of(found, lesions), cases).set_index(["trainer_a", "trainer_b"])
    assert pairs.loc[("A", "B"), ["n_lesions", "missed_a", "missed_b", "missed_both"]].tolist() == [4, 2, 2, 1]
    assert pairs.loc[("A", "B"), "overlap"] == pytest.approx(1 / 3)
    assert pairs.loc[("A", "C"), "missed_both"] == 1
    assert pairs.loc[("A", "C"), "overlap"] == pytest.approx(1 / 2)
    row = pairs.loc[("A", "B")]
    assert row["share"] == 1 / 4
    assert row["share_low"] < 1 / 4 < row["share_high"]


def test_seeds_count_by_the_share_that_misses(make_cases: MakeCases) -> None:
    lesions = [(0, 1), (1, 1)]
    one = lesions_of({"A_seed1": [(0, 1)], "B_seed1": []}, lesions, seed=1)
    two = lesions_of({"A_seed2": [(0, 1), (1, 1)], "B_seed2": []}, lesions, seed=2)
    cases = pd.concat([make_cases({f"{t}_seed{s}": np.ones(4) for t in "AB"}, seed=s) for s in (1, 2)])
    (row,) = table(pd.concat([one, two]), cases, "B_seed1").to_dict("records")
    assert (row["missed_a"], row["missed_b"], row["missed_both"]) == (0.5, 2, 0.5)
    assert row["reason"].startswith("n = 4: too few cases")


@pytest.mark.parametrize("sign", [1, -1])
def test_the_better_of_both_by_hand(make_cases: MakeCases, sign: int) -> None:
    a, b = np.array([1.0, 2, 3, 4]), np.array([2.0, 2, 1, 5])
    metric, unit = ("dice", "1") if sign > 0 else ("hd95", "mm")
    cases = make_cases({"A": a / 10, "B": b / 10}, metric=metric, unit=unit)
    (panel,) = Results.of(cases, baseline="B").panels()
    (row,) = together_table(panel).to_dict("records")
    assert row["correlation"] == pytest.approx(np.corrcoef(a, b)[0, 1])
    better = np.maximum(a, b) if sign > 0 else np.minimum(a, b)
    assert row["better_of_both"] == pytest.approx(better.mean() / 10)
    assert row["gain"] == pytest.approx(abs(better.mean() - 2.5) / 10)  # both have a mean of 0.25
    assert 0 <= row["gain_low"] <= row["gain"] <= row["gain_high"]


def test_a_loss_without_spread_has_no_correlation(make_cases: MakeCases) -> None:
    (panel,) = Results.of(make_cases({"A": np.ones(9), "B": np.linspace(0, 1, 9)}), baseline="B").panels()
    assert np.isnan(together_table(panel)["correlation"].item())
