"""Tversky: overlap in which a false negative may cost more than a false positive."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.primitives import ratio, region_statistics, sample_mean


def tversky_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    fp_weight: float = 0.3,
    fn_weight: float = 0.7,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> Tensor:
    """1 − mean_c TP / (TP + fp_weight·FP + fn_weight·FN).

    Salehi, Erdogmus, Gholipour 2017, arXiv:1706.05721 (α: ``fp_weight``, β: ``fn_weight``; the paper prints the index,
    to be maximised, and takes the lesion channel only). Many other papers call the weight of FN α.

    Range [0, 1], 0 at a perfect prediction. fp = fn = 1/2 is soft Dice, fp = fn = 1 soft Jaccard. ``smooth`` is added
    to the numerator and the denominator (the paper has none): a class absent from patch and prediction costs nothing.
    Arguments and errors as in `Loss`.
    """
    return 1 - sample_mean(
        tversky_index(
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
    )


def tversky_index(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    fp_weight: float,
    fn_weight: float,
    smooth: float,
    **modes: bool,
) -> Tensor:
    """The Tversky index of every sample and class, (B, C); 1 is perfect."""
    sums = region_statistics(logits, target, voxel_weight, names="pg p g", **modes)
    return tversky_index_of_sums(*sums, fp_weight=fp_weight, fn_weight=fn_weight, smooth=smooth)


def tversky_index_of_sums(
    tp: Tensor, p: Tensor, g: Tensor, *, fp_weight: float, fn_weight: float, smooth: float
) -> Tensor:
    """The same from Σ p g, Σ p and Σ g, each (B, C)."""
    return ratio(tp, tp + fp_weight * (p - tp) + fn_weight * (g - tp), smooth)


@register
class TverskyLoss(Loss):
    """Tversky loss (Salehi 2017): false negatives may cost more than false positives."""

    functional = staticmethod(tversky_loss)
    formula = "1 − mean_c TP / (TP + fp·FP + fn·FN)"
    reference = "Salehi, Erdogmus, Gholipour 2017, arXiv:1706.05721"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "fp",
            "fp_weight",
            float,
            "weight of false positives",
            letter="α",
            effect="fewer false positives, more missed voxels",
            minimum=0,
        ),
        Parameter(
            "fn",
            "fn_weight",
            float,
            "weight of false negatives",
            letter="β",
            effect="fewer missed voxels, more false positives",
            minimum=0,
        ),
        SMOOTH,
    )
