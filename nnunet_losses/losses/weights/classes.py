"""How frequent the classes are, and the weights of classes that follow from it."""

import torch
from torch import Tensor

from nnunet_losses.losses.primitives import sum_over_ranks, weight_of_truth


def frequencies(
    class_frequencies: Tensor | None,
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None,
    *,
    regions: bool,
) -> Tensor:
    """The share of the voxels that belongs to each class or region, (C,), in at least float32.

    These are the ``class_frequencies`` of the training cases if given, else the shares of the voxels of the batch that
    count (w > 0), over all processes.

    Raises:
        ValueError: there is not one share for each class.
    """
    channels = logits.shape[1]
    dtype = torch.promote_types(logits.dtype, torch.float32)
    if class_frequencies is not None:
        if class_frequencies.shape != (channels,):
            raise ValueError(
                f"class_frequencies must hold one share for each of the {channels} channels of the logits, "
                f"got shape {tuple(class_frequencies.shape)}"
            )
        return class_frequencies.to(logits.device, dtype)
    counts = target.new_ones(1, dtype=torch.bool) if voxel_weight is None else voxel_weight > 0
    if regions:
        counts = counts.expand_as(target)
        axes = [axis for axis in range(target.ndim) if axis != 1]
        number, total = (target * counts).sum(axes, dtype=dtype), counts.sum(axes, dtype=dtype)
    else:
        labels = target.flatten() if voxel_weight is None else target[weight_of_truth(counts, target, target)]
        number = torch.bincount(labels.long(), minlength=channels)[:channels].to(dtype)
        total = number.sum().expand(channels)
    number, total = sum_over_ranks(torch.stack([number, total]))
    return number / total.clamp_min(1)


def inverse_power(shares: Tensor, power: float) -> Tensor:
    """f^(−power) of the shares f along the last axis; an absent class gets the largest of the others, or 1."""
    present = shares > 0
    smallest = shares.masked_fill(~present, 1.0).amin(-1, keepdim=True)
    return torch.where(present, shares, smallest) ** -power


def weight_of_class(weights: Tensor, target: Tensor, *, regions: bool) -> Tensor:
    """The weight at each element of a target: labels (B, 1, *S) with weights (C,), or regions (B, C, *S) with (C, 2).

    A region has two weights: off and on.
    """
    if not regions:
        return weights[
            target.long().clamp(0, len(weights) - 1)
        ]  # a label out of range stands where voxel weights are 0
    off, on = weights.view(len(weights), 2, *[1] * (target.ndim - 2)).unbind(1)
    return off + (on - off) * target.to(weights.dtype)
