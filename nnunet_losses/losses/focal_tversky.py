"""Focal Tversky: Tversky with an exponent that shifts the focus to classes found well or badly."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.primitives import safe_power, sample_mean
from nnunet_losses.losses.tversky import tversky_index


def focal_tversky_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    fp_weight: float = 0.3,
    fn_weight: float = 0.7,
    gamma: float = 4 / 3,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> Tensor:
    """mean_c (1 − TI_c)^(1/γ), TI the Tversky index.

    Abraham, Khan 2018, arXiv:1810.07842. The paper's α weighs false negatives (here ``fn_weight``) and its β false
    positives (``fp_weight``), the reverse of Salehi 2017. Its sum over classes is a mean here; the 1 that its code adds
    to numerator and denominator is ``smooth``.

    Range [0, 1], 0 at a perfect prediction. γ = 1 is Tversky. For γ > 1 the power has an infinite slope at
    TI = 1; below 1 − TI = 1e-6 its chord takes its place. An absent class as in `tversky_loss`.
    Arguments and errors as in `Loss`.
    """
    index = tversky_index(
        logits,
        target,
        voxel_weight,
        fp_weight=fp_weight,
        fn_weight=fn_weight,
        smooth=smooth,
        regions=regions,
        include_background=include_background,
        batch=batch,
    )
    return sample_mean(safe_power(1 - index, 1 / gamma))


@register
class FocalTverskyLoss(Loss):
    """Focal Tversky loss (Abraham, Khan 2018): a power of the Tversky loss of each class."""

    functional = staticmethod(focal_tversky_loss)
    formula = "mean_c (1 − TP / (TP + fp·FP + fn·FN))^(1/γ)"
    reference = "Abraham, Khan 2018, arXiv:1810.07842"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "fp",
            "fp_weight",
            float,
            "weight of false positives",
            letter="β",
            effect="fewer false positives, more missed voxels",
            minimum=0,
        ),
        Parameter(
            "fn",
            "fn_weight",
            float,
            "weight of false negatives",
            letter="α",
            effect="fewer missed voxels, more false positives",
            minimum=0,
        ),
        Parameter(
            "gamma",
            "gamma",
            float,
            "inverse of the exponent",
            letter="γ",
            effect="classes that are already found well count more; 1 is Tversky",
            minimum=0,
            exclusive=True,
        ),
        SMOOTH,
    )
