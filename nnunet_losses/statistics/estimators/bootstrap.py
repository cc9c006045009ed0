"""Resampling cases: the same draws for every trainer, a case drawn twice counting as two cases."""

from functools import lru_cache

import numpy as np
from scipy import stats

FEW_CASES = 8  # below this a resampled set of cases says almost nothing of the spread


@lru_cache(maxsize=2)  # large: 8 bytes × resamples × cases
def resample_counts(n: int, resamples: int, seed: int) -> np.ndarray:
    """How often each of `n` cases was drawn: (resamples, n) float64, each row summing to n.

    Counts instead of indices: every statistic that is a weighted mean becomes one matrix product, and a case
    drawn k times has weight k (challengeR 1.0.5 gives it about k² in two of its ranking modes).
    """
    rng = np.random.default_rng([seed, n])
    counts = np.empty((resamples, n))
    step = max(1, 4_000_000 // max(n, 1))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        draws = rng.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        counts[start : start + rows] = np.bincount(draws.ravel(), minlength=rows * n).reshape(rows, n)
    counts.flags.writeable = False
    return counts


def running_totals(rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """`np.cumsum(rows, axis=0)`, several times as fast for wide rows: whole rows are added, not column by column."""
    totals = np.empty_like(rows) if out is None else out
    totals[:1] = rows[:1]
    for i in range(1, len(rows)):
        np.add(totals[i - 1], rows[i], out=totals[i])
    return totals


def bootstrap_means(values: np.ndarray, *, resamples: int, seed: int) -> np.ndarray:
    """Means of resampled cases, (resamples, columns), for values (cases, columns)."""
    n = len(values)
    return resample_counts(n, resamples, seed) @ values / n


def expanded_level(n: int, confidence: float) -> float:
    """The percentile that makes a bootstrap interval of a mean as wide as Student's for n cases.

    Φ(−√(n/(n−1))·t_{n−1}); the plain percentile interval is too narrow by that factor.
    Source: Hesterberg, What teachers should know about the bootstrap, The American Statistician 2015, section 5.
    """
    t = stats.t.isf((1 - confidence) / 2, n - 1)
    return float(stats.norm.cdf(-np.sqrt(n / (n - 1)) * t))


def percentile_interval(samples: np.ndarray, n: int, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) of resampled statistics (resamples, columns), expanded for n cases; NaN below 8 cases.

    NaN samples (a recall in a resample without lesions) are left out; a column of NaN gives NaN.
    """
    low, high = np.full((2, samples.shape[1]), np.nan)
    some = np.isfinite(samples).any(axis=0)
    if n >= FEW_CASES and some.any():
        level = expanded_level(n, confidence)
        low[some], high[some] = np.nanquantile(samples[:, some], [level, 1 - level], axis=0)
    return low, high


def median_interval(values: np.ndarray, *, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Order-statistic (binomial) interval of the medians of the columns; NaN where n is too small for one.

    The bootstrap of a median can fail badly (André et al. 2025), this one cannot.
    """
    n = len(values)
    rank = int(stats.binom.ppf((1 - confidence) / 2, n, 0.5)) if n else 0
    if rank < 1:
        nan = np.full(values.shape[1], np.nan)
        return nan, nan.copy()
    ordered = np.sort(values, axis=0)
    return ordered[rank - 1], ordered[n - rank]
