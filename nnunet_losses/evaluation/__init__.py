"""Reference and prediction to tidy tables: voxels, surfaces, lesions, candidates, thresholds, calibration."""

from nnunet_losses.evaluation.case import Reference, evaluate_case
from nnunet_losses.evaluation.folder import evaluate_folders
from nnunet_losses.evaluation.plan import Prediction
from nnunet_losses.evaluation.settings import EvaluationSettings

__all__ = [
    "EvaluationSettings",
    "Prediction",
    "Reference",
    "evaluate_case",
    "evaluate_folders",
]
