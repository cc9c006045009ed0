"""Differences between losses that hold for new trainings: trainings vary as well as cases.

A paired test over cases answers for the networks that were trained. Here the columns are trainings of all losses side
by side (folds, or seeds where one fold was trained), and the spread of a loss over the columns is the noise.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import stats

from nnunet_losses.statistics.estimators.hodges_lehmann import walsh_quantiles

UNLIKE, APART = 0.05, 0.01  # p-values of a loss that varies more: its own degrees of freedom; not pooled
ALIKE = 0.1  # p-value of seeds that act alike in all folds
MOST_AVERAGES = 3_000_000  # Walsh averages in memory at once; beyond, pair by pair in linear memory


@dataclass(frozen=True)
class Differences:
    """Differences of all pairs of losses, in the order of ``np.triu_indices``.

    estimate, se, df: (pairs,) the difference, its standard error over new trainings, and its degrees of freedom.
    losses: how many losses there are; the intervals hold for all their pairs at once.
    spread: (losses,) SD of each loss's effect over the columns, from its own trainings alone.
    erratic: (losses,) whether a loss surely varies more than the others.
    """

    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray
    losses: int
    spread: np.ndarray
    erratic: np.ndarray

    def interval(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """(low, high), simultaneous over all pairs of losses.

        Source: Tukey 1953 and Kramer 1956, as in Hochberg and Tamhane, Multiple Comparison Procedures, 1987.
        """
        factor = np.array([critical_value(confidence, self.losses, float(df)) for df in self.df])
        return self.estimate - factor * self.se, self.estimate + factor * self.se

    def crossed(self, seeds: "Differences") -> "Differences":
        """These differences over folds, with the variance that other seeds would add where they act alike in all folds.

        The sum of both mean squares holds the variance of a single training twice, and so is on the safe side.
        Source: the two-way random model, Searle, Casella and McCulloch, Variance Components, 1992.
        """
        df = _satterthwaite((self.se**2, self.df), (seeds.se**2, seeds.df), at_most=np.inf)
        spread = np.hypot(self.spread, seeds.spread)
        return replace(self, se=np.hypot(self.se, seeds.se), df=df, spread=spread, erratic=self.erratic | seeds.erratic)


def pair_medians(values: np.ndarray) -> np.ndarray:
    """Hodges-Lehmann differences a − b of all pairs of the columns of `values` (cases, losses): (pairs,)."""
    n, losses = values.shape
    a, b = np.triu_indices(losses, 1)
    d = values[:, a] - values[:, b]
    count = n * (n + 1) // 2
    if count * len(a) <= MOST_AVERAGES:
        i, j = np.triu_indices(n)
        return np.asarray(np.median((d[i] + d[j]) / 2, axis=0))
    ranks = np.array([(count + 1) // 2, count // 2 + 1])
    return np.array([walsh_quantiles(column, ranks).mean() for column in d.T])


def loss_effects(pairs: np.ndarray, steady: np.ndarray) -> np.ndarray:
    """The effects (columns, losses) that fit differences of pairs (columns, pairs) best, by least squares.

    steady: (losses,) the losses that determine each other's effects; a loss that is not, because some of its trainings
    collapsed, is placed beside them and moves none of them.
    """
    losses = len(steady)
    a, b = np.triu_indices(losses, 1)
    table = np.zeros((len(pairs), losses, losses))
    table[:, a, b], table[:, b, a] = pairs, -pairs
    # Of complete pairs, least squares is the mean difference from all, the loss itself counting as 0.
    effects = table[:, :, steady].mean(axis=2)
    others = ~steady
    effects[:, others] = (effects[:, None, steady] + table[:, others][:, :, steady]).mean(axis=2)
    return effects


def retrained(
    effects: np.ndarray,
    *,
    steady: np.ndarray | None = None,
    case_variance: np.ndarray | None = None,
    case_df: int = 0,
) -> Differences:
    """Differences of the mean effects, with the variance that other trainings would give them.

    effects: (columns, losses), each column one training of every loss. The variance of a loss is its residual mean
    square over the columns or the one pooled over the losses, whichever is larger: pooling gains degrees of freedom,
    and the maximum keeps the level where one loss trains erratically. A loss that varies more than the others (F test,
    p < 0.05) has the degrees of freedom of its own trainings, and one that surely does (p < 0.01 after Bonferroni's
    correction) is not pooled, so that it does not widen the intervals of others (benchmarks/decision_simulation.py).
    steady: (losses,) the losses to pool; all if absent. case_variance, case_df: variance of each pair that other cases
    would add and that the columns share, because all were measured on the same cases, and its degrees of freedom.

    Raises:
        ValueError: fewer than two columns or two steady losses.
    """
    columns, losses = effects.shape
    steady = np.ones(losses, bool) if steady is None else steady
    kept = int(steady.sum())
    if columns < 2 or kept < 2:
        raise ValueError(f"retrained needs two trainings of two steady losses, got {columns} of {kept}")
    a, b = np.triu_indices(losses, 1)
    pool, p = _pool(effects, steady)
    kept = int(pool.sum())
    squares = _squares(effects, pool)
    # the mean over the pooled losses was taken off: theirs are too small by that share
    own = squares / (columns - 1) / np.where(pool, 1 - 1 / kept, 1.0)
    pooled_df = (kept - 1) * (columns - 1)
    variance = np.maximum(squares[pool].sum() / pooled_df, own) / columns
    of_pair = variance[a] + variance[b]
    df_of = np.where(pool & (p >= UNLIKE), pooled_df, columns - 1)
    df = _satterthwaite((variance[a], df_of[a]), (variance[b], df_of[b]), at_most=pooled_df)
    if case_variance is not None:
        df = _satterthwaite((of_pair, df), (case_variance, case_df), at_most=np.inf)
        of_pair = of_pair + case_variance
    mean = effects.mean(axis=0)
    return Differences(mean[a] - mean[b], np.sqrt(of_pair), df, losses, np.sqrt(own), steady & ~pool)


def seeds_act_alike(values: np.ndarray, steady: np.ndarray | None = None) -> bool:
    """Whether seeds make losses differ in the same way in all folds, so that folds are no independent trainings.

    So it is where the trainings of a seed begin with the same weights in every fold. values: (folds, seeds, losses)
    what each training is worth. steady: (losses,) those whose mean is taken off, because it moves all losses alike; all
    if absent. An F test of loss × seed against loss × seed × fold, p < 0.1: what it misses makes words false, what it
    sees falsely only makes intervals wider (benchmarks/decision_simulation.py). False with one fold, seed or loss.
    """
    folds, seeds, losses = values.shape
    if min(folds, seeds, losses) < 2:
        return False
    common = values if steady is None or not steady.any() else values[:, :, steady]
    effects = values - common.mean(axis=2, keepdims=True)
    effects = effects - effects.mean(axis=1, keepdims=True)
    of_seeds = effects.mean(axis=0)
    df = (losses - 1) * (seeds - 1)
    between = folds * (of_seeds**2).sum() / df
    within = ((effects - of_seeds) ** 2).sum() / (df * (folds - 1))
    p = stats.f.sf(between / within, df, df * (folds - 1)) if within > 0 else float(between <= 0)
    return bool(p < ALIKE)


def _squares(effects: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Sum of squares of each loss over the columns, without what a column does to all pooled losses alike."""
    effects = effects - effects[:, pool].mean(axis=1, keepdims=True)
    return ((effects - effects.mean(axis=0)) ** 2).sum(axis=0)


def _pool(effects: np.ndarray, steady: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The losses to pool, and how likely each would vary as it does if it were like the other pooled ones.

    The least likely loss is left out while it surely is unlike the others and three remain.
    """
    columns, losses = effects.shape
    pool = steady.copy()
    while True:
        p = np.ones(losses)
        kept = int(pool.sum())
        for loss in np.flatnonzero(pool) if kept > 2 else ():
            others = pool.copy()
            others[loss] = False
            squares, df = _squares(effects, others), (kept - 2) * (columns - 1)
            common = squares[others].sum() / df
            # its mean square holds the variance of the others' mean, too
            mean_square = squares[loss] / (columns - 1) / (1 + 1 / (kept - 1))
            p[loss] = stats.f.sf(mean_square / common, columns - 1, df) if common > 0 else float(mean_square <= 0)
        least = int(p.argmin())
        if kept < 4 or p[least] * kept >= APART:
            return pool, p
        pool[least] = False


def _satterthwaite(
    one: tuple[np.ndarray, np.ndarray | float], other: tuple[np.ndarray, np.ndarray | float], *, at_most: float
) -> np.ndarray:
    """Degrees of freedom of the sum of two variances, each with its own.

    Source: Satterthwaite 1946, An approximate distribution of estimates of variance components, Biometrics Bulletin 2.
    """
    parts = one[0] ** 2 / one[1] + other[0] ** 2 / other[1]
    smaller = np.minimum(one[1], other[1]) * np.ones_like(parts)
    return np.minimum(np.divide((one[0] + other[0]) ** 2, parts, out=smaller, where=parts > 0), at_most)


def critical_value(confidence: float, losses: int, df: float) -> float:
    """How many standard errors an interval of all pairs of so many losses reaches to each side.

    Degrees of freedom are rounded down (to halves below 10, then ever coarser), so that few values are ever computed.
    """
    step = 0.5 if df < 10 else 1 if df < 30 else 10 if df < 200 else 100
    return _studentised_range(confidence, losses, min(step * (df // step), 1000.0))


@lru_cache(maxsize=4096)
def _studentised_range(confidence: float, losses: int, df: float) -> float:
    if losses == 2:
        return float(stats.t.isf((1 - confidence) / 2, df))
    return float(stats.studentized_range.ppf(confidence, losses, df) / np.sqrt(2))
