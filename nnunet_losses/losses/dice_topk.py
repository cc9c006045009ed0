"""Dice plus top-k: overlap, and the cross-entropy of the hardest voxels."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.primitives import ratio, sample_mean, statistics_and_log_probabilities
from nnunet_losses.losses.topk import topk_of_log_probabilities


def dice_topk_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    fraction: float = 0.1,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> Tensor:
    """Dice loss + top-k loss.

    Ma et al. 2021, doi:10.1016/j.media.2021.102035; nnU-Net's DC_and_topk_loss, which has no form for regions and
    subtracts the Dice coefficient itself: its value is smaller by 1, its gradient the same. The terms are
    those of `dice_loss` and `topk_loss`, each with weight 1.

    Range [0, ∞), 0 at a perfect prediction. Arguments and errors as in `Loss`.
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
    dice = 1 - sample_mean(ratio(2 * pg, p + g, smooth))
    return dice + topk_of_log_probabilities(log_p, target, voxel_weight, fraction=fraction, regions=regions)


@register
class DiceTopKLoss(Loss):
    """Dice loss plus top-k loss (Ma 2021)."""

    functional = staticmethod(dice_topk_loss)
    formula = "1 − mean_c 2 Σ p g / (Σ p + Σ g) − Σ_{i in K} w_i log p_i(truth) / #K"
    reference = "Ma et al. 2021, doi:10.1016/j.media.2021.102035"
    hyper_parameters = (
        Parameter(
            "fraction",
            "fraction",
            float,
            "share of the voxels selected for the cross-entropy",
            effect="more of the easier voxels count; 1 is Dice and cross-entropy",
            minimum=0,
            exclusive=True,
            maximum=1,
        ),
        SMOOTH,
    )
