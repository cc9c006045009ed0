"""Calibration of the probabilities near the lesions.

Far from every lesion all methods are trivially right, which would hide their differences. So only the boxes around the
reference lesions, grown by a margin, are measured: the same voxels for every method.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnunet_losses.evaluation.blocks import BlockwiseMask
from nnunet_losses.evaluation.candidates import SATURATED
from nnunet_losses.evaluation.structure import Structure

_BLOCK = 1 << 18  # voxels; stays in the processor's cache


def calibration_region(reference: Structure, margin_mm: float) -> NDArray[np.bool_]:
    """(*S) voxels within the boxes around the lesions, grown by ``margin_mm`` on every side."""
    grid = reference.grid
    near = np.zeros(grid.shape, bool)
    grow = np.floor(margin_mm / np.asarray(grid.spacing) + 1e-9).astype(np.int64)
    low, high = reference.boxes
    for start, stop in zip(np.maximum(low - grow, 0), high + grow, strict=True):
        near[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = True
    return near


def calibration(
    probability: NDArray[np.floating], truth: NDArray[np.bool_] | BlockwiseMask, near: NDArray[np.bool_], bins: int
) -> tuple[dict[str, float], pd.DataFrame]:
    """Calibration of the chosen voxels.

    ece = Σ_b n_b/n |confidence_b - accuracy_b| over bins of equal width, where confidence is the mean foreground
    probability and accuracy the share of foreground voxels. brier = mean (p - g)². nll = mean -log p(g), with p kept
    within [2^-24, 1 - 2^-24].

    Args:
        probability: (N,) probability of the foreground, flat over the image.
        truth: (N,) reference mask.
        near: (N,) the voxels to measure.
        bins: number of bins.

    Returns:
        ece, brier and nll, NaN without voxels; and the table of bins (bin, count, confidence, accuracy), where an empty
        bin has neither confidence nor accuracy (NaN).
    """
    sums = np.zeros((3, bins))  # per bin: voxels, probability, foreground voxels
    squares = logs = 0.0
    for start in range(0, len(near), _BLOCK):
        part = slice(start, start + _BLOCK)
        chosen = near[part]
        if not chosen.any():
            continue
        p, g = probability[part][chosen].astype(np.float32), truth[part][chosen]
        correct = np.where(g, p, 1 - p)
        squares += float(np.sum((1 - correct) ** 2, dtype=np.float64))
        logs += float(np.sum(np.log(np.maximum(correct, SATURATED)), dtype=np.float64))
        index = np.minimum((p * bins).astype(np.intp), bins - 1)
        sums[0] += np.bincount(index, minlength=bins)
        sums[1] += np.bincount(index, weights=p, minlength=bins)
        sums[2] += np.bincount(index[g], minlength=bins)
    count, total = sums[0], sums[0].sum()
    with np.errstate(invalid="ignore"):
        confidence, accuracy = sums[1] / count, sums[2] / count
    table = pd.DataFrame(
        {"bin": np.arange(bins), "count": count.astype(np.int64), "confidence": confidence, "accuracy": accuracy}
    )
    if not total:
        return {"ece": math.nan, "brier": math.nan, "nll": math.nan}, table
    ece = float(np.abs(sums[1] - sums[2]).sum() / total)  # the counts of each bin cancel
    return {"ece": ece, "brier": squares / total, "nll": -logs / total}, table
