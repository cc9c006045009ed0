"""Intervals from resampled cases."""

import numpy as np
import pytest
from scipy import stats

from nnunet_losses.statistics.estimators.bootstrap import (
    FEW_CASES,
    expanded_level,
    median_interval,
    percentile_interval,
    resample_counts,
)


@pytest.mark.parametrize("n", [8, 12, 40])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_expanded_interval_of_a_mean_is_as_wide_as_students(n: int, confidence: float) -> None:
    x = np.random.default_rng(n).normal(size=n)
    # a normal distribution with the bootstrap's standard error, whose variance divides by n, not by n - 1
    resampled = stats.norm(x.mean(), x.std() / np.sqrt(n))
    student = stats.t.interval(confidence, n - 1, x.mean(), x.std(ddof=1) / np.sqrt(n))
    level = expanded_level(n, confidence)
    assert resampled.ppf([level, 1 - level]) == pytest.approx(student)


def test_a_percentile_interval_needs_eight_cases_and_leaves_nan_out() -> None:
    samples = np.column_stack([np.arange(101.0), np.r_[np.nan, np.arange(100.0)], np.full(101, np.nan)])
    level = expanded_level(8, 0.95)
    low, high = percentile_interval(samples, FEW_CASES, 0.95)
    assert low == pytest.approx([100 * level, 99 * level, np.nan], nan_ok=True)
    assert high == pytest.approx([100 * (1 - level), 99 * (1 - level), np.nan], nan_ok=True)
    assert np.isnan(percentile_interval(samples, FEW_CASES - 1, 0.95)).all()


def test_every_resample_draws_as_many_cases_as_there_are() -> None:
    counts = resample_counts(7, 500, 0)
    assert counts.shape == (500, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.2)


def test_the_interval_of_a_median_has_exact_coverage() -> None:
    values = np.arange(1.0, 11.0)[:, None]
    low, high = median_interval(values, confidence=0.95)
    assert (low[0], high[0]) == (2, 9)  # 1 - 2 (1 + 10) / 1024 = 0.979; the third would leave 0.891
    assert np.isnan(median_interval(values[:5], confidence=0.95)).all()  # 1 - 2 / 32 < 0.95
    assert [end[0] for end in median_interval(values[:6], confidence=0.95)] == [1, 6]
