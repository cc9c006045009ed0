"""The means that a loss ends with, over all processes of a distributed training."""

import torch
from torch import Tensor

from nnunet_losses.losses.primitives.parts import current_parts
from nnunet_losses.losses.primitives.ranks import sum_over_ranks


def voxel_mean(values: Tensor, voxel_weight: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
    """Mean of a voxel-wise loss, Σ w·l / #{w > 0}, over the batch and over all processes.

    With weights ≥ 1 this is the weighted mean of the inverse-weighting paper; with a mask, it is nnU-Net's mean over
    valid voxels. It is 0 where no voxel counts. Of weights per class, (B, C, *S), that of a voxel's true class is taken
    if ``labels`` are given.
    """
    if voxel_weight is None:
        total, count = values.sum(), values.new_full((), values.numel())
    else:
        weight = weight_of_truth(voxel_weight, values, labels).to(values.dtype)
        if (parts := current_parts()) is not None:
            both = torch.stack([values * weight, (weight > 0).expand_as(values).to(values.dtype)])
            totals, counts = parts.sums(both.flatten(1, -2)).sum(-1).unbind(1)
            return totals / counts.clamp_min(1)
        total, count = (values * weight).sum(), (weight > 0).expand_as(values).sum().to(values.dtype)
    total, count = sum_over_ranks(torch.stack([total, count]))
    return total / count.clamp_min(1)


def sample_mean(values: Tensor) -> Tensor:
    """Mean of (B, C) over classes and samples, or of (B,) over samples, those of all processes."""
    per_sample = values.flatten(1).mean(1) if values.ndim > 1 else values
    if current_parts() is not None:
        return per_sample
    total, count = sum_over_ranks(torch.stack([per_sample.sum(), per_sample.new_full((), len(per_sample))]))
    return total / count.clamp_min(1)


def weight_of_truth(voxel_weight: Tensor, values: Tensor, labels: Tensor | None) -> Tensor:
    """The weight that goes with each element of ``values``: that of its voxel or of its true class."""
    if labels is None or voxel_weight.shape[1] == values.shape[1]:
        return voxel_weight
    classes = labels.long().clamp(0, voxel_weight.shape[1] - 1)  # a label out of range stands where all weights are 0
    return voxel_weight.gather(1, classes)
