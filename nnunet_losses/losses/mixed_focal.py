"""Mixed focal: a focal Tversky loss and a focal loss over all classes."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.focal import focal_of_log_probabilities
from nnunet_losses.losses.primitives import safe_power, sample_mean, statistics_and_log_probabilities
from nnunet_losses.losses.tversky import tversky_index_of_sums


def mixed_focal_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    balance: float | None = None,
    delta: float = 0.7,
    focal_gamma: float = 2.0,
    dice_gamma: float = 0.75,
    smooth: float = 1e-6,
    regions: bool = False,
    include_background: bool = True,
    batch: bool = False,
) -> Tensor:
    """λ·mean_c (1 − TI_c)^γ_fd + (1 − λ)·focal, or the plain sum without λ.

    Yeung et al. 2021, arXiv:2102.04525v1, as in the authors' code of February 2021 (after the fix of the 4th): λ is
    ``balance`` (None, the sum, is the code's default); δ is ``delta``, the weight of false negatives, and 1 − δ that of
    false positives; γ_fd is ``dice_gamma``, here an exponent itself; γ_f is ``focal_gamma``. The focal term has no α.
    The background is a class, as in the code.

    Range [0, ∞), 0 at a perfect prediction; the slope of the power is bounded as in `focal_tversky_loss`.
    Arguments and errors as in `Loss`.
    """
    sums, log_p = statistics_and_log_probabilities(
        logits,
        target,
        voxel_weight,
        names="pg p g",
        regions=regions,
        include_background=include_background,
        batch=batch,
    )
    index = tversky_index_of_sums(*sums, fp_weight=1 - delta, fn_weight=delta, smooth=smooth)
    overlap = sample_mean(safe_power(1 - index, dice_gamma))
    focal = focal_of_log_probabilities(log_p, target, voxel_weight, gamma=focal_gamma, alpha=None, regions=regions)
    return overlap + focal if balance is None else balance * overlap + (1 - balance) * focal


@register
class MixedFocalLoss(Loss):
    """Mixed focal loss (Yeung 2021, version 1): focal Tversky plus focal."""

    functional = staticmethod(mixed_focal_loss)
    formula = "mean_c (1 − TP/(TP + (1−δ)·FP + δ·FN))^γ_fd − Σ_i w_i (1 − p_i)^γ_f log p_i / #{w > 0}"
    reference = "Yeung, Sala, Schönlieb, Rundo 2021, arXiv:2102.04525v1"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "lambda",
            "balance",
            float,
            "share of the overlap term; the focal term has 1 − balance",
            letter="λ",
            effect="overlap counts more, single voxels less",
            minimum=0,
            maximum=1,
            none="sum",
        ),
        Parameter(
            "delta",
            "delta",
            float,
            "weight of false negatives; 1 − delta is that of false positives",
            letter="δ",
            effect="fewer missed voxels, more false positives",
            minimum=0,
            maximum=1,
        ),
        Parameter(
            "gammaf",
            "focal_gamma",
            float,
            "exponent of the focal term",
            letter="γ_f",
            effect="voxels that are already right count less",
            minimum=0,
        ),
        Parameter(
            "gammafd",
            "dice_gamma",
            float,
            "exponent of the overlap term",
            letter="γ_fd",
            effect="classes that are already found well count less",
            minimum=0,
            exclusive=True,
        ),
        SMOOTH,
    )
