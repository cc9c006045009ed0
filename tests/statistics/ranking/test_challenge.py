"""The rankings of challenges, worked by hand."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import pytest

from nnunet_losses.base.metrics import metric_named
from nnunet_losses.statistics import Results
from nnunet_losses.statistics.ranking.challenge import challenge_ranking_table

MakeCases = Callable[..., pd.DataFrame]
Scores = Mapping[str, Mapping[str, Sequence[float]]]


def ranked(make_cases: MakeCases, *labels: Scores) -> pd.DataFrame:
    """The table for scores by metric and trainer, one mapping a label."""
    parts = [
        make_cases(values, metric=metric, unit=metric_named(metric).unit).assign(label=f"region {position}")
        for position, scores in enumerate(labels)
        for metric, values in scores.items()
    ]
    panels = Results.of(pd.concat(parts, ignore_index=True), baseline="A", foreground_mean=True).panels()
    return challenge_ranking_table(panels).set_index("trainer")


def test_autopet_weighs_dice_twice_and_dice_parts_ties(make_cases: MakeCases) -> None:
    # mean Dice .70 .80 .60: ranks 2 1 3; false positives 1 4 2 ml: 1 3 2; missed 2 2 1 ml: 2 2 1
    found = ranked(
        make_cases,
        {
            "autopet_dice": {"A": [0.6, 0.8], "B": [0.7, 0.9], "C": [0.6, 0.6]},
            "autopet_false_positive_volume_ml": {"A": [1, 1], "B": [4, 4], "C": [0, 4]},
            "autopet_false_negative_volume_ml": {"A": [2, 2], "B": [1, 3], "C": [1, 1]},
        },
    )
    assert found["mean_rank"].to_dict() == pytest.approx({"A": 1.75, "B": 1.75, "C": 2.25})
    assert found["rank"].to_dict() == {"B": 1, "A": 2, "C": 3}


def test_kits_ranks_means_over_regions_and_the_tumour_parts_ties(make_cases: MakeCases) -> None:
    # mean Dice over regions .75 and .70, mean NSD .5 and .6: both have the mean rank 1.5; B has the better last region
    found = ranked(
        make_cases,
        {"kits23_dice": {"A": [0.9, 1.0], "B": [0.7, 0.7]}, "kits23_nsd": {"A": [0.5, 0.5], "B": [0.6, 0.6]}},
        {"kits23_dice": {"A": [0.5, 0.6], "B": [0.7, 0.7]}, "kits23_nsd": {"A": [0.5, 0.5], "B": [0.6, 0.6]}},
    )
    assert found["mean_rank"].to_dict() == {"A": 1.5, "B": 1.5}
    assert found["rank"].to_dict() == {"B": 1, "A": 2}


def test_isles26_ranks_in_every_case(make_cases: MakeCases) -> None:
    # B wins two cases of three by little in every score, A one by much: means would put A first
    found = ranked(
        make_cases,
        {
            "isles26_dice": {"A": [0.9, 0.5, 0.5], "B": [0.1, 0.6, 0.6]},
            "isles26_lesion_f1": {"A": [0.9, 0.5, 0.5], "B": [0.1, 0.6, 0.6]},
            "isles26_volume_difference_ml": {"A": [0, 5, 5], "B": [9, 4, 4]},
            "isles26_count_difference": {"A": [0, 5, 5], "B": [9, 5, 5]},
        },
    )
    # ranks of A: 1 2 2 in three scores, 1 1.5 1.5 in the fourth
    assert found.loc["A", "mean_rank"] == pytest.approx((3 * 5 / 3 + 4 / 3) / 4)
    assert found["rank"].to_dict() == {"B": 1, "A": 2}


def test_without_one_of_the_scores_or_a_known_rule_there_is_no_ranking(make_cases: MakeCases) -> None:
    some = {"autopet_dice": {"A": [0.5, 0.6], "B": [0.7, 0.8]}, "brats2023_dice": {"A": [0.5, 0.6], "B": [0.7, 0.8]}}
    assert ranked(make_cases, some).empty


def test_who_lacks_cases_of_a_score_is_not_ranked(make_cases: MakeCases) -> None:
    dice = {"A": [0.5, 0.6], "B": [0.7, 0.8], "C": [0.9, 0.9]}
    nsd = {"A": [0.5, 0.6], "B": [0.7, 0.8]}
    assert list(ranked(make_cases, {"kits23_dice": dice, "kits23_nsd": nsd}).index) == ["B", "A"]
