"""Intervals of means by adjusted empirical likelihood."""

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nnunet_losses.statistics.estimators.means import has_interval, mean_interval

samples = st.lists(st.floats(0, 1), min_size=10, max_size=40).filter(lambda x: np.ptp(x) > 1e-3).map(np.array)


def interval(column: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    low, high, *_ = mean_interval(column[:, None], confidence=confidence)
    return float(low[0]), float(high[0])


def likelihood_ratio(column: np.ndarray, mu: float) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(sm.emplike.DescStat(column).test_mean(mu)[0])


@pytest.mark.parametrize("n", [10, 25, 80])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_both_ends_have_the_likelihood_ratio_of_f_by_statsmodels(n: int, confidence: float) -> None:
    rng = np.random.default_rng(n)
    scores = np.where(rng.random(n) < 0.1, 0.0, rng.beta(6, 2, n))
    for end in interval(scores, confidence):
        added = end - max(1, np.log(n) / 2) * (scores.mean() - end)
        ratio = likelihood_ratio(np.append(scores, added), end)
        assert ratio == pytest.approx(stats.f.ppf(confidence, 1, n - 1), rel=1e-6)


@pytest.mark.slow
@given(samples, st.floats(-5, 5), st.floats(0.1, 10))
@settings(max_examples=25, deadline=None)
def test_an_interval_holds_the_mean_moves_with_the_values_and_turns_around(
    x: np.ndarray, shift: float, scale: float
) -> None:
    low, high = interval(x)
    assert low < x.mean() < high
    assert interval(shift + scale * x) == pytest.approx((shift + scale * low, shift + scale * high), rel=1e-6, abs=1e-6)
    assert interval(-x) == pytest.approx((-high, -low), abs=1e-7)
    wide_low, wide_high = interval(x, 0.975) if has_interval(len(x), 0.975) else (low, high)
    assert wide_low <= low + 1e-9
    assert wide_high >= high - 1e-9


@pytest.mark.slow
@given(samples)
@settings(max_examples=20, deadline=None)
def test_columns_do_not_know_each_other(x: np.ndarray) -> None:
    others = [np.zeros_like(x), np.linspace(0, 1, len(x)), np.where(np.arange(len(x)) == 0, 1e-9, 1.0)]
    low, high, *_ = mean_interval(np.column_stack([others[0], x, *others[1:]]), confidence=0.95)
    assert (low[1], high[1]) == pytest.approx(interval(x), rel=1e-6, abs=1e-8)
    assert (low[0], high[0]) == (0, 0)


def test_a_skewed_sample_reaches_further_on_its_long_side() -> None:
    scores = np.array([0.0, *np.linspace(0.7, 0.9, 14)])
    low, high = interval(scores)
    assert scores.mean() - low > 1.5 * (high - scores.mean())


def test_many_values_give_the_interval_of_the_normal_distribution() -> None:
    x = np.random.default_rng(0).normal(size=20_000)
    half = 1.96 * x.std() / np.sqrt(len(x))
    assert interval(x) == pytest.approx((x.mean() - half, x.mean() + half), abs=0.01 * half)


@pytest.mark.parametrize(("n", "method"), [(1, "none"), (2, "t"), (9, "t"), (10, "empirical likelihood")])
def test_too_few_cases_are_said_to_be(n: int, method: str) -> None:
    values = np.linspace(0.2, 0.9, n)[:, None]
    low, _, used, reason = mean_interval(values, confidence=0.95)
    assert used == method
    assert bool(reason) == (method != "empirical likelihood")
    if method == "t":
        assert low[0] == pytest.approx(stats.ttest_1samp(values[:, 0], 0).confidence_interval(0.95).low)


def test_an_end_stays_where_a_mean_can_be() -> None:
    scores = np.array([*[1.0] * 9, 0.9])
    assert interval(scores)[1] > 1
    *_, high = mean_interval(scores[:, None], confidence=0.95, bounds=(0, 1))[:2]
    assert high[0] == 1
