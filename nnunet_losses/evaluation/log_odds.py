"""How often each log-odds is foreground, near the lesions: all that scaling of the probabilities needs.

Bins of equal width in probability are too coarse for this: most voxels have a probability below the first limit.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnunet_losses.evaluation.blocks import BlockwiseMask
from nnunet_losses.evaluation.candidates import log_odds

LIMIT = 17.0  # beyond the log-odds of the float32 nearest to 1
WIDTH = 0.25
_BINS = int(2 * LIMIT / WIDTH)
_BLOCK = 1 << 18  # voxels; stays in the processor's cache


def log_odds_counts(
    probability: NDArray[np.floating], truth: NDArray[np.bool_] | BlockwiseMask, near: NDArray[np.bool_]
) -> pd.DataFrame:
    """Voxels by log-odds and truth.

    Args:
        probability: (N,) probability of the foreground, flat over the image.
        truth: (N,) reference mask.
        near: (N,) the voxels to count.

    Returns:
        One row for each bin that holds voxels: bin (of width 0.25, from −17 on), log_odds (their mean), background and
        foreground (their numbers).
    """
    sums = np.zeros((3, _BINS))  # per bin: voxels, log-odds, foreground voxels
    for start in range(0, len(near), _BLOCK):
        part = slice(start, start + _BLOCK)
        chosen = near[part]
        if not chosen.any():
            continue
        z, g = log_odds(probability[part][chosen]), truth[part][chosen]
        index = ((z + LIMIT) / WIDTH).astype(np.intp)
        sums[0] += np.bincount(index, minlength=_BINS)
        sums[1] += np.bincount(index, weights=z, minlength=_BINS)
        sums[2] += np.bincount(index[g], minlength=_BINS)
    filled = np.flatnonzero(sums[0])
    count, total, foreground = sums[:, filled]
    return pd.DataFrame(
        {
            "bin": filled,
            "log_odds": total / count,
            "background": (count - foreground).astype(np.int64),
            "foreground": foreground.astype(np.int64),
        }
    )
