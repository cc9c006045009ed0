"""Wilcoxon's signed-rank test of many columns of paired differences at once."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

EXACT_UP_TO = 50


@dataclass(frozen=True)
class SignedRank:
    """Sums of signed ranks of each column: zeros dropped (Wilcoxon), their ranks kept aside (Pratt)."""

    positive: np.ndarray
    negative: np.ndarray
    n_nonzero: np.ndarray
    ties: np.ndarray  # Σ t³ − t over groups of equal |difference|
    p: np.ndarray
    p_pratt: np.ndarray

    @property
    def rank_biserial(self) -> np.ndarray:
        """(T₊ − T₋) / (T₊ + T₋), the matched-pairs effect size in [−1, 1] (Kerby 2014); 0 if all pairs are tied."""
        total = self.positive + self.negative
        return np.divide(self.positive - self.negative, total, out=np.zeros_like(total), where=total > 0)


@lru_cache(maxsize=64)
def null_distribution(n: int) -> np.ndarray:
    """P(T₊ ≤ t) for t = 0 … n(n+1)/2 under the null hypothesis, without ties."""
    ways = np.zeros(n * (n + 1) // 2 + 1)
    ways[0] = 1.0
    for rank in range(1, n + 1):
        shifted = np.zeros_like(ways)
        shifted[rank:] = ways[: len(ways) - rank]
        ways = (ways + shifted) / 2
    return np.cumsum(ways)


def signed_rank(differences: np.ndarray) -> SignedRank:
    """Two-sided signed-rank test of each column of `differences` (cases × pairs).

    Exact for at most 50 nonzero differences without ties, else the normal approximation with continuity and tie
    correction, as R's `wilcox.test(paired = TRUE)`; p = 1 for a column of zeros.
    Source: Wilcoxon 1945; Pratt 1959 for `p_pratt`.
    """
    size, pairs = differences.shape
    if size == 0:
        zero, nan = np.zeros(pairs), np.full(pairs, np.nan)
        return SignedRank(zero, zero, zero.astype(int), zero, nan, nan)
    absolute = np.abs(differences)
    ranks = stats.rankdata(absolute, axis=0)
    nonzero = absolute > 0
    zeros = size - nonzero.sum(axis=0)
    group = stats.rankdata(absolute, axis=0, method="max") - stats.rankdata(absolute, axis=0, method="min") + 1
    ties = np.where(nonzero, group**2 - 1, 0).sum(axis=0).astype(float)
    without_zeros = np.where(nonzero, ranks - zeros, 0.0)
    positive = np.where(differences > 0, without_zeros, 0).sum(axis=0)
    negative = np.where(differences < 0, without_zeros, 0).sum(axis=0)
    n = size - zeros
    total = n * (n + 1) / 2
    variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48
    p = _normal_p(positive - total / 2, variance)
    for k in np.flatnonzero((ties == 0) & (n <= EXACT_UP_TO) & (n > 0)):
        smaller = int(min(positive[k], negative[k]))
        p[k] = min(1.0, 2 * null_distribution(int(n[k]))[smaller])

    pratt = np.where(differences > 0, ranks, 0).sum(axis=0) - np.where(nonzero, ranks, 0).sum(axis=0) / 2
    pratt_variance = size * (size + 1) * (2 * size + 1) / 24 - zeros * (zeros + 1) * (2 * zeros + 1) / 24 - ties / 48
    return SignedRank(positive, negative, n, ties, p, _normal_p(pratt, pratt_variance))


def _normal_p(centred: np.ndarray, variance: np.ndarray) -> np.ndarray:
    deviation = np.maximum(np.abs(centred) - 0.5, 0.0)
    z = np.divide(deviation, np.sqrt(variance), out=np.zeros_like(deviation), where=variance > 0)
    return np.minimum(1.0, 2 * stats.norm.sf(z))
