"""Voxel counts at every probability threshold, from one pass over the probabilities.

Each loss moves the best operating point; with these counts it can be chosen on the other folds.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnunet_losses.base.errors import UserError
from nnunet_losses.evaluation.blocks import BlockwiseMask
from nnunet_losses.evaluation.settings import EvaluationSettings

_BLOCK = 1 << 20  # voxels; stays in the processor's cache


def threshold_grid(settings: EvaluationSettings) -> NDArray[np.float64]:
    """Thresholds evenly spaced in log-odds and symmetric around 0.5, ascending."""
    steps = int(settings.threshold_logit_max / settings.threshold_logit_step + 1e-9)
    return 1 / (1 + np.exp(-settings.threshold_logit_step * np.arange(-steps, steps + 1)))


def threshold_counts(
    probability: NDArray[np.floating],
    reference: NDArray[np.bool_] | BlockwiseMask,
    ignored: NDArray[np.bool_] | None,
    thresholds: NDArray[np.float64],
) -> pd.DataFrame:
    """Voxel counts of the masks ``probability > threshold``.

    Args:
        probability: (N,) probability of the foreground, flat over the image.
        reference: (N,) reference mask.
        ignored: (N,) voxels that do not count; None if all do.
        thresholds: ascending.

    Returns:
        One row for each threshold: threshold, tp, fp, fn.

    Raises:
        UserError: a probability is not in [0, 1].
    """
    counts = np.zeros((2, len(thresholds) + 1), np.int64)
    positives = 0
    for start in range(0, len(probability), _BLOCK):
        part = slice(start, start + _BLOCK)
        block = probability[part]
        if not (block.min() >= 0 and block.max() <= 1):
            raise UserError("the probabilities hold values outside [0, 1] or NaN.")
        truth = reference[part]
        positives += int(np.count_nonzero(truth))
        above = np.flatnonzero(block > thresholds[0])
        if ignored is not None:
            above = above[~ignored[part][above]]
        level = np.searchsorted(thresholds, block[above].astype(np.float64), side="left")
        for row, chosen in enumerate((truth[above], ~truth[above])):
            counts[row] += np.bincount(level[chosen], minlength=len(thresholds) + 1)
    # A voxel of level k lies above the thresholds 0..k-1.
    tp, fp = counts[:, :0:-1].cumsum(axis=1)[:, ::-1]
    return pd.DataFrame({"threshold": thresholds, "tp": tp, "fp": fp, "fn": positives - tp})
