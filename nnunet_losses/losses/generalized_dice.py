"""Generalised Dice: one overlap for all classes, each weighted by the inverse square of its volume."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.primitives import ratio, region_statistics, sample_mean
from nnunet_losses.losses.weights import frequencies


def generalized_dice_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    fold: bool = False,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = True,
    batch: bool = False,
    class_frequencies: Tensor | None = None,
) -> Tensor:
    """1 − 2 Σ_c v_c Σ p g / Σ_c v_c (Σ p + Σ g), v_c = 1 / (Σ g)².

    Sudre et al. 2017, arXiv:1707.03237 (after Crum, Camara, Hill 2006). The background is a class by default, as in the
    paper. Only the ratios of the v_c matter: they are scaled to a largest of 1 before ``smooth`` is added, so that
    ``smooth`` never outweighs a structure (v_c itself is 1e-10 for an organ). A class absent from the patch, for which
    the paper's v_c is infinite, gets the largest finite one, as in NiftyNet. With ``fold``, the volume in the patch is
    replaced by the share of class c in the voxels of the training cases (or, where it is not given, of the batch), so
    that every patch has the same v_c.

    Range [0, 1], 0 at a perfect prediction. Arguments and errors as in `Loss`.
    """
    volume = None
    if fold:
        shares = frequencies(class_frequencies, logits, target, voxel_weight, regions=regions)
        volume = shares[None, 0 if regions or include_background else 1 :]
    dice = generalized_dice(
        logits,
        target,
        voxel_weight,
        volume=volume,
        smooth=smooth,
        regions=regions,
        include_background=include_background,
        batch=batch,
    )
    return 1 - sample_mean(dice)


def generalized_dice(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    volume: Tensor | None = None,
    smooth: float,
    **modes: bool,
) -> Tensor:
    """The generalised Dice score of each sample, (B,); weights from given volumes, (1, C), or those of the patch."""
    pg, p, g = region_statistics(logits, target, voxel_weight, names="pg p g", **modes)
    v = class_weights(g if volume is None else volume)
    return ratio(2 * (v * pg).sum(-1), (v * (p + g)).sum(-1), smooth)


def class_weights(volume: Tensor) -> Tensor:
    """1 / V² of each class, (B, C), scaled to a largest weight of 1; absent classes get that largest weight."""
    present = volume > 0
    smallest = volume.masked_fill(~present, float("inf")).amin(-1, keepdim=True)
    return (smallest / volume).square().masked_fill(~present, 1.0)


@register
class GeneralizedDiceLoss(Loss):
    """Generalised Dice loss (Sudre 2017): classes weighted by the inverse square of their volume."""

    functional = staticmethod(generalized_dice_loss)
    formula = "1 − 2 Σ_c v_c Σ p g / Σ_c v_c (Σ p + Σ g), v_c = 1 / (Σ g)²"
    reference = "Sudre, Li, Vercauteren, Ourselin, Cardoso 2017, arXiv:1707.03237"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "fold",
            "fold",
            bool,
            "class weights from the training cases of the fold",
            effect="each patch has the same class weights, not those of its own volumes",
        ),
        SMOOTH,
    )

    @property
    def needs(self) -> frozenset[str]:
        """Those of `CIRCUMSTANCES` that this loss takes: class frequencies, and only with ``fold``."""
        return super().needs if self.fold else frozenset()
