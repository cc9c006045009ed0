"""Sensitivity-specificity: a weighted sum of the mean squared errors on the lesion and off it."""

from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, Parameter, register
from nnunet_losses.losses.primitives import ratio, region_statistics, sample_mean


def sensitivity_specificity_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    sensitivity_weight: float = 0.05,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> Tensor:
    """mean_c r·Σ (g − p)² g / Σ g + (1 − r)·Σ (g − p)² (1 − g) / Σ (1 − g).

    Brosch et al. 2015, doi:10.1007/978-3-319-24574-4_1 (r: ``sensitivity_weight``; the paper found 0.10 to 0.01 very
    similar and takes the lesion channel only). The first term is the error on the lesion (sensitivity), the second that
    off it (specificity).

    Range [0, 1], 0 at a perfect prediction. A term whose class is absent is 0. The reference is 0 or 1.
    Arguments and errors as in `Loss`.
    """
    pg, g, pp, ppg, w = region_statistics(
        logits,
        target,
        voxel_weight,
        names="pg g pp ppg w",
        regions=regions,
        include_background=include_background,
        batch=batch,
    )
    on_lesion = ratio(g - 2 * pg + ppg, g, smooth=0)
    off_lesion = ratio(pp - ppg, w - g, smooth=0)
    return sample_mean(sensitivity_weight * on_lesion + (1 - sensitivity_weight) * off_lesion)


@register
class SensitivitySpecificityLoss(Loss):
    """Sensitivity-specificity loss (Brosch 2015): squared errors on and off the lesion."""

    functional = staticmethod(sensitivity_specificity_loss)
    formula = "mean_c r·Σ (g − p)² g / Σ g + (1 − r)·Σ (g − p)² (1 − g) / Σ (1 − g)"
    reference = "Brosch et al. 2015, doi:10.1007/978-3-319-24574-4_1"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "r",
            "sensitivity_weight",
            float,
            "share of the error on the lesion; the rest has 1 − sensitivity_weight",
            letter="r",
            effect="fewer missed voxels, more false positives",
            minimum=0,
            maximum=1,
        ),
    )
