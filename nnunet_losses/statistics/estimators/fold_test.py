"""Folds as the unit: the corrected resampled t-test, for readers who distrust cases that share a model."""

import numpy as np
import pandas as pd
from scipy import stats

from nnunet_losses.statistics.panels.panel import Panel


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


def fold_test_table(panel: Panel, *, confidence: float = 0.95) -> pd.DataFrame:
    """The corrected resampled t-test of every pair of trainers on the mean differences of the folds."""
    a, b = panel.pairs
    folds = np.unique(panel.folds)
    d = panel.differences()
    by_fold = np.array([d[panel.folds == fold].mean(axis=0) for fold in folds]).reshape(len(folds), len(a))
    nan = np.full(len(a), np.nan)
    enough = len(folds) >= 2
    t, p, low, high = corrected_t(by_fold, confidence=confidence) if enough else (nan, nan, nan, nan)
    return panel.table(
        trainer_a=[panel.trainers[i] for i in a],
        trainer_b=[panel.trainers[j] for j in b],
        folds=len(folds),
        difference=by_fold.mean(axis=0) if len(folds) else nan,
        t=t,
        p=p,
        low=low,
        high=high,
        reason="" if enough else "one fold: no spread between folds",
    )
