"""Unified focal: a focal Tversky loss and a focal cross-entropy that share their settings."""

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.primitives import safe_power, sample_mean, statistics_and_log_probabilities, voxel_mean
from nnunet_losses.losses.tversky import tversky_index_of_sums


def unified_focal_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    form: str = "asymmetric",
    balance: float = 0.5,
    delta: float = 0.6,
    gamma: float = 0.5,
    smooth: float = 1e-6,
    regions: bool = False,
    include_background: bool = True,
    batch: bool = False,
) -> Tensor:
    """λ·mean_c (1 − TI_c)^(1−γ) + (1 − λ)·mean_i δ_i (1 − p_i)^γ (−log p_i).

    Yeung, Sala, Schönlieb, Rundo 2022, doi:10.1016/j.compmedimag.2021.102026 (λ: ``balance``). TI is the Tversky index
    with δ on false negatives and 1 − δ on false positives; δ_i is δ where the truth is foreground and 1 − δ where it is
    background. The ``symmetric`` form raises every term to its power. The ``asymmetric`` form leaves a power out where
    it would suppress the rare class: the exponent of the background's Tversky term is 1, and foreground voxels have no
    factor (1 − p)^γ. The paper's asymmetric form is binary; here every class but 0 is foreground, and so are all
    regions. (MONAI's version swaps the role of λ.)

    Range [0, ∞), 0 at a perfect prediction; powers have a bounded slope as in `focal_tversky_loss`.
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
    overlap = safe_power(1 - index, 1 - gamma)
    foreground = target.to(log_p.dtype) if regions else (target != 0).to(log_p.dtype)
    focus = safe_power(-torch.expm1(log_p), gamma)
    if form == "asymmetric":
        focus = focus + foreground * (1 - focus)
        if include_background and not regions:
            overlap = torch.cat([1 - index[:, :1], overlap[:, 1:]], 1)
    entropy = -(1 - delta + (2 * delta - 1) * foreground) * focus * log_p
    voxels = voxel_mean(entropy, voxel_weight, None if regions else target)
    return balance * sample_mean(overlap) + (1 - balance) * voxels


@register
class UnifiedFocalLoss(Loss):
    """Unified focal loss (Yeung 2022), asymmetric or symmetric."""

    functional = staticmethod(unified_focal_loss)
    formula = "λ·mean_c (1 − TI_c)^(1−γ) − (1 − λ)·Σ_i w_i δ_i (1 − p_i)^γ log p_i / #{w > 0}"
    reference = "Yeung, Sala, Schönlieb, Rundo 2022, doi:10.1016/j.compmedimag.2021.102026"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "form",
            "form",
            str,
            "terms that have a focus",
            effect="asymmetric: all but those of the rare class; symmetric: every term",
            choices=("asymmetric", "symmetric"),
        ),
        Parameter(
            "lambda",
            "balance",
            float,
            "share of the overlap term; the cross-entropy has 1 − balance",
            letter="λ",
            effect="overlap counts more, single voxels less",
            minimum=0,
            maximum=1,
        ),
        Parameter(
            "delta",
            "delta",
            float,
            "weight of false negatives and of the foreground; the opposites have 1 − delta",
            letter="δ",
            effect="fewer missed voxels, more false positives",
            minimum=0,
            maximum=1,
        ),
        Parameter(
            "gamma",
            "gamma",
            float,
            "focusing exponent",
            letter="γ",
            effect="easy voxels count less, classes found well count more; 0 is without focus",
            minimum=0,
            maximum=1,
        ),
        SMOOTH,
    )
