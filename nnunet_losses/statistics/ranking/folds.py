"""What the folds say: a test on their means, and the ranking without one of them."""

import numpy as np
import pandas as pd

from nnunet_losses.statistics.estimators.corrected_t import corrected_t
from nnunet_losses.statistics.estimators.ranks import best_first
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.pairwise import FOLD_TEST
from nnunet_losses.statistics.tables.ranking import LEAVE_ONE_FOLD_OUT


def fold_test_table(panel: Panel, *, confidence: float = 0.95) -> pd.DataFrame:
    """The corrected resampled t-test of every pair of trainers on the mean differences of the folds."""
    folds, d = np.unique(panel.folds), panel.differences()
    by_fold = np.array([d[panel.folds == fold].mean(axis=0) for fold in folds]).reshape(len(folds), d.shape[1])
    nan = np.full(d.shape[1], np.nan)
    enough = len(folds) >= 2
    t, p, low, high = corrected_t(by_fold, confidence=confidence) if enough else (nan, nan, nan, nan)
    return panel.table(
        FOLD_TEST,
        **panel.pair_names,
        folds=len(folds),
        difference=by_fold.mean(axis=0) if len(folds) else nan,
        t=t,
        p=p,
        low=low,
        high=high,
        reason="" if enough else "one fold: no spread between folds",
    )


def leave_one_fold_out(panel: Panel) -> pd.DataFrame:
    """Mean and rank of every trainer without the cases of one fold; empty if there is only one fold."""
    folds = np.unique(panel.folds)
    parts = []
    for fold in folds if len(folds) > 1 else []:
        kept = panel.folds != fold
        ranks = best_first(panel.oriented[kept].mean(axis=0))
        means = panel.values[kept].mean(axis=0)
        parts.append(
            panel.table(
                LEAVE_ONE_FOLD_OUT, fold=fold, trainer=panel.trainers, n=int(kept.sum()), mean=means, rank=ranks
            )
        )
    return LEAVE_ONE_FOLD_OUT.concat(parts)
