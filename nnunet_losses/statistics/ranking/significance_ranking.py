"""Test-then-rank: a trainer's score is the number of others that it beats significantly."""

import numpy as np
from scipy import stats

from nnunet_losses.statistics.estimators.bootstrap import resample_counts, running_totals
from nnunet_losses.statistics.estimators.ranks import best_first
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.ranking.ranks import BootstrapRanks, unranked


def rank_by_tests(panel: Panel, *, resamples: int, seed: int, alpha: float = 0.05) -> BootstrapRanks:
    """Rank by the number of others beaten in a one-sided Wilcoxon test at level `alpha`, not adjusted.

    The normal approximation with continuity and tie correction, zeros dropped; a case drawn k times enters k times.
    Source: Wiesenfarth et al., Methods and open-source toolkit for analyzing and visualizing challenge results,
    Scientific Reports 2021.
    """
    if not panel.cases:
        return unranked(panel, "tests")
    n, trainers = len(panel.cases), len(panel.trainers)
    a, b = panel.pairs
    wins = np.zeros((1 + resamples, trainers))
    # First row: the cases as they are.
    counts = np.vstack([np.ones((1, n)), resample_counts(n, resamples, seed)]).astype(np.float32).T.copy()
    threshold = stats.norm.isf(alpha)
    for k, column in enumerate(panel.gains().T):
        z = _signed_rank_z(column, counts)
        wins[:, a[k]] += z > threshold
        wins[:, b[k]] += z < -threshold
    ranks = best_first(wins)
    return BootstrapRanks("tests", ranks[0], ranks[1:])


def _signed_rank_z(differences: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Standardised signed-rank statistic of cases weighted by `counts` (cases, resamples)."""
    order = np.argsort(np.abs(differences), kind="stable")
    order = order[differences[order] != 0]
    if not len(order):
        return np.zeros(counts.shape[1])
    ordered = differences[order]
    times = counts[order]
    # Copies of one case are tied with each other and with cases of equal |difference|.
    first = np.r_[True, np.diff(np.abs(ordered)) != 0]
    signed = times * np.sign(ordered, dtype=np.float32)[:, None]
    if not first.all():
        times, signed = _joined(times, first), _joined(signed, first)
    last = running_totals(times)
    midrank = last - (times - 1) / 2
    n = last[-1].astype(np.float64)
    # Half the difference of positive and negative rank sums is the positive sum minus its expectation.
    centred = np.einsum("ij,ij->j", signed, midrank).astype(np.float64) / 2
    ties = (np.einsum("ij,ij,ij->j", times, times, times) - times.sum(axis=0)).astype(np.float64)
    variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48
    deviation = np.sign(centred) * np.maximum(np.abs(centred) - 0.5, 0.0)
    return np.divide(deviation, np.sqrt(variance), out=np.zeros_like(n), where=variance > 0)


def _joined(rows: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Sums of runs of rows, a run beginning where `first` holds: `np.add.reduceat`, much faster for wide rows."""
    sums, run = rows[first], np.cumsum(first) - 1
    for i in np.flatnonzero(~first):
        sums[run[i]] += rows[i]
    return sums
