"""Metrics of the voxels: what each is, and how it follows from four counts. A new one is one more entry here."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from nnunet_losses.base.metrics.metric import Metric, score, volume


@dataclass(frozen=True)
class Counts:
    """Voxels of one case and label: true positive, false positive, false negative, true negative."""

    tp: int
    fp: int
    fn: int
    tn: int
    voxel_ml: float
    """Volume of one voxel; in 2D its area, in mm² or pixels."""


VoxelMetric = tuple[Metric, Callable[[Counts], float]]
"""A metric and its value, NaN where it is not defined."""


def ratio(part: float, whole: float) -> float:
    """Quotient of part and whole, NaN where both are 0."""
    return part / whole if whole else math.nan


def f_beta(beta: float) -> VoxelMetric:
    """F_b = (1 + b²)·TP / ((1 + b²)·TP + b²·FN + FP)."""
    weight = beta**2
    more = ": recall weighs more than precision" if beta > 1 else ""
    return (
        score(f"f{beta:g}", f"F{beta:g} score", f"F-beta score of the voxels with beta = {beta:g}{more}."),
        lambda c: ratio((1 + weight) * c.tp, (1 + weight) * c.tp + weight * c.fn + c.fp),
    )


VOXEL_METRICS: list[VoxelMetric] = [
    (
        score("dice", "Dice", "Dice similarity coefficient of the voxels, 2TP / (2TP + FP + FN)."),
        lambda c: ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn),
    ),
    (
        score("iou", "IoU", "Intersection over union of the voxels (Jaccard index), TP / (TP + FP + FN)."),
        lambda c: ratio(c.tp, c.tp + c.fp + c.fn),
    ),
    (
        score("precision", "Precision", "Share of predicted voxels that are true, TP / (TP + FP)."),
        lambda c: ratio(c.tp, c.tp + c.fp),
    ),
    (
        score("recall", "Recall", "Share of reference voxels that were found, TP / (TP + FN).", needs_reference=True),
        lambda c: ratio(c.tp, c.tp + c.fn),
    ),
    (
        score("specificity", "Specificity", "Share of background voxels predicted as background, TN / (TN + FP)."),
        lambda c: ratio(c.tn, c.tn + c.fp),
    ),
    f_beta(2),
    (
        volume(
            "volume_difference_ml", "Volume difference", "Absolute difference between predicted and reference volume."
        ),
        lambda c: abs(c.fp - c.fn) * c.voxel_ml,
    ),
]
