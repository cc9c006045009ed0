"""Dice plus cross-entropy: nnU-Net's own default loss."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, register
from nnunet_losses.losses.primitives import ratio, sample_mean, statistics_and_log_probabilities, voxel_mean


def dice_cross_entropy_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> Tensor:
    """Cross-entropy − Dice.

    Isensee et al. 2021, doi:10.1038/s41592-020-01008-z. Value and gradient equal those of nnU-Net's
    DC_and_CE_loss (labels) and DC_and_BCE_loss (regions) with its MemoryEfficientSoftDiceLoss; like these, it subtracts
    the Dice coefficient itself, so that its minimum is −1. One difference: for regions *with* an ignore label, nnU-Net
    sums the binary cross-entropy over the R regions and divides by the number of voxels; without one, it takes the mean
    over regions. Here it is the mean over regions in both cases (1/R of nnU-Net's cross-entropy in the former).

    Range [−1, ∞). Arguments and errors as in `Loss`.
    """
    (pg, p, g), log_p = statistics_and_log_probabilities(
        logits,
        target,
        voxel_weight,
        names="pg p g",
        regions=regions,
        include_background=include_background,
        batch=batch,
    )
    dice = sample_mean(ratio(2 * pg, p + g, smooth))
    return -voxel_mean(log_p, voxel_weight, None if regions else target) - dice


@register
class DiceCrossEntropyLoss(Loss):
    """nnU-Net's default: cross-entropy minus soft Dice (Isensee 2021)."""

    functional = staticmethod(dice_cross_entropy_loss)
    formula = "−Σ_i w_i log p_i(truth) / #{w > 0} − mean_c 2 Σ p g / (Σ p + Σ g)"
    reference = "Isensee et al. 2021, doi:10.1038/s41592-020-01008-z"
    of_sums = True
    hyper_parameters = (SMOOTH,)
