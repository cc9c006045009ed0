"""Differences between losses that hold for new trainings: trainings vary as well as cases.

A paired test over cases answers for the networks that were trained. Here the columns are trainings of all losses side
by side (folds, or seeds where one fold was trained), and the spread of a loss over the columns is the noise.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

from nnunet_losses.statistics.estimators.hodges_lehmann import walsh_quantiles

MOST_AVERAGES = 3_000_000  # Walsh averages in memory at once; beyond, pair by pair in linear memory


@dataclass(frozen=True)
class Differences:
    """Differences of all pairs of losses, in the order of ``np.triu_indices``.

    estimate, se, df: (pairs,) the difference, its standard error over new trainings, and its degrees of freedom.
    losses: how many losses there are; the intervals hold for all their pairs at once.
    spread: (losses,) SD of each loss's effect over the columns, from its own trainings alone.
    """

    estimate: np.ndarray
    se: np.ndarray
    df: np.ndarray
    losses: int
    spread: np.ndarray

    def interval(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """(low, high), simultaneous over all pairs of losses.

        Source: Tukey 1953 and Kramer 1956, as in Hochberg and Tamhane, Multiple Comparison Procedures, 1987.
        """
        factor = np.array([critical_value(confidence, self.losses, float(df)) for df in self.df])
        return self.estimate - factor * self.se, self.estimate + factor * self.se


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
    square over the columns or the one pooled over the steady losses, whichever is larger: pooling gains degrees of
    freedom, and the maximum keeps the level where one loss trains erratically (benchmarks/decision_simulation.py).
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
    effects = effects - effects[:, steady].mean(axis=1, keepdims=True)  # what a column does to all losses alike
    mean = effects.mean(axis=0)
    squares = ((effects - mean) ** 2).sum(axis=0)
    # the mean over the steady losses was taken off: theirs are too small by that share
    own = squares / (columns - 1) / np.where(steady, 1 - 1 / kept, 1.0)
    pooled = squares[steady].sum() / ((kept - 1) * (columns - 1))
    variance = np.maximum(pooled, own) / columns
    of_pair = variance[a] + variance[b]
    df = np.where(steady[a] & steady[b], (kept - 1) * (columns - 1), columns - 1).astype(float)
    if case_variance is not None:
        total = of_pair + case_variance
        parts = of_pair**2 / df + case_variance**2 / case_df
        # Satterthwaite: the degrees of freedom of a sum of two variances
        df = np.divide(total**2, parts, out=df, where=parts > 0)
        of_pair = total
    return Differences(mean[a] - mean[b], np.sqrt(of_pair), df, losses, np.sqrt(own))


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
