"""Generalised Dice: one overlap for all classes, each weighted by the inverse square of its volume."""

from torch import Tensor

from nnunet_losses.losses.base import Loss, ratio
from nnunet_losses.losses.catalogue import register
from nnunet_losses.losses.parameter import Parameter
from nnunet_losses.losses.primitives import region_statistics, sample_mean


def generalized_dice_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = True,
    batch: bool = False,
) -> Tensor:
    """1 − 2 Σ_c v_c Σ p g / Σ_c v_c (Σ p + Σ g), v_c = 1 / (Σ g)².

    Sudre et al. 2017, arXiv:1707.03237 (after Crum, Camara, Hill 2006). Background is a class by default, as
    in the paper. Only the ratios of the v_c matter: they are scaled so that the largest is 1 before
    ``smooth`` is added, so that ``smooth`` never outweighs a structure (v_c itself is 1e-10 for an organ). A
    class absent from the patch, for which the paper's v_c is infinite, gets the largest finite one, as in
    NiftyNet.

    Range [0, 1], 0 at a perfect prediction. Arguments and errors as in `Loss`.
    """
    dice = generalized_dice(
        logits,
        target,
        voxel_weight,
        smooth=smooth,
        regions=regions,
        include_background=include_background,
        batch=batch,
    )
    return 1 - sample_mean(dice)


def generalized_dice(
    logits: Tensor, target: Tensor, voxel_weight: Tensor | None = None, *, smooth: float, **modes: bool
) -> Tensor:
    """The generalised Dice score of every sample, (B,)."""
    pg, p, g = region_statistics(logits, target, voxel_weight, names="pg p g", **modes)
    v = class_weights(g)
    return ratio(2 * (v * pg).sum(-1), (v * (p + g)).sum(-1), smooth)


def class_weights(volume: Tensor) -> Tensor:
    """1 / V² of each class, (B, C), scaled to a largest weight of 1; absent classes get that largest weight."""
    present = volume > 0
    smallest = volume.masked_fill(~present, float("inf")).amin(-1, keepdim=True)
    return (smallest / volume).square().masked_fill(~present, 1.0)


@register
class GeneralizedDiceLoss(Loss):
    """Generalised Dice loss (Sudre 2017): classes weighted by the inverse square of their volume."""

    functional = staticmethod(generalized_dice_loss)
    formula = "1 − 2 Σ_c v_c Σ p g / Σ_c v_c (Σ p + Σ g), v_c = 1 / (Σ g)²"
    reference = "Sudre, Li, Vercauteren, Ourselin, Cardoso 2017, arXiv:1707.03237"
    hyper_parameters = (Parameter("smooth", "smooth", float, "added above and below the line", minimum=0),)
