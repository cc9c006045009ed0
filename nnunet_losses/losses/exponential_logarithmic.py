"""Exponential logarithmic: powers of log-Dice and of the cross-entropy, for structures of very unequal size."""

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.primitives import ratio, safe_power, sample_mean, statistics_and_log_probabilities, voxel_mean
from nnunet_losses.losses.weights import frequencies, inverse_power, weight_of_class


def exponential_logarithmic_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    dice_weight: float = 0.8,
    dice_gamma: float = 0.3,
    ce_gamma: float = 0.3,
    power: float = 0.5,
    smooth: float = 1.0,
    regions: bool = False,
    include_background: bool = True,
    batch: bool = False,
    class_frequencies: Tensor | None = None,
) -> Tensor:
    """w_D mean_c (−ln Dice_c)^γ_D + (1 − w_D) Σ_i w_i ω(y_i) (−ln p_i)^γ_C / #{w > 0}, ω_c = f_c^(−power).

    Wong, Moradi, Tang, Syeda-Mahmood 2018, arXiv:1809.00076, with w_D 0.8 and its w_Cross 0.2 = 1 − w_D. f_c is the
    share of the voxels of the training cases that belongs to class c or, where it is not given, that of the batch: the
    paper's ω_c = (Σ_k f_k / f_c)^0.5, not scaled further. A class that occurs in no training case gets the largest
    weight of the others. Dice, with ``smooth`` in the numerator and the denominator, is taken over all classes, the
    background included. A region has one weight inside and one outside, from f and 1 − f. Ma et al. 2021 leave out the
    power of the cross-entropy (``ce_gamma`` 1).

    Range [0, ∞), 0 at a perfect prediction. A power below 1 has an infinite slope at 0; below 1e-6 its chord takes its
    place. Arguments and errors as in `Loss`.
    """
    modes = {"regions": regions, "include_background": include_background, "batch": batch}
    (pg, p, g), log_p = statistics_and_log_probabilities(logits, target, voxel_weight, names="pg p g", **modes)
    dice = ratio(2 * pg, p + g, smooth).clamp_min(1e-20)  # without smooth, Dice may be 0
    overlap = sample_mean(safe_power(-dice.log(), dice_gamma))
    shares = frequencies(class_frequencies, logits, target, voxel_weight, regions=regions)
    if regions:
        shares = torch.stack([1 - shares, shares], 1)
    weights = weight_of_class(inverse_power(shares, power), target, regions=regions)
    entropy = voxel_mean(weights * safe_power(-log_p, ce_gamma), voxel_weight, None if regions else target)
    return dice_weight * overlap + (1 - dice_weight) * entropy


@register
class ExponentialLogarithmicLoss(Loss):
    """Exponential logarithmic loss (Wong 2018): powers of log-Dice and of weighted cross-entropy."""

    functional = staticmethod(exponential_logarithmic_loss)
    formula = (
        "w_D·mean_c (−ln Dice_c)^γ_D + (1 − w_D)·Σ_i w_i ω(y_i) (−ln p_i(truth))^γ_C / #{w > 0}, ω_c = f_c^(−power)"
    )
    reference = "Wong, Moradi, Tang, Syeda-Mahmood 2018, arXiv:1809.00076"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "wd",
            "dice_weight",
            float,
            "share of the Dice term; the cross-entropy has 1 − dice_weight",
            letter="w_D",
            effect="overlap counts more, single voxels less",
            minimum=0,
            maximum=1,
        ),
        Parameter(
            "gammad",
            "dice_gamma",
            float,
            "exponent of the Dice term",
            letter="γ_D",
            effect="classes that are already found well count less",
            minimum=0,
            exclusive=True,
        ),
        Parameter(
            "gammac",
            "ce_gamma",
            float,
            "exponent of the cross-entropy",
            letter="γ_C",
            effect="voxels that are already right count less",
            minimum=0,
            exclusive=True,
        ),
        Parameter(
            "power",
            "power",
            float,
            "exponent of the inverse class frequency",
            effect="rare classes count more; 0 weighs all classes alike",
            minimum=0,
            maximum=2,
        ),
        SMOOTH,
    )
