"""How alike the errors of two losses are, and what could at most be gained from both."""

import numpy as np
import pandas as pd

from nnunet_losses.statistics.estimators.means import mean_interval
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.together import TOGETHER

FEWEST = 3
"""Cases for a correlation."""


def together_table(panel: Panel, *, confidence: float = 0.95) -> pd.DataFrame:
    """One row per pair: correlation over cases, the mean of the better value of each case, and its gain."""
    a, b = panel.pairs
    n = len(panel.cases)
    if not n or not len(a):
        return TOGETHER.build()
    x, y = panel.values[:, a], panel.values[:, b]
    better = np.maximum(x, y) if panel.metric.higher_is_better else np.minimum(x, y)
    first = panel.oriented.mean(axis=0)[a] >= panel.oriented.mean(axis=0)[b]
    gain = np.abs(better - np.where(first, x, y))
    low, high, *_ = mean_interval(gain, confidence=confidence, bounds=(0, np.inf))
    return panel.table(
        TOGETHER,
        **panel.pair_names,
        n=n,
        correlation=_correlation(x, y) if n >= FEWEST else np.nan,
        better_of_both=better.mean(axis=0),
        gain=gain.mean(axis=0),
        gain_low=low,
        gain_high=high,
    )


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of the columns of x with those of y; NaN where a column does not vary."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    spread = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    return np.divide((x * y).sum(axis=0), spread, out=np.full(x.shape[1], np.nan), where=spread > 1e-12)
