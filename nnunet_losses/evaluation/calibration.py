"""Whether probabilities mean what they say, near the lesions.

Far from every lesion all methods are trivially right, and that would drown the difference; so the boxes around the
reference lesions, grown by a margin, are measured: the same voxels for every method.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnunet_losses.evaluation.candidates import SATURATED
from nnunet_losses.evaluation.structure import Structure


def calibration_region(reference: Structure, margin_mm: float) -> NDArray[np.int64]:
    """Flat image indices of the voxels within the boxes around the lesions, grown by margin_mm on every side."""
    grid = reference.grid
    if not reference.size:
        return np.zeros(0, np.int64)
    grow = np.floor(margin_mm / np.asarray(grid.spacing) + 1e-9).astype(np.int64)
    low, high = reference.boxes
    low = np.maximum(low - grow, 0)
    high = np.minimum(high + grow, grid.shape)
    origin = low.min(axis=0)
    near = np.zeros(high.max(axis=0) - origin, bool)
    for start, stop in zip(low - origin, high - origin, strict=True):
        near[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = True
    axes = np.unravel_index(np.flatnonzero(near), near.shape)
    return np.ravel_multi_index(tuple(a + o for a, o in zip(axes, origin, strict=True)), grid.shape)


def calibration(
    probability: NDArray[np.floating], truth: NDArray[np.bool_], bins: int
) -> tuple[dict[str, float], pd.DataFrame]:
    """ece, brier, nll and the reliability bins (bin, count, confidence, accuracy) of the voxels given, (n,) each.

    ece = sum_b n_b/n |confidence_b - accuracy_b| over equal-width bins, with confidence the mean foreground
    probability and accuracy the share of foreground voxels; brier = mean (p - g)²; nll = mean -log p(g), with p kept
    within [2^-24, 1 - 2^-24]. NaN without voxels. An empty bin has NaN confidence and accuracy.
    """
    p = probability.astype(np.float64)
    index = np.minimum((p * bins).astype(np.int64), bins - 1)
    count = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(index, weights=p, minlength=bins) / count
        accuracy = np.bincount(index, weights=truth, minlength=bins) / count
    table = pd.DataFrame({"bin": np.arange(bins), "count": count, "confidence": confidence, "accuracy": accuracy})
    if not len(p):
        return {"ece": math.nan, "brier": math.nan, "nll": math.nan}, table
    correct = np.clip(np.where(truth, p, 1 - p), SATURATED, None)
    metrics = {
        "ece": float(np.nansum(count * np.abs(confidence - accuracy)) / len(p)),
        "brier": float(np.mean((p - truth) ** 2)),
        "nll": float(-np.mean(np.log(correct))),
    }
    return metrics, table
