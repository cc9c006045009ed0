"""Pairs: effects with their sign, corrections, and what a shift must not change."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from nnunet_losses.statistics.compare import compare
from nnunet_losses.statistics.estimators.bayes import bayesian_signed_rank, posterior_draws
from nnunet_losses.statistics.estimators.false_claim import false_claim_probability

MakeCases = Callable[..., pd.DataFrame]
QUICK = {"resamples": 200, "test_resamples": 50, "draws": 500}


def pairs(cases: pd.DataFrame, **options: object) -> pd.DataFrame:
    table = compare(cases, baseline="A", **{**QUICK, **options})["pairwise"]
    return table.set_index(["trainer_a", "trainer_b"])


def test_the_better_trainer_has_positive_effects_whichever_way_the_metric_points(make_cases: MakeCases) -> None:
    values = {"A": np.linspace(0.1, 0.2, 20), "D": np.linspace(0.19, 0.3, 20)}
    high = pairs(make_cases(values)).loc[("D", "A")]
    distances = {trainer: 100 * column for trainer, column in values.items()}
    low = pairs(make_cases(distances, metric="hd95", unit="mm")).loc[("D", "A")]
    assert 100 * high["difference"] == pytest.approx(low["difference"])
    assert high["difference"] > 0
    assert (high["wins"], high["losses"], high["rank_biserial"]) == (20, 0, 1)
    assert (low["wins"], low["losses"], low["rank_biserial"]) == (0, 20, -1)
    assert high["p_better"] == low["p_worse"] == 1


@pytest.mark.slow
def test_holm_is_statsmodels_over_all_pairs_and_over_the_baseline_alone(study: pd.DataFrame) -> None:
    table = pairs(study)
    assert table["p_holm"].to_numpy() == pytest.approx(multipletests(table["p"], method="holm")[1])
    baseline = table[table.index.get_level_values("trainer_b") == "A"]
    assert len(baseline) == 3
    assert baseline["p_holm_baseline"].to_numpy() == pytest.approx(multipletests(baseline["p"], method="holm")[1])
    assert table["p_holm_baseline"].notna().sum() == 3


def test_equal_trainers_are_all_draws(study: pd.DataFrame) -> None:
    row = pairs(study).loc[("B", "C")]
    assert row[["ties", "draws", "difference", "p", "p_signflip", "rank_biserial"]].tolist() == [40, 40, 0, 1, 1, 0]
    assert row["p_equivalent"] == 1
    assert row["p_false_claim"] == 0.5


@pytest.mark.slow
def test_shifting_all_values_changes_no_test(study: pd.DataFrame) -> None:
    study = study.assign(metric="assd", unit="mm")
    shifted = study.assign(value=study["value"] + 7)
    tests = ["ties", "p", "p_holm", "p_signflip", "p_pratt", "rank_biserial", "wins", "draws", "losses", "p_better"]
    pd.testing.assert_frame_equal(pairs(study)[tests], pairs(shifted)[tests], check_exact=False, rtol=1e-9)


def test_wins_draws_losses_by_hand(make_cases: MakeCases) -> None:
    table = pairs(make_cases({"A": [0.5, 0.5, 0.5, 0.5], "D": [0.6, 0.505, 0.5, 0.45]}), rope={"dice": 0.01})
    assert table.loc[("D", "A"), ["wins", "draws", "losses"]].tolist() == [1, 2, 1]


def test_false_claim_is_the_formula_of_christodoulou() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.8, 0.1, 25), rng.normal(0.78, 0.1, 25)
    r = np.corrcoef(a, b)[0, 1]
    spread = a.var(ddof=1) + b.var(ddof=1) - 2 * r * a.std(ddof=1) * b.std(ddof=1)
    better, worse = max(a.mean(), b.mean()), min(a.mean(), b.mean())
    expected = stats.t.cdf(np.sqrt(25) * (worse - better) / np.sqrt(spread), 24)
    assert false_claim_probability((a - b)[:, None])[0] == pytest.approx(expected)


def test_bayesian_signed_rank_is_the_double_sum_over_pairs_of_cases() -> None:
    d = np.random.default_rng(1).normal(0.01, 0.03, 12)
    rope, draws = 0.01, 40_000
    z = np.r_[0, d]
    sums = z[:, None] + z[None, :]
    w = np.random.default_rng(2).dirichlet(np.ones(13), draws)
    better = np.einsum("di,ij,dj->d", w, (sums > 2 * rope).astype(float), w)
    worse = np.einsum("di,ij,dj->d", w, (sums < -2 * rope).astype(float), w)
    winner = np.argmax([better, 1 - better - worse, worse], axis=0)
    expected = [np.mean(winner == k) for k in range(3)]
    assert bayesian_signed_rank(d[:, None], rope=rope, draws=draws)[0] == pytest.approx(expected, abs=0.01)


def test_posterior_draws_win_as_often_as_the_test_says_and_share_one() -> None:
    d = np.random.default_rng(4).normal(0.02, 0.05, (15, 2))
    shares = posterior_draws(d, rope=0.01, draws=4_000, seed=9)
    assert shares.shape == (2, 4_000, 3)
    assert shares.sum(axis=2) == pytest.approx(1, abs=1e-5)
    won = np.eye(3)[shares.argmax(axis=2)].mean(axis=1)
    assert won == pytest.approx(bayesian_signed_rank(d, rope=0.01, draws=4_000, seed=5), abs=0.04)
    assert posterior_draws(np.empty((0, 2))).shape == (2, 0, 3)
