"""What a loss accepts: shapes, types and labels that fit together."""

import torch
from torch import Tensor

from nnunet_losses.losses.primitives.devices import asynchronous


def check_inputs(logits: Tensor, target: Tensor, voxel_weight: Tensor | None, *, regions: bool) -> None:
    """Refuse shapes, types and labels that would be misread silently; one sentence says what was expected."""
    if logits.ndim < 3 or not logits.is_floating_point():
        raise ValueError(f"logits must be floating point of shape (B, C, *S), got {logits.dtype} {tuple(logits.shape)}")
    batch, channels, *space = logits.shape
    if not regions and channels < 2:
        raise ValueError(
            "a softmax over one channel is always 1: labels need at least two channels; "
            "use regions=True for one foreground channel"
        )
    expected = (batch, channels if regions else 1, *space)
    if target.shape != expected:
        raise ValueError(
            f"{'regions' if regions else 'labels'} must have shape {expected} beside logits of shape "
            f"{tuple(logits.shape)}, got {tuple(target.shape)}"
        )
    if voxel_weight is not None and voxel_weight.shape not in {(batch, 1, *space), (batch, channels, *space)}:
        raise ValueError(
            f"voxel_weight must have shape {(batch, 1, *space)} or {(batch, channels, *space)}, "
            f"got {tuple(voxel_weight.shape)}"
        )
    if not regions and not asynchronous(target):
        _check_labels(target, voxel_weight, channels)


def _check_labels(labels: Tensor, weight: Tensor | None, channels: int) -> None:
    """Refuse labels (B, 1, *S) that are not a class at a voxel whose weight is not 0."""
    low, high = torch.aminmax(labels)
    if low >= 0 and high < channels:
        return
    wrong = (labels < 0) | (labels >= channels)
    if weight is not None:
        wrong &= (weight > 0).any(1, keepdim=True)
    if wrong.any():
        raise ValueError(
            f"label {labels[wrong][0].item():g} occurs at a voxel that counts, but the logits have classes 0 to "
            f"{channels - 1}; give voxels to be ignored the weight 0"
        )
