"""Voxel overlap of two masks, from four counts."""

import dataclasses
import math

import numpy as np

from nnunet_losses.evaluation.settings import EvaluationSettings
from nnunet_losses.evaluation.structure import Structure


@dataclasses.dataclass(frozen=True)
class Counts:
    """True positive, false positive, false negative and true negative voxels."""

    tp: int
    fp: int
    fn: int
    tn: int


def count_voxels(reference: Structure, prediction: Structure, valid_voxels: int) -> Counts:
    """Counts among the `valid_voxels` (not ignored) voxels of the image."""
    tp = int(np.count_nonzero(prediction.mask[reference.voxels]))
    fp, fn = prediction.size - tp, reference.size - tp
    return Counts(tp, fp, fn, valid_voxels - tp - fp - fn)


def overlap_metrics(counts: Counts, voxel_mm3: float, settings: EvaluationSettings) -> dict[str, float]:
    """dice, iou, precision, recall, specificity, F-beta (in [0, 1]; NaN where 0/0) and volume_difference_ml (>= 0).

    F_b = (1 + b²)·TP / ((1 + b²)·TP + b²·FN + FP).
    """
    tp, fp, fn, tn = counts.tp, counts.fp, counts.fn, counts.tn
    weight = settings.beta**2
    return {
        "dice": ratio(2 * tp, 2 * tp + fp + fn),
        "iou": ratio(tp, tp + fp + fn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "specificity": ratio(tn, tn + fp),
        settings.f_beta_name: ratio((1 + weight) * tp, (1 + weight) * tp + weight * fn + fp),
        "volume_difference_ml": abs(fp - fn) * voxel_mm3 / 1000,
    }


def ratio(part: float, whole: float) -> float:
    """Quotient of part and whole, NaN where both are 0."""
    return part / whole if whole else math.nan
