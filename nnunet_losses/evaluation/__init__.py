"""Reference and prediction to tidy tables: voxels, surfaces, lesions, candidates, thresholds, calibration."""

from nnunet_losses.evaluation.case import Reference, evaluate_case
from nnunet_losses.evaluation.counts import counted_case
from nnunet_losses.evaluation.folder import evaluate_folders
from nnunet_losses.evaluation.plan import Prediction
from nnunet_losses.evaluation.settings import EvaluationSettings

__all__ = [
    "EvaluationSettings",
    "Prediction",
    "Reference",
    "counted_case",
    "evaluate_case",
    "evaluate_folders",
]
