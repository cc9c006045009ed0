"""The losses, one a file, and what they are made of, one idea a folder; pure PyTorch, without nnU-Net or files.

- ``catalogue``: what a loss says of itself, and how it becomes a trainer, a row of a table, a case of the tests.
- ``primitives``: sums over voxels, log probabilities and means, from one pass over logits and target.
- ``distances``: exact distances inside a patch.
- ``per_lesion``: a loss on each lesion by itself.
- ``weights``: of voxels, classes and terms.
"""

from nnunet_losses.losses.asymmetric_similarity import AsymmetricSimilarityLoss as AsymmetricSimilarityLoss
from nnunet_losses.losses.asymmetric_similarity import asymmetric_similarity_loss as asymmetric_similarity_loss
from nnunet_losses.losses.blob import BlobLoss as BlobLoss
from nnunet_losses.losses.blob import blob_loss as blob_loss
from nnunet_losses.losses.boundary import BoundaryLoss as BoundaryLoss
from nnunet_losses.losses.boundary import boundary_loss as boundary_loss
from nnunet_losses.losses.catalogue import CATALOGUE as CATALOGUE
from nnunet_losses.losses.catalogue import Loss as Loss
from nnunet_losses.losses.catalogue import Parameter as Parameter
from nnunet_losses.losses.catalogue import load_plugins
from nnunet_losses.losses.catalogue import register as register
from nnunet_losses.losses.combo import ComboLoss as ComboLoss
from nnunet_losses.losses.combo import combo_loss as combo_loss
from nnunet_losses.losses.connected_component import ConnectedComponentLoss as ConnectedComponentLoss
from nnunet_losses.losses.connected_component import connected_component_loss as connected_component_loss
from nnunet_losses.losses.cosine_tversky import CosineTverskyLoss as CosineTverskyLoss
from nnunet_losses.losses.cosine_tversky import cosine_tversky_loss as cosine_tversky_loss
from nnunet_losses.losses.cross_entropy import CrossEntropyLoss as CrossEntropyLoss
from nnunet_losses.losses.cross_entropy import cross_entropy_loss as cross_entropy_loss
from nnunet_losses.losses.dice import DiceLoss as DiceLoss
from nnunet_losses.losses.dice import dice_loss as dice_loss
from nnunet_losses.losses.dice_boundary import DiceBoundaryLoss as DiceBoundaryLoss
from nnunet_losses.losses.dice_boundary import dice_boundary_loss as dice_boundary_loss
from nnunet_losses.losses.dice_cross_entropy import DiceCrossEntropyLoss as DiceCrossEntropyLoss
from nnunet_losses.losses.dice_cross_entropy import dice_cross_entropy_loss as dice_cross_entropy_loss
from nnunet_losses.losses.dice_focal import DiceFocalLoss as DiceFocalLoss
from nnunet_losses.losses.dice_focal import dice_focal_loss as dice_focal_loss
from nnunet_losses.losses.dice_hausdorff import DiceHausdorffLoss as DiceHausdorffLoss
from nnunet_losses.losses.dice_hausdorff import dice_hausdorff_loss as dice_hausdorff_loss
from nnunet_losses.losses.dice_topk import DiceTopKLoss as DiceTopKLoss
from nnunet_losses.losses.dice_topk import dice_topk_loss as dice_topk_loss
from nnunet_losses.losses.distance_penalized_cross_entropy import (
    DistancePenalizedCrossEntropyLoss as DistancePenalizedCrossEntropyLoss,
)
from nnunet_losses.losses.distance_penalized_cross_entropy import (
    distance_penalized_cross_entropy_loss as distance_penalized_cross_entropy_loss,
)
from nnunet_losses.losses.exponential_logarithmic import ExponentialLogarithmicLoss as ExponentialLogarithmicLoss
from nnunet_losses.losses.exponential_logarithmic import exponential_logarithmic_loss as exponential_logarithmic_loss
from nnunet_losses.losses.focal import FocalLoss as FocalLoss
from nnunet_losses.losses.focal import focal_loss as focal_loss
from nnunet_losses.losses.focal_tversky import FocalTverskyLoss as FocalTverskyLoss
from nnunet_losses.losses.focal_tversky import focal_tversky_loss as focal_tversky_loss
from nnunet_losses.losses.generalized_dice import GeneralizedDiceLoss as GeneralizedDiceLoss
from nnunet_losses.losses.generalized_dice import generalized_dice_loss as generalized_dice_loss
from nnunet_losses.losses.hausdorff import HausdorffLoss as HausdorffLoss
from nnunet_losses.losses.hausdorff import hausdorff_loss as hausdorff_loss
from nnunet_losses.losses.iou import IoULoss as IoULoss
from nnunet_losses.losses.iou import iou_loss as iou_loss
from nnunet_losses.losses.lovasz_softmax import LovaszSoftmaxLoss as LovaszSoftmaxLoss
from nnunet_losses.losses.lovasz_softmax import lovasz_softmax_loss as lovasz_softmax_loss
from nnunet_losses.losses.mixed_focal import MixedFocalLoss as MixedFocalLoss
from nnunet_losses.losses.mixed_focal import mixed_focal_loss as mixed_focal_loss
from nnunet_losses.losses.penalty_generalized_dice import PenaltyGeneralizedDiceLoss as PenaltyGeneralizedDiceLoss
from nnunet_losses.losses.penalty_generalized_dice import penalty_generalized_dice_loss as penalty_generalized_dice_loss
from nnunet_losses.losses.per_lesion import label_components as label_components
from nnunet_losses.losses.primitives import log_probabilities as log_probabilities
from nnunet_losses.losses.primitives import ratio as ratio
from nnunet_losses.losses.primitives import region_statistics as region_statistics
from nnunet_losses.losses.primitives import safe_power as safe_power
from nnunet_losses.losses.primitives import sample_mean as sample_mean
from nnunet_losses.losses.primitives import statistics_and_log_probabilities as statistics_and_log_probabilities
from nnunet_losses.losses.primitives import voxel_mean as voxel_mean
from nnunet_losses.losses.region_wise import RegionWiseLoss as RegionWiseLoss
from nnunet_losses.losses.region_wise import region_wise_loss as region_wise_loss
from nnunet_losses.losses.sensitivity_specificity import SensitivitySpecificityLoss as SensitivitySpecificityLoss
from nnunet_losses.losses.sensitivity_specificity import sensitivity_specificity_loss as sensitivity_specificity_loss
from nnunet_losses.losses.topk import TopKLoss as TopKLoss
from nnunet_losses.losses.topk import topk_loss as topk_loss
from nnunet_losses.losses.tversky import TverskyLoss as TverskyLoss
from nnunet_losses.losses.tversky import tversky_loss as tversky_loss
from nnunet_losses.losses.unified_focal import UnifiedFocalLoss as UnifiedFocalLoss
from nnunet_losses.losses.unified_focal import unified_focal_loss as unified_focal_loss
from nnunet_losses.losses.weighted_cross_entropy import WeightedCrossEntropyLoss as WeightedCrossEntropyLoss
from nnunet_losses.losses.weighted_cross_entropy import weighted_cross_entropy_loss as weighted_cross_entropy_loss
from nnunet_losses.losses.weights import WEIGHTINGS as WEIGHTINGS
from nnunet_losses.losses.weights import inverse_weights as inverse_weights

load_plugins()
