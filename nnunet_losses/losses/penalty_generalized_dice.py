"""Penalty generalised Dice: generalised Dice with a stronger penalty on low overlap."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.generalized_dice import generalized_dice
from nnunet_losses.losses.primitives import sample_mean


def penalty_generalized_dice_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    penalty: float = 2.5,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = True,
    batch: bool = False,
) -> Tensor:
    """L / (1 + k·(1 − L)), L the generalised Dice loss.

    Yang et al. 2019, MIDL, openreview.net/forum?id=H1lTh8unKN (k: ``penalty``). L is that of
    `generalized_dice_loss`. Range [0, 1], 0 at a perfect prediction; k = 0 is generalised Dice.
    Arguments and errors as in `Loss`.
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
    return sample_mean((1 - dice) / (1 + penalty * dice))


@register
class PenaltyGeneralizedDiceLoss(Loss):
    """Generalised Dice loss with a penalty (Yang 2019)."""

    functional = staticmethod(penalty_generalized_dice_loss)
    formula = "L / (1 + k·(1 − L)), L = 1 − 2 Σ_c v_c Σ p g / Σ_c v_c (Σ p + Σ g)"
    reference = "Yang et al. 2019, MIDL, https://openreview.net/forum?id=H1lTh8unKN"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "k",
            "penalty",
            float,
            "penalty of a low overlap",
            letter="k",
            effect="the loss stays low until overlap is poor; 0 is generalised Dice",
            minimum=0,
        ),
        SMOOTH,
    )
