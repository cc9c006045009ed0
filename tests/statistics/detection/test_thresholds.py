"""The threshold of a fold is chosen on the other folds alone."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.statistics import Results, compare
from nnunet_losses.statistics.detection.thresholds import threshold_tables as tables_of_rosters

MakeCases = Callable[..., pd.DataFrame]
GRID = (0.3, 0.5, 0.7)


def threshold_tables(thresholds: pd.DataFrame, cases: pd.DataFrame) -> dict[str, pd.DataFrame]:
    results = Results.of(cases, baseline="B", thresholds=thresholds)
    return tables_of_rosters(results.thresholds, results.rosters)


def table(best: dict[str, list[float]]) -> pd.DataFrame:
    """Cases c0, c1, … in fold 0, 1, …, whose Dice is 0.9 at their best threshold and lower by twice the distance."""
    rows = []
    for trainer, thresholds in best.items():
        for i, optimum in enumerate(thresholds):
            for threshold in GRID:
                dice = 0.9 - 2 * abs(threshold - optimum)
                # tp + fn = 100 and fp = fn give Dice = tp / 100.
                tp = round(100 * dice)
                rows.append((trainer, i % 5, f"c{i}", threshold, tp, 100 - tp, 100 - tp))
    columns = ["trainer", "fold", "case", "threshold", "tp", "fp", "fn"]
    return pd.DataFrame(rows, columns=columns).assign(
        dataset="Dataset001_Toy", configuration="3d_fullres", seed=0, label="lesion"
    )


def test_a_moved_operating_point_is_told_apart_from_a_better_one(make_cases: MakeCases) -> None:
    best = {"A": [0.3] * 10, "B": [0.5] * 10}
    cases = make_cases({"A": np.ones(10), "B": np.ones(10)})
    summary = threshold_tables(table(best), cases)["thresholds"].set_index("trainer")
    assert summary["dice_default"].to_dict() == pytest.approx({"A": 0.5, "B": 0.9})
    assert summary["dice_tuned"].to_dict() == pytest.approx({"A": 0.9, "B": 0.9})
    assert summary["threshold"].to_dict() == pytest.approx({"A": 0.3, "B": 0.5})
    assert summary["rank_default"].to_dict() == {"A": 2, "B": 1}
    assert summary["rank_tuned"].to_dict() == {"A": 1, "B": 1}


def test_a_lesion_of_one_voxel_counts_and_a_case_without_lesion_does_not(make_cases: MakeCases) -> None:
    rows = table({"A": [0.5] * 10, "B": [0.5] * 10})
    tiny, none = rows["case"] == "c0", rows["case"] == "c1"
    rows.loc[tiny, ["tp", "fp", "fn"]] = 1, 0, 0
    rows.loc[none, ["tp", "fp", "fn"]] = 0, 5, 0
    per_case = threshold_tables(rows, make_cases({"A": np.ones(10), "B": np.ones(10)}))["threshold_cases"]
    assert set(per_case["case"]) == {f"c{i}" for i in range(10)} - {"c1"}


def test_no_case_helps_to_choose_its_own_threshold(make_cases: MakeCases) -> None:
    # Fold 4 alone prefers 0.7: it must be given 0.3 like everyone else, and lose by it.
    best = {"B": [0.3, 0.3, 0.3, 0.3, 0.7]}
    cases = threshold_tables(table(best), make_cases({"B": np.ones(5)}))["threshold_cases"]
    assert set(cases["threshold"]) == {0.3}
    assert cases.set_index("case").loc["c4", ["dice_default", "dice_tuned"]].tolist() == pytest.approx([0.5, 0.1])


def test_ties_go_to_the_threshold_nearest_to_one_half(make_cases: MakeCases) -> None:
    flat = table({"B": [0.5] * 5}).assign(tp=50, fp=50, fn=50)
    cases = threshold_tables(flat, make_cases({"B": np.ones(5)}))["threshold_cases"]
    assert set(cases["threshold"]) == {0.5}


def test_within_one_fold_each_case_has_the_threshold_of_the_others(make_cases: MakeCases) -> None:
    one = table({"B": [0.3] * 9 + [0.7]}).assign(fold=0)
    found = threshold_tables(one, make_cases({"B": np.ones(10)}).assign(fold=0))
    assert found["threshold_cases"].set_index("case")["threshold"].tolist() == [0.3] * 10
    summary = found["thresholds"].iloc[0]
    assert summary["dice_default"] == pytest.approx(0.5)
    assert summary["dice_tuned"] == pytest.approx(0.82)
    assert summary["reason"] == "one fold: thresholds chosen across its cases"


def test_one_case_has_no_other_to_choose_a_threshold_on(make_cases: MakeCases) -> None:
    one = table({"B": [0.3]}).assign(fold=0)
    summary = threshold_tables(one, make_cases({"B": np.ones(1)}).assign(fold=0))["thresholds"].iloc[0]
    assert np.isnan(summary["dice_tuned"])
    assert summary["reason"].startswith("one case")


def test_a_winner_by_the_threshold_alone_is_reported(make_cases: MakeCases) -> None:
    best = {"A": [0.3] * 10, "B": [0.5] * 10}
    counts = table(best)
    counts.loc[counts["trainer"] == "B", ["tp", "fp", "fn"]] = [[60, 40, 40]]
    cases = make_cases({"A": np.full(10, 0.5), "B": np.full(10, 0.6)})
    options = {"resamples": 50, "test_resamples": 10, "draws": 50}
    rows = compare(cases, baseline="B", thresholds=counts, **options)["sensitivity"].query("choice == 'threshold'")
    assert rows[["winner", "runner_up", "changes"]].to_numpy().tolist() == [["A", "B", True]]
    assert rows["winner_mean"].item() == pytest.approx(0.9)
