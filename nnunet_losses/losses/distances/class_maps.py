"""What a distance loss is made of: probability, reference and weight of each class at each voxel."""

from typing import NamedTuple

import torch
from torch import Tensor

from nnunet_losses.losses.primitives import check_inputs


class ClassMaps(NamedTuple):
    """The K classes that count, or all regions."""

    p: Tensor  # probabilities (B, K, *S), at least float32
    g: Tensor  # reference (B, K, *S) bool; where a voxel is ignored, it means nothing
    valid: Tensor | None  # (B, 1, *S) or (B, K, *S) bool; None where nothing is ignored
    weight: Tensor | None  # (B, 1, *S) or (B, K, *S)


def class_maps(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    regions: bool = False,
    include_background: bool = False,
) -> ClassMaps:
    """Split a problem into the maps of its classes.

    Arguments and errors as in `region_statistics`; only the probabilities have a gradient.
    """
    check_inputs(logits, target, voxel_weight, regions=regions)
    channels = logits.shape[1]
    first = 0 if regions or include_background else 1
    x = logits if logits.dtype == torch.float64 else logits.float()
    p = x.sigmoid() if regions else x.softmax(1)[:, first:]
    valid = valid_voxels(voxel_weight, regions=regions)
    if regions:
        g = target > 0.5
    else:
        space = (1,) * (target.ndim - 2)
        g = target == torch.arange(first, channels, device=target.device).view(1, -1, *space)
    weight = voxel_weight
    if weight is not None and weight.shape[1] > 1:
        weight = weight[:, first:]
    return ClassMaps(p, g, valid, weight)


def valid_voxels(voxel_weight: Tensor | None, *, regions: bool) -> Tensor | None:
    """Where a voxel counts, (B, 1, *S) bool, or (B, C, *S) for regions with a weight each; None is everywhere.

    With labels, a voxel is ignored if all its weights are 0; with regions, if its weight for the region is 0.
    """
    if voxel_weight is None:
        return None
    return voxel_weight > 0 if regions else (voxel_weight > 0).any(1, keepdim=True)


def sides(target: Tensor, channels: int, *, regions: bool) -> tuple[Tensor, int]:
    """The label maps along whose borders distances are measured, and how many labels they have.

    Labels: (B, 1, *S), ``channels`` of them; labels out of range, which only ignored voxels may have, are moved into
        it.
    Regions: (B, C, *S), two each: outside and inside.
    """
    if regions:
        return target > 0.5, 2
    return target.long().clamp(0, channels - 1), channels
