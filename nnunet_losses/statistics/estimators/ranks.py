"""Ranks, 1 is best, and how far two rankings agree."""

import numpy as np
from scipy import stats

from nnunet_losses.statistics.estimators.rounding import without_rounding_noise


def best_first(scores: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, highest score first, ties sharing the better rank."""
    return stats.rankdata(-without_rounding_noise(scores, scale=scores), axis=-1, method="min")


def case_ranks(scores: np.ndarray) -> np.ndarray:
    """Rank of each trainer (columns) in each case (rows), highest score first, ties averaged."""
    return stats.rankdata(-without_rounding_noise(scores, scale=scores), axis=1)


def kendall_tau_b(ranks: np.ndarray, resampled: np.ndarray) -> np.ndarray:
    """Kendall's τ_b between one ranking and each row of `resampled`; NaN where either ties all trainers."""
    a, b = np.triu_indices(len(ranks), 1)
    reference = np.sign(ranks[a] - ranks[b])
    signs = np.sign(resampled[:, a] - resampled[:, b])
    scale = np.sqrt((reference != 0).sum() * (signs != 0).sum(axis=1).astype(float))
    return np.divide(signs @ reference, scale, out=np.full(len(resampled), np.nan), where=scale > 0)
