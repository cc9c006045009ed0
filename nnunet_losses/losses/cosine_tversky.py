"""Cosine Tversky: a cosine of the Tversky index, steepest at medium overlap."""

import math

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.primitives import safe_power, sample_mean
from nnunet_losses.losses.tversky import tversky_index


def cosine_tversky_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    delta: float = 0.7,
    gamma: float = 1.0,
    smooth: float = 1e-6,
    regions: bool = False,
    include_background: bool = True,
    batch: bool = False,
) -> Tensor:
    """mean_c 2·((1 + cos π TI_c) / 2)^γ, TI the Tversky index.

    Yeung et al. 2021, arXiv:2102.04525v1: δ (``delta``) is the weight of false negatives beside 1 − δ of false
    positives. The authors' code of February 2021 gives mean_c 1 − cos(π TI_c)^γ, which is 2, its largest value, at a
    perfect prediction and 0 where nothing is found, and no number for most γ once TI > 1/2. Here the cosine has the
    other sign, which for γ = 1 is that code's loss with 1 − TI for TI, and the power takes a base that is never
    negative. Background is a class, as in the code.

    Range [0, 2], 0 at a perfect prediction. For γ = 1 the slope is 0 at both ends: a class of which nothing is found
    has almost no gradient. For γ < 1/2 the slope at TI = 1 is bounded as in `focal_tversky_loss`. Arguments and errors
    as in `Loss`.
    """
    index = tversky_index(
        logits,
        target,
        voxel_weight,
        fp_weight=1 - delta,
        fn_weight=delta,
        smooth=smooth,
        regions=regions,
        include_background=include_background,
        batch=batch,
    )
    # (1 + cos π TI) / 2 is the square of this sine, which does not cancel near TI = 1.
    return sample_mean(2 * safe_power(torch.sin(math.pi / 2 * (1 - index)), 2 * gamma))


@register
class CosineTverskyLoss(Loss):
    """Cosine Tversky loss (Yeung 2021, version 1), with a sign that makes the perfect prediction the best."""

    functional = staticmethod(cosine_tversky_loss)
    formula = "mean_c 2·((1 + cos(π·TP/(TP + (1−δ)·FP + δ·FN))) / 2)^γ"
    reference = "Yeung, Sala, Schönlieb, Rundo 2021, arXiv:2102.04525v1"
    of_sums = True
    hyper_parameters = (
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
            "gamma",
            "gamma",
            float,
            "exponent",
            letter="γ",
            effect="classes that are already found well count less",
            minimum=0,
            exclusive=True,
        ),
        SMOOTH,
    )
