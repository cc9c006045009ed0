"""The mathematics: losses in pure PyTorch, one idea a file. Nothing here knows of nnU-Net or of files."""

from nnunet_losses.losses.asymmetric_similarity import AsymmetricSimilarityLoss, asymmetric_similarity_loss
from nnunet_losses.losses.base import Loss
from nnunet_losses.losses.blob import BlobLoss, blob_loss
from nnunet_losses.losses.boundary import BoundaryLoss, boundary_loss
from nnunet_losses.losses.catalogue import CATALOGUE, register
from nnunet_losses.losses.combo import ComboLoss, combo_loss
from nnunet_losses.losses.components import label_components
from nnunet_losses.losses.connected_component import ConnectedComponentLoss, connected_component_loss
from nnunet_losses.losses.cosine_tversky import CosineTverskyLoss, cosine_tversky_loss
from nnunet_losses.losses.cross_entropy import CrossEntropyLoss, cross_entropy_loss
from nnunet_losses.losses.dice import DiceLoss, dice_loss
from nnunet_losses.losses.dice_boundary import DiceBoundaryLoss, dice_boundary_loss
from nnunet_losses.losses.dice_cross_entropy import DiceCrossEntropyLoss, dice_cross_entropy_loss
from nnunet_losses.losses.dice_focal import DiceFocalLoss, dice_focal_loss
from nnunet_losses.losses.dice_hausdorff import DiceHausdorffLoss, dice_hausdorff_loss
from nnunet_losses.losses.dice_topk import DiceTopKLoss, dice_topk_loss
from nnunet_losses.losses.distance_penalized_cross_entropy import (
    DistancePenalizedCrossEntropyLoss,
    distance_penalized_cross_entropy_loss,
)
from nnunet_losses.losses.exponential_logarithmic import ExponentialLogarithmicLoss, exponential_logarithmic_loss
from nnunet_losses.losses.focal import FocalLoss, focal_loss
from nnunet_losses.losses.focal_tversky import FocalTverskyLoss, focal_tversky_loss
from nnunet_losses.losses.generalized_dice import GeneralizedDiceLoss, generalized_dice_loss
from nnunet_losses.losses.hausdorff import HausdorffLoss, hausdorff_loss
from nnunet_losses.losses.iou import IoULoss, iou_loss
from nnunet_losses.losses.lovasz_softmax import LovaszSoftmaxLoss, lovasz_softmax_loss
from nnunet_losses.losses.mixed_focal import MixedFocalLoss, mixed_focal_loss
from nnunet_losses.losses.parameter import Parameter
from nnunet_losses.losses.penalty_generalized_dice import PenaltyGeneralizedDiceLoss, penalty_generalized_dice_loss
from nnunet_losses.losses.plugins import load_plugins
from nnunet_losses.losses.primitives import (
    log_probabilities,
    region_statistics,
    statistics_and_log_probabilities,
    voxel_mean,
)
from nnunet_losses.losses.region_wise import RegionWiseLoss, region_wise_loss
from nnunet_losses.losses.sensitivity_specificity import SensitivitySpecificityLoss, sensitivity_specificity_loss
from nnunet_losses.losses.topk import TopKLoss, topk_loss
from nnunet_losses.losses.tversky import TverskyLoss, tversky_loss
from nnunet_losses.losses.unified_focal import UnifiedFocalLoss, unified_focal_loss
from nnunet_losses.losses.weighted_cross_entropy import WeightedCrossEntropyLoss, weighted_cross_entropy_loss
from nnunet_losses.losses.weighting import WEIGHTINGS, inverse_weights

__all__ = [
    "CATALOGUE",
    "WEIGHTINGS",
    "AsymmetricSimilarityLoss",
    "BlobLoss",
    "BoundaryLoss",
    "ComboLoss",
    "ConnectedComponentLoss",
    "CosineTverskyLoss",
    "CrossEntropyLoss",
    "DiceBoundaryLoss",
    "DiceCrossEntropyLoss",
    "DiceFocalLoss",
    "DiceHausdorffLoss",
    "DiceLoss",
    "DiceTopKLoss",
    "DistancePenalizedCrossEntropyLoss",
    "ExponentialLogarithmicLoss",
    "FocalLoss",
    "FocalTverskyLoss",
    "GeneralizedDiceLoss",
    "HausdorffLoss",
    "IoULoss",
    "Loss",
    "LovaszSoftmaxLoss",
    "MixedFocalLoss",
    "Parameter",
    "PenaltyGeneralizedDiceLoss",
    "RegionWiseLoss",
    "SensitivitySpecificityLoss",
    "TopKLoss",
    "TverskyLoss",
    "UnifiedFocalLoss",
    "WeightedCrossEntropyLoss",
    "asymmetric_similarity_loss",
    "blob_loss",
    "boundary_loss",
    "combo_loss",
    "connected_component_loss",
    "cosine_tversky_loss",
    "cross_entropy_loss",
    "dice_boundary_loss",
    "dice_cross_entropy_loss",
    "dice_focal_loss",
    "dice_hausdorff_loss",
    "dice_loss",
    "dice_topk_loss",
    "distance_penalized_cross_entropy_loss",
    "exponential_logarithmic_loss",
    "focal_loss",
    "focal_tversky_loss",
    "generalized_dice_loss",
    "hausdorff_loss",
    "inverse_weights",
    "iou_loss",
    "label_components",
    "log_probabilities",
    "lovasz_softmax_loss",
    "mixed_focal_loss",
    "penalty_generalized_dice_loss",
    "region_statistics",
    "region_wise_loss",
    "register",
    "sensitivity_specificity_loss",
    "statistics_and_log_probabilities",
    "topk_loss",
    "tversky_loss",
    "unified_focal_loss",
    "voxel_mean",
    "weighted_cross_entropy_loss",
]

load_plugins()
