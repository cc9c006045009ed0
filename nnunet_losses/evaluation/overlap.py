"""Voxel overlap of two masks, from four counts."""

import numpy as np

from nnunet_losses.base.metrics.voxel import VOXEL_METRICS, Counts, f_beta
from nnunet_losses.evaluation.settings import EvaluationSettings
from nnunet_losses.evaluation.structure import Structure

F_BETA = f_beta(EvaluationSettings.beta)[0].name


def count_voxels(reference: Structure, prediction: Structure, valid_voxels: int) -> Counts:
    """Counts among the `valid_voxels` (not ignored) voxels of the image."""
    tp = int(np.count_nonzero(prediction.mask[reference.voxels]))
    fp, fn = prediction.size - tp, reference.size - tp
    return Counts(tp, fp, fn, valid_voxels - tp - fp - fn, reference.grid.voxel_ml)


def overlap_metrics(counts: Counts, settings: EvaluationSettings) -> dict[str, float]:
    """The metrics of `VOXEL_METRICS`, the F score with the beta of the settings; NaN where one is not defined."""
    metrics = [f_beta(settings.beta) if metric.name == F_BETA else (metric, value) for metric, value in VOXEL_METRICS]
    return {metric.name: value(counts) for metric, value in metrics}
