"""Dice plus focal: overlap, and cross-entropy on the voxels that are still wrong."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.focal import focal_of_log_probabilities
from nnunet_losses.losses.primitives import ratio, sample_mean, statistics_and_log_probabilities


def dice_focal_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    gamma: float = 2.0,
    alpha: float | None = 0.5,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> Tensor:
    """Dice loss + focal loss.

    Zhu et al. 2019, AnatomyNet, arXiv:1808.05238; settings (γ 2, α 0.5) of Ma et al. 2021,
    doi:10.1016/j.media.2021.102035. The terms are those of `dice_loss` and `focal_loss`, each with weight 1.
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
    return dice + focal_of_log_probabilities(log_p, target, voxel_weight, gamma=gamma, alpha=alpha, regions=regions)


@register
class DiceFocalLoss(Loss):
    """Dice loss plus focal loss (Zhu 2019)."""

    functional = staticmethod(dice_focal_loss)
    formula = "1 − mean_c 2 Σ p g / (Σ p + Σ g) − Σ_i w_i α_i (1 − p_i)^γ log p_i / #{w > 0}"
    reference = "Zhu et al. 2019, arXiv:1808.05238; Ma et al. 2021, doi:10.1016/j.media.2021.102035"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "gamma",
            "gamma",
            float,
            "focusing exponent",
            letter="γ",
            effect="voxels that are already right count less; 0 is cross-entropy",
            minimum=0,
        ),
        Parameter(
            "alpha",
            "alpha",
            float,
            "weight of the foreground; the background has 1 − alpha",
            letter="α",
            effect="missed voxels cost more, false positives less",
            minimum=0,
            maximum=1,
            none="noalpha",
        ),
        SMOOTH,
    )
