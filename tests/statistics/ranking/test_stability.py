"""Resampled rankings, operating points, other choices, several data sets."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnunet_losses.statistics import Policy, Results, compare
from nnunet_losses.statistics.estimators.front import on_front
from nnunet_losses.statistics.estimators.ranks import kendall_tau_b
from nnunet_losses.statistics.ranking.consensus import consensus_table
from nnunet_losses.statistics.ranking.folds import leave_one_fold_out
from nnunet_losses.statistics.ranking.pareto import pareto_table
from nnunet_losses.statistics.ranking.ranks import rank_by_ranks
from nnunet_losses.statistics.ranking.stability import rank_by_n, rank_frequencies

MakeCases = Callable[..., pd.DataFrame]
QUICK = {"resamples": 200, "test_resamples": 50, "draws": 200}


@given(st.lists(st.integers(1, 5), min_size=2, max_size=8), st.randoms())
def test_kendalls_tau_is_scipys(ranks: list[int], random: object) -> None:
    other = ranks.copy()
    random.shuffle(other)  # type: ignore[attr-defined]
    expected = stats.kendalltau(ranks, other).statistic
    ours = kendall_tau_b(np.array(ranks), np.array([other]))[0]
    assert ours == pytest.approx(expected, nan_ok=True)


def test_frequencies_of_ranks_sum_to_one(study: pd.DataFrame) -> None:
    (panel,) = Results.of(study, baseline="A").panels()
    table = rank_frequencies(panel, [rank_by_ranks(panel, resamples=300, seed=0)])
    assert table.groupby("trainer")["probability"].sum().to_numpy() == pytest.approx(np.ones(4))
    assert table.query("trainer == 'D' and rank == 1")["probability"].item() > 0.99


def test_all_cases_give_the_full_ranking_and_fewer_a_wider_one(study: pd.DataFrame) -> None:
    (panel,) = Results.of(study, baseline="A").panels()
    table = rank_by_n(panel)
    full = table[table["n"] == 40]
    assert (full["rank_low"] == full["rank_high"]).all()
    width = table.assign(width=table["rank_high"] - table["rank_low"]).groupby("n")["width"].sum()
    assert width.iloc[0] > width.iloc[-1]


def test_leaving_a_fold_out_leaves_its_cases_out(study: pd.DataFrame) -> None:
    (panel,) = Results.of(study, baseline="A").panels()
    table = leave_one_fold_out(panel)
    assert len(table) == 5 * 4
    expected = study[(study["trainer"] == "D") & (study["fold"] != 2)]["value"].mean()
    assert table.query("trainer == 'D' and fold == 2")["mean"].item() == pytest.approx(expected)


def test_the_front_holds_whom_nobody_dominates() -> None:
    points = np.array([[0.9, 0.1], [0.5, 0.5], [0.4, 0.5], [0.1, 0.9], [0.1, 0.9]])
    assert on_front(points).tolist() == [True, True, False, True, True]


def test_pareto_turns_distances_and_gives_the_covariance_of_means(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(0)
    dice = {"A": rng.random(30) / 2, "B": rng.random(30) / 2 + 0.5}
    hd95 = {"A": rng.random(30) + 5, "B": rng.random(30)}
    cases = pd.concat([make_cases(dice), make_cases(hd95, metric="hd95", unit="mm")])
    table = compare(cases, baseline="A", **QUICK)["pareto"].set_index("trainer")
    assert table["on_front"].to_dict() == {"A": False, "B": True}
    assert table["p_front"].to_dict() == {"A": 0.0, "B": 1.0}
    assert table.loc["A", "cov_xy"] == pytest.approx(np.cov(dice["A"], hd95["A"])[0, 1] / 30)


def test_a_winner_by_one_policy_alone_is_reported(make_cases: MakeCases) -> None:
    # A is best where there is a lesion, B alone stays silent in the case without.
    nan = np.nan
    cases = make_cases(
        {"A": [0.8, 0.8, 0.8, 0.0], "B": [0.7, 0.7, 0.7, nan]},
        status={"A": ["ok"] * 3 + ["reference_empty"], "B": ["ok"] * 3 + ["both_empty"]},
    )
    table = compare(cases, baseline="B", **QUICK)["sensitivity"].set_index(["choice", "variant"])
    reported, perfect = table.loc[("as reported", "")], table.loc[("cases without lesion", "count as perfect")]
    assert (reported["winner"], reported["n"], reported["changes"]) == ("A", 3, False)
    assert (perfect["winner"], perfect["n"], perfect["changes"]) == ("B", 4, True)
    assert perfect["tau"] == -1
    other = compare(cases, baseline="B", policy=Policy(both_empty="perfect"), **QUICK)["sensitivity"]
    assert "left out" in set(other["variant"])


def test_a_choice_that_touches_no_value_is_not_listed(make_cases: MakeCases) -> None:
    cases = make_cases({"A": [0.8, 0.7, 0.9], "B": [0.7, 0.6, 0.8]})
    choices = set(compare(cases, baseline="B", **QUICK)["sensitivity"]["choice"])
    assert not choices & {"cases without lesion", "one side empty", "missing cases"}


def test_without_a_fold_the_winner_is_named_with_its_mean_there(make_cases: MakeCases) -> None:
    # Fold 0 holds cases 0 and 5; without it B leads.
    cases = make_cases({"A": [0.9, 0.5, 0.5, 0.5, 0.5, 0.9], "B": [0.6] * 6})
    table = compare(cases, baseline="B", **QUICK)["sensitivity"].query("choice == 'fold left out'")
    row = table.set_index("variant").loc["0"]
    assert (row["winner"], row["n"], row["changes"]) == ("B", 4, True)
    row = table.set_index("variant").loc["1"]
    assert (row["winner"], row["n"]) == ("A", 5)
    assert row["winner_mean"] == pytest.approx((0.9 + 0.5 * 3 + 0.9) / 5)


def test_another_definition_of_the_distance_is_a_choice(make_cases: MakeCases) -> None:
    cases = pd.concat(
        [
            make_cases({"A": [1, 2, 3], "B": [2, 3, 4]}, metric="hd95", unit="mm"),
            make_cases({"A": [2, 3, 4], "B": [1, 2, 3]}, metric="hd95_pooled", unit="mm"),
        ]
    )
    table = compare(cases, baseline="B", **QUICK)["sensitivity"]
    row = table.query("choice == 'definition'").iloc[0]
    assert (row["metric"], row["variant"], row["winner"], row["changes"]) == ("hd95", "hd95_pooled", "B", True)


def test_data_sets_weigh_the_same_in_the_consensus() -> None:
    ranking = pd.DataFrame(
        {
            "dataset": ["D1"] * 2 + ["D2"] * 4,
            "configuration": "2d",
            "label": ["l", "l", "x", "x", "y", "y"],
            "metric": "dice",
            "trainer": ["A", "B"] * 3,
            "rank": [1, 2, 1, 2, 2, 1],
        }
    )
    table = consensus_table(ranking).set_index("trainer")
    assert table["mean_rank"].to_dict() == {"A": 1.25, "B": 1.75}
    assert table["rank"].to_dict() == {"A": 1, "B": 2}
    assert consensus_table(ranking[ranking["dataset"] == "D1"]).empty


def test_the_interval_of_ranks_leaves_out_half_of_the_rest_at_each_end(make_cases: MakeCases) -> None:
    # A is first in subsamples that hold its one good case: five in twelve of those of five cases
    cases = make_cases({"A": [1.0] + 11 * [0.0], "B": [0.0] + 11 * [0.05]})
    (panel,) = Results.of(cases, baseline="B").panels()
    ranks = {c: rank_by_n(panel, confidence=c).query("trainer == 'A' and n == 5") for c in (0.04, 0.3)}
    assert ranks[0.04][["rank_low", "rank_high"]].to_numpy().tolist() == [[2, 2]]  # from 48 % to 52 %
    assert ranks[0.3][["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 2]]  # from 35 % to 65 %


def test_operating_points_have_intervals_of_95_percent(study: pd.DataFrame) -> None:
    pairs = [study.assign(metric=metric) for metric in ("recall", "precision")]
    panels = Results.of(pd.concat(pairs), baseline="A").panels()
    pd.testing.assert_frame_equal(
        pareto_table(panels, resamples=200, seed=0), pareto_table(panels, resamples=200, seed=0, confidence=0.95)
    )
