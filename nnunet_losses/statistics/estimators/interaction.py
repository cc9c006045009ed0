"""Whether paired differences depend on a group: a permutation test of ranks that minds unequal spread."""

import numpy as np
from scipy import stats

from nnunet_losses.statistics.estimators.rounding import without_rounding_noise

_CELLS = 4_000_000  # of a block of permutations


def interaction_p(differences: np.ndarray, groups: np.ndarray, *, resamples: int = 5_000, seed: int = 0) -> np.ndarray:
    """The p of each column of `differences` (units, columns): do they differ between `groups` (units,) of integers?

    The statistic is Welch's of the ranks: Σ w·(mean − weighted mean)², w = n/variance of the ranks within a group. Its
    distribution comes from permuting the groups over the units, the same for all columns: exact if the differences do
    not depend on the group at all, and asymptotically valid if groups differ in spread only. Ranks make it insensitive
    to the heavy tails that missed cases give to differences of Dice. (1 + #{T* ≥ T}) / (1 + resamples).

    Sources: Neubert and Brunner, A studentized permutation test for the non-parametric Behrens-Fisher problem, CSDA
    2007; Pauly, Brunner and Konietschke, Asymptotic permutation tests in general factorial designs, JRSS B 2015;
    Phipson and Smyth 2010 for the added one.

    Raises:
        ValueError: fewer than two groups, or a group of fewer than two units.
    """
    sizes = np.bincount(groups)
    if len(sizes) < 2 or sizes.min() < 2:
        raise ValueError(f"interaction_p needs two groups of two units each, got sizes {sizes.tolist()}")
    n, columns = differences.shape
    ranks = stats.rankdata(without_rounding_noise(differences, scale=differences), axis=0)
    ranks = (ranks - ranks.mean(axis=0)) / n
    both = np.hstack([ranks, ranks**2]).astype(np.float64)
    observed = _welch(groups[None], both, sizes)[0]
    rng = np.random.default_rng([seed, n, 4])
    step, reached = max(1, _CELLS // n), np.zeros(columns)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        permuted = rng.permuted(np.tile(groups, (rows, 1)), axis=1)
        reached += (_welch(permuted, both, sizes) >= observed * (1 - 1e-9)).sum(axis=0)
    return (1 + reached) / (1 + resamples)


def _welch(groups: np.ndarray, both: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The statistic of each row of `groups` (rows, units), of ranks and their squares side by side: (rows, columns)."""
    columns, n = both.shape[1] // 2, len(both)
    weights, means = [], []
    for group, size in enumerate(sizes):
        sums = (groups == group) @ both
        mean = sums[:, :columns] / size
        spread = (sums[:, columns:] - size * mean**2) / (size - 1)
        # A group of ties has no spread; it is given that of one rank, so that its weight stays finite.
        weights.append(size / np.maximum(spread, 1 / (12 * n**2)))
        means.append(mean)
    w, m = np.array(weights), np.array(means)
    centre = (w * m).sum(axis=0) / w.sum(axis=0)
    return np.asarray((w * (m - centre) ** 2).sum(axis=0))
