"""Ranks: three methods, correct bootstrap, laws."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.compare import compare
from nnunet_losses.statistics.estimators.bootstrap import bootstrap_means, resample_counts
from nnunet_losses.statistics.ranking.ranks import rank_by_mean, rank_by_ranks
from nnunet_losses.statistics.ranking.significance_ranking import rank_by_tests

MakeCases = Callable[..., pd.DataFrame]
QUICK = {"resamples": 200, "test_resamples": 50, "draws": 200}


def test_a_case_drawn_three_times_counts_three_times(make_cases: MakeCases) -> None:
    # The example in which challengeR 1.0.5 ranks the copies of c1 among each other: draw c1, c1, c1, c4.
    values = {"A": [0.9, 0.1, 0.2, 0.8], "B": [0.8, 0.2, 0.3, 0.9], "C": [0.1, 0.3, 0.4, 0.1]}
    (panel,) = Results.of(make_cases(values), baseline="C").panels()
    counts = np.array([[3, 0, 0, 1]])
    per_case = stats.rankdata(-panel.oriented, axis=1)
    assert (counts @ per_case / 4).tolist() == [[1.25, 1.75, 3.0]]


def test_draws_are_whole_cases_in_equal_shares() -> None:
    counts = resample_counts(30, 4000, 0)
    assert (counts.sum(axis=1) == 30).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(30), abs=0.06)
    assert counts.var() == pytest.approx(1 - 1 / 30, abs=0.02)


def test_resampled_test_ranks_equal_scipy_on_the_drawn_cases(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(5)
    hard = rng.random(15)
    gains = [("A", 0.1), ("B", 0.05), ("C", 0)]
    values = {t: np.clip(np.round(hard + rng.normal(g, 0.1, 15), 1), 0, 1) for t, g in gains}
    (panel,) = Results.of(make_cases(values), baseline="C").panels()
    ours = rank_by_tests(panel, resamples=60, seed=1)
    oriented = np.round(panel.values, 10)
    for counts, ranks in zip(resample_counts(15, 60, 1), ours.resampled, strict=True):
        drawn = np.repeat(oriented, counts.astype(int), axis=0)
        wins = np.zeros(3)
        for a in range(3):
            for b in range(3):
                d = np.round(drawn[:, a] - drawn[:, b], 10)
                if a != b and np.any(d != 0):
                    wins[a] += (
                        stats.wilcoxon(d, alternative="greater", correction=True, method="asymptotic").pvalue < 0.05
                    )
        assert ranks.tolist() == stats.rankdata(-wins, method="min").tolist()


def test_lower_is_better_turns_the_ranks(make_cases: MakeCases) -> None:
    values = {"A": np.linspace(0.1, 0.2, 20), "B": np.linspace(0.3, 0.4, 20)}
    for metric, unit, best in [("dice", "1", "B"), ("hd95", "mm", "A")]:
        ranking = compare(make_cases(values, metric=metric, unit=unit), baseline="B", **QUICK)["ranking"]
        assert ranking["trainer"].iloc[0] == best
        assert ranking.loc[0, ["rank", "rank_ranks", "rank_tests"]].tolist() == [1, 1, 1]
        assert ranking.loc[0, ["p_first", "p_first_ranks", "p_first_tests"]].tolist() == [1, 1, 1]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.permutations(["A", "B", "C", "D"]), st.integers(0, 99))
def test_permuting_trainers_permutes_ranks(order: list[str], seed: int) -> None:
    values = dict(zip("ABCD", np.random.default_rng(seed).integers(0, 10, (4, 12)) / 10, strict=True))
    tables = []
    for names in (sorted(order), order):
        cases = pd.concat(
            pd.DataFrame(
                {
                    "dataset": "D1", "configuration": "2d", "trainer": name, "fold": 0, "seed": 0,
                    "case": np.arange(12).astype(str), "label": "l", "metric": "dice", "value": values[name],
                    "unit": "1", "status": "ok",
                }
            )
            for name in names
        )  # fmt: skip
        (panel,) = Results.of(cases, baseline="A").panels()
        means = bootstrap_means(panel.values, resamples=50, seed=0)
        methods = [
            rank_by_mean(panel, means),
            rank_by_ranks(panel, resamples=50, seed=0),
            rank_by_tests(panel, resamples=50, seed=0),
        ]
        columns = np.argsort(panel.trainers)
        tables.append([(m.ranks[columns], m.resampled[:, columns]) for m in methods])
    for (ranks, resampled), (permuted, permuted_resampled) in zip(*tables, strict=True):
        assert ranks.tolist() == permuted.tolist()
        assert resampled.tolist() == permuted_resampled.tolist()


@pytest.mark.slow
def test_equal_trainers_share_every_rank(study: pd.DataFrame) -> None:
    ranking = compare(study, baseline="A", **QUICK)["ranking"].set_index("trainer")
    columns = [c for c in ranking if c.startswith(("rank", "p_", "mean"))]
    pd.testing.assert_series_equal(ranking.loc["B", columns], ranking.loc["C", columns], check_names=False)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_cases_give_wide_or_no_intervals_with_a_reason(make_cases: MakeCases, n: int) -> None:
    values = {"A": np.linspace(0.4, 0.6, n), "B": np.linspace(0.5, 0.9, n), "C": np.linspace(0.1, 0.9, n)}
    tables = compare(make_cases(values), baseline="B", **QUICK)
    assert tables["ranking"]["reason"].str.startswith(f"n = {n}").all()
    assert tables["pairwise"][["low", "high"]].isna().all().all()
    assert tables["pairwise"]["reason"].str.startswith(f"n = {n}").all()
    if n > 1:
        t = stats.t.ppf(0.975, n - 1) * np.std(values["A"], ddof=1) / np.sqrt(n)
        row = tables["ranking"].set_index("trainer").loc["A"]
        assert row["mean_low"] == pytest.approx(max(0, 0.5 - t))


@pytest.mark.parametrize(("n", "warned"), [(7, True), (8, False)])
def test_from_eight_cases_on_resampled_ranks_need_no_warning(make_cases: MakeCases, n: int, warned: bool) -> None:
    values = {"A": np.linspace(0.4, 0.6, n), "B": np.linspace(0.5, 0.9, n), "C": np.linspace(0.1, 0.9, n)}
    ranking = compare(make_cases(values), baseline="B", **QUICK)["ranking"]
    assert (ranking["reason"].str.contains("ranks resampled from so few cases") == warned).all()


@pytest.mark.parametrize(("metric", "unit", "ranks"), [("dice", "1", [1, 2]), ("hd95", "mm", [2, 1])])
def test_resampled_means_are_ranked_as_the_metric_points(
    make_cases: MakeCases, metric: str, unit: str, ranks: list[int]
) -> None:
    (panel,) = Results.of(make_cases({"A": [0.9], "B": [0.1]}, metric=metric, unit=unit), baseline="B").panels()
    found = rank_by_mean(panel, np.array([[0.9, 0.1], [0.1, 0.9]]))
    assert panel.trainers == ["A", "B"]
    assert found.ranks.tolist() == ranks
    assert found.resampled.tolist() == [ranks, ranks[::-1]]


def test_a_trainer_left_out_is_listed_last_with_the_reason(study: pd.DataFrame) -> None:
    ranking = compare(study[(study["trainer"] != "D") | (study["fold"] == 0)], baseline="A", **QUICK)["ranking"]
    assert ranking["trainer"].iloc[-1] == "D"
    assert np.isnan(ranking["rank"].iloc[-1])
    assert ranking["reason"].iloc[-1].startswith("left out: 32 of 40 cases missing")


@pytest.mark.parametrize(("n", "known"), [(1, False), (2, True)])
def test_two_cases_have_an_interval_of_ranks_and_one_has_none(make_cases: MakeCases, n: int, known: bool) -> None:
    cases = make_cases({"A": [0.9, 0.1][:n], "B": [0.1, 0.9][:n]})
    ranking = compare(cases, baseline="A", **QUICK)["ranking"]
    assert ranking[["rank_low", "rank_high"]].notna().to_numpy().all() == known
