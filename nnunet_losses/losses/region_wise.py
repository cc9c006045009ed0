"""Region-wise: probability times a map that rewards the core of a class and penalises every other voxel."""

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, register
from nnunet_losses.losses.distances import Spacing, class_maps, distances_to_others, largest_of_label, sides
from nnunet_losses.losses.primitives import voxel_mean


def region_wise_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    regions: bool = False,
    include_background: bool = True,
    spacing: Spacing = None,
) -> Tensor:
    """Σ_c,i w_i z_c,i p_c,i / #{w > 0}, z_c = −D / max D inside class c, +1 elsewhere.

    Valverde & Tohka 2021, arXiv:2108.01405: rectified region-wise maps. D is the distance to the nearest voxel of
    another class (of a region, outside it), in the units of the spacing; its maximum is taken over the class in the
    patch. The mean is over voxels and all classes, the background included, as in the paper. A class that fills the
    patch has no
    border: z is 0 in it.

    Range [−1, 1], smallest at a perfect prediction, where it is negative. Ignored voxels border on nothing; of weights
    per class, that of the class summed over is taken. Arguments and errors as in `Loss`.
    """
    maps = class_maps(logits, target, voxel_weight, regions=regions, include_background=include_background)
    with torch.no_grad():
        labels, classes = sides(target, logits.shape[1], regions=regions)
        distances = distances_to_others(labels, maps.valid, spacing, classes=classes, dtype=maps.p.dtype)
        largest = largest_of_label(distances, labels, classes)
        depth = distances / largest.masked_fill(largest == 0, 1)
        z = torch.where(maps.g, -depth, 1)
    return voxel_mean(z * maps.p, maps.weight)


@register
class RegionWiseLoss(Loss):
    """Region-wise loss with rectified maps (Valverde & Tohka 2021)."""

    functional = staticmethod(region_wise_loss)
    formula = "Σ_c,i w_i z_c,i p_c,i / #{w > 0}, z_c = −D / max D inside class c, +1 elsewhere"
    reference = "Valverde, Tohka 2021, arXiv:2108.01405, doi:10.1016/j.patcog.2022.109208"
