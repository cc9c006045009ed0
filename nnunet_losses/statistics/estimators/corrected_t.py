"""The corrected resampled t-test: folds as the unit, for readers who distrust cases that share a model."""

import numpy as np
from scipy import stats


def corrected_t(differences: np.ndarray, *, confidence: float = 0.95) -> tuple[np.ndarray, ...]:
    """(t, p, low, high) of mean fold differences (folds × pairs), corrected for shared training cases.

    t = mean / √((1/k + n_test/n_train)·s²), n_test/n_train = 1/(k − 1) in k-fold cross-validation, k − 1 degrees.
    Source: Nadeau and Bengio, Inference for the generalization error, Machine Learning 2003, equation 9.
    """
    k = len(differences)
    mean, variance = differences.mean(axis=0), differences.var(axis=0, ddof=1)
    se = np.sqrt((1 / k + 1 / (k - 1)) * variance)
    t = np.divide(mean, se, out=np.where(mean == 0, 0.0, np.copysign(np.inf, mean)), where=se > 0)
    half = stats.t.isf((1 - confidence) / 2, k - 1) * se
    return t, 2 * stats.t.sf(np.abs(t), k - 1), mean - half, mean + half
