"""Focal: cross-entropy in which voxels that are already right count little."""

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, Parameter, register
from nnunet_losses.losses.primitives import log_probabilities, safe_power, voxel_mean


def focal_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    gamma: float = 2.0,
    alpha: float | None = 0.25,
    regions: bool = False,
) -> Tensor:
    """−Σ_i w_i α_i (1 − p_i)^γ log p_i / #{w > 0}, p_i the probability of the truth.

    Lin et al. 2017, arXiv:1708.02002. α_i is ``alpha`` on the foreground and 1 − ``alpha`` on the background; None
    leaves it out. The paper divides by the number of anchors assigned to an object; here, as usual in segmentation, the
    divisor is the number of voxels. The paper's sigmoid is ``regions=True``; labels use the softmax.

    Range [0, ∞), 0 at a perfect prediction. γ = 0 without α is the cross-entropy.
    Arguments and errors as in `Loss`.
    """
    log_p = log_probabilities(logits, target, voxel_weight, regions=regions)
    return focal_of_log_probabilities(log_p, target, voxel_weight, gamma=gamma, alpha=alpha, regions=regions)


def focal_of_log_probabilities(
    log_p: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None,
    *,
    gamma: float,
    alpha: float | None,
    regions: bool,
) -> Tensor:
    """The focal loss from the log probability of the truth, as `log_probabilities` gives it."""
    values = safe_power(-torch.expm1(log_p), gamma) * log_p
    if alpha is not None:
        foreground = target.to(values.dtype) if regions else (target != 0).to(values.dtype)
        values = values * (1 - alpha + (2 * alpha - 1) * foreground)
    return -voxel_mean(values, voxel_weight, None if regions else target)


@register
class FocalLoss(Loss):
    """Focal loss (Lin 2017): easy voxels count little."""

    functional = staticmethod(focal_loss)
    formula = "−Σ_i w_i α_i (1 − p_i)^γ log p_i / #{w > 0}"
    reference = "Lin, Goyal, Girshick, He, Dollár 2017, arXiv:1708.02002"
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
    )
