"""Operating points chosen by hand-worked tables, and valued on cases that did not help to choose."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.tables.schema import TableError
from nnunet_losses.statistics.detection.operating_points import Choice, Goal, OperatingPoint, operating_point

Component = tuple[int, float, float]  # case, score, voxels


def lesions_of(found: list[Component], invented: list[Component], missed: list[int], **further: Any) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for side, matched, components in (("prediction", True, found), ("prediction", False, invented)):
        for case, score, voxels in components:
            rows.append({"side": side, "matched": matched, "case": f"c{case}", "score_max": score, "voxels": voxels})
    table = pd.DataFrame(rows).assign(partner=1)
    table["component"] = table.groupby("case").cumcount() + 1
    hit = table[table["matched"]]
    reference = hit.assign(side="reference", partner=hit["component"], voxels=7)
    lost = pd.DataFrame({"case": [f"c{case}" for case in missed]})
    lost = lost.assign(side="reference", matched=False, partner=0, voxels=7)
    return pd.concat([table, reference, lost], ignore_index=True).assign(**further)


def cases_of(n: int, folds: int = 5) -> pd.DataFrame:
    return pd.DataFrame({"case": [f"c{i}" for i in range(n)], "fold": np.arange(n) % folds})


def point(goal: str, lesions: pd.DataFrame, cases: pd.DataFrame) -> OperatingPoint:
    return operating_point(Goal.parse(goal), cases, thresholds=None, lesions=lesions)


def test_recall_at_k_is_the_lowest_threshold_with_k_false_positives_per_case() -> None:
    lesions = lesions_of([(0, 5.0, 9), (1, 3.0, 9), (2, 1.0, 9)], [(0, 4.0, 9), (1, 2.0, 9), (3, 0.5, 9)], [3])
    cases = cases_of(4, folds=1)
    assert point("recall@0", lesions, cases).choice == Choice(min_score=4.5)
    assert point("recall@0.25", lesions, cases).choice == Choice(min_score=2.5)
    assert point("recall@0.5", lesions, cases).choice == Choice(min_score=0.75)
    found = point("recall@1", lesions, cases)  # there are never more
    assert found.choice == Choice()
    assert found.measures["recall"][0] == 3 / 4
    assert found.measures["precision"][0] == 1 / 2
    assert found.measures["false_positives_per_case"][0] == 3 / 4
    assert not found.out_of_fold


def test_recall_and_precision_of_at_least_a_limit() -> None:
    lesions = lesions_of([(0, 5.0, 9), (1, 3.0, 9), (2, 1.0, 9)], [(0, 4.0, 9), (1, 2.0, 9), (3, 0.5, 9)], [3])
    cases = cases_of(4, folds=1)
    assert point("recall=0.5", lesions, cases).choice == Choice(min_score=2.5)
    assert point("precision=0.6", lesions, cases).choice == Choice(min_score=0.75)  # 3 of 5, the lowest such
    with pytest.raises(TableError, match=r"No threshold reaches recall=0\.9: recall goes up to 0\.75"):
        point("recall=0.9", lesions, cases)


def test_a_smallest_component_is_chosen_where_it_removes_what_no_score_can() -> None:
    # the false positives are as certain as the lesions, but of two voxels
    lesions = lesions_of([(i, 3.0, 30) for i in range(4)], [(i, 3.0, 2) for i in range(4)], [])
    found = point("recall@0", lesions, cases_of(4, folds=1))
    assert found.choice == Choice(min_voxels=3)
    assert found.measures["recall"][0] == 1
    assert found.remarks == ()
    unknown = lesions.drop(columns="partner")
    with pytest.raises(TableError, match="No threshold reaches"):
        point("recall@0", unknown, cases_of(4, folds=1))
    told = point("recall@1", unknown, cases_of(4, folds=1))
    assert told.choice == Choice()
    assert "so no size was chosen" in told.remarks[0]


def test_no_case_helps_to_choose_its_own_threshold() -> None:
    # The only false positives are two in fold 4, less certain than every lesion.
    lesions = lesions_of([(i, 2.0, 9) for i in range(5)], [(4, 1.0, 9), (4, 1.5, 9)], [])
    found = point("recall@0.2", lesions, cases_of(5))
    assert found.choice == Choice(min_score=1.25)  # one false positive in five cases
    # the folds without any saw no reason for a threshold, so fold 4 keeps both of its own
    assert found.out_of_fold
    assert found.measures["false_positives_per_case"][0] == pytest.approx(2 / 5)
    assert found.measures["recall"][0] == 1


def test_intervals_are_of_resampled_cases() -> None:
    rng = np.random.default_rng(0)
    lesions = lesions_of(
        [(int(c), s, 9) for c, s in zip(rng.integers(40, size=80), rng.normal(3, 1, 80), strict=True)],
        [(int(c), s, 9) for c, s in zip(rng.integers(40, size=60), rng.normal(1, 1, 60), strict=True)],
        list(range(20)),
    )
    value, low, high = point("recall@0.5", lesions, cases_of(40)).measures["recall"]
    assert low < value < high
    assert 0.05 < high - low < 0.4


def test_the_threshold_of_the_best_dice_and_its_value_out_of_fold() -> None:
    grid = (0.3, 0.5, 0.7)
    best = [0.3, 0.3, 0.3, 0.3, 0.7]
    rows = [
        {"case": f"c{i}", "fold": i, "threshold": t, "tp": (tp := 90 - round(100 * abs(t - b))), "fp": 100 - tp,
         "fn": 100 - tp}
        for i, b in enumerate(best) for t in grid
    ]  # fmt: skip
    table = pd.DataFrame(rows).assign(dataset="D", configuration="3d", label="l", trainer="T", seed=0)
    found = operating_point(Goal.parse("dice"), cases_of(5), thresholds=table, lesions=None)
    assert found.choice == Choice(threshold=0.3)
    assert found.out_of_fold
    assert found.measures["dice"][0] == pytest.approx((4 * 0.9 + 0.5) / 5)
    alone = operating_point(Goal.parse("dice"), cases_of(5, folds=1), thresholds=table.assign(fold=0), lesions=None)
    assert alone.choice == Choice(threshold=0.3)
    assert not alone.out_of_fold


def test_what_cannot_be_chosen_is_one_sentence() -> None:
    cases = cases_of(2)
    for goal in ("best", "recall", "recall@", "recall@-1", "recall@nan", "precision@1", "recall=0", "precision=1.5"):
        with pytest.raises(TableError, match=goal):
            Goal.parse(goal)
    for goal in ("dice", "recall@1"):
        with pytest.raises(TableError, match="There (are no counts|is no table of lesions)"):
            operating_point(Goal.parse(goal), cases, thresholds=None, lesions=None)
    unscored = lesions_of([(0, float("nan"), 9)], [(1, 1.0, 9)], [])
    with pytest.raises(TableError, match="without probabilities"):
        point("recall@1", unscored, cases)


def test_intervals_are_of_resampled_clusters_where_given() -> None:
    found = [(i, 2.0, 9) for i in range(200) if i % 100 < 50]
    lesions = lesions_of(found, [(0, 3.0, 9)], [i for i in range(200) if i % 100 >= 50])
    cases = cases_of(200, folds=1)
    patients = pd.Series([f"p{i % 100}" for i in range(200)], index=cases["case"], name="patient")
    goal = Goal.parse("recall@9")
    alone = operating_point(goal, cases, thresholds=None, lesions=lesions).measures["recall"]
    both = operating_point(goal, cases, thresholds=None, lesions=lesions, clusters=patients).measures["recall"]
    assert both[0] == alone[0] == 1 / 2
    # two cases of a patient say the same, so there is half as much to know
    assert (both[2] - both[1]) / (alone[2] - alone[1]) == pytest.approx(2**0.5, rel=0.15)


def test_a_cluster_with_cases_in_several_folds_is_told() -> None:
    lesions = lesions_of([(i, 2.0, 9) for i in range(8)], [(0, 1.0, 9)], [])
    patients = pd.Series([f"p{i // 2}" for i in range(8)], index=cases_of(8)["case"], name="patient")
    goal = Goal.parse("recall@9")
    found = operating_point(goal, cases_of(8, folds=4), thresholds=None, lesions=lesions, clusters=patients)
    assert "4 of 4 patients have cases in several folds" in found.remarks[-1]
    together = cases_of(8).assign(fold=[i // 2 for i in range(8)])
    assert operating_point(goal, together, thresholds=None, lesions=lesions, clusters=patients).remarks == ()
