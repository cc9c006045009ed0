"""Dice: overlap relative to the mean size of prediction and reference."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.primitives import ratio, region_statistics, sample_mean


def dice_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    squared: bool = False,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> Tensor:
    """1 − mean_c (2 Σ p g + s) / (Σ p + Σ g + s), or with Σ p² + Σ g² below the line if ``squared``.

    Drozdzal et al. 2016, arXiv:1608.04117; squared: Milletari, Navab, Ahmadi 2016, arXiv:1606.04797. The mean
    over classes of the ratio is nnU-Net's form, not one ratio pooled over classes.

    Range [0, 1], 0 at a perfect prediction. With ``smooth`` (s) a class absent from patch and prediction
    costs nothing; with ``smooth=0``, an absent class costs 1 whatever is predicted, and has no gradient.
    Arguments and errors as in `Loss`.
    """
    modes = {"regions": regions, "include_background": include_background, "batch": batch}
    if squared:
        pg, pp, gg = region_statistics(logits, target, voxel_weight, names="pg pp gg", **modes)
        return 1 - sample_mean(ratio(2 * pg, pp + gg, smooth))
    pg, p, g = region_statistics(logits, target, voxel_weight, names="pg p g", **modes)
    return 1 - sample_mean(ratio(2 * pg, p + g, smooth))


@register
class DiceLoss(Loss):
    """Soft Dice loss: unsquared (Drozdzal 2016) or squared (Milletari 2016)."""

    functional = staticmethod(dice_loss)
    formula = "1 − mean_c 2 Σ p g / (Σ p + Σ g)"
    reference = "Drozdzal et al. 2016, arXiv:1608.04117; squared: Milletari et al. 2016, arXiv:1606.04797"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "squared",
            "squared",
            bool,
            "squares in the denominator (V-Net)",
            effect="Σ p² + Σ g² takes the place of Σ p + Σ g",
        ),
        SMOOTH,
    )
