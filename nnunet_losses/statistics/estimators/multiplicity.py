"""Many tests at once."""

import gc

import numpy as np
from statsmodels.stats.multitest import multipletests


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values; NaN stay NaN and do not count as tests.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 1979.
    """
    adjusted = np.full(len(p), np.nan)
    tested = np.isfinite(p)
    if tested.any():
        # statsmodels collects garbage at every call, which takes tens of milliseconds; what is frozen costs nothing.
        gc.freeze()
        try:
            adjusted[tested] = multipletests(p[tested], method="holm")[1]
        finally:
            gc.unfreeze()
    return adjusted
