"""The sums over voxels that a region loss is a formula of, and the log probability of the truth at each voxel."""

from typing import Any

import torch
from torch import Tensor

from nnunet_losses.losses.primitives.blocks import Request, compute_type
from nnunet_losses.losses.primitives.inputs import check_inputs
from nnunet_losses.losses.primitives.one_pass import OnePass, whole_pass
from nnunet_losses.losses.primitives.parts import NumberedParts, Runs, current_parts
from nnunet_losses.losses.primitives.ranks import sum_over_ranks

STATISTICS = ("pg", "p", "g", "pp", "gg", "ppg", "w")
"""What can be summed over the voxels of a class: Σ w·p·g (the true positives), Σ w·p (the size of the prediction),
Σ w·g (of the reference), Σ w·p², Σ w·g², Σ w·p²·g, and Σ w (of the patch)."""


def region_statistics(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    names: str,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> tuple[Tensor, ...]:
    """Sum products of probability, reference and weight over the voxels of each sample and class.

    Args:
        logits: (B, C, *S), any float type, 2D or 3D.
        target: (B, 1, *S) integer labels, or (B, C, *S) regions.
        voxel_weight: None, (B, 1, *S) or (B, C, *S), ≥ 0. A voxel of weight 0 has no influence, whatever its
            label.
        names: the sums wanted, of `STATISTICS`, for example ``"pg p g"``.
        regions: sigmoid over overlapping regions instead of softmax over labels.
        include_background: keep class 0 of labels; regions have no background channel.
        batch: pool the samples of the batch, over all processes of a distributed training.

    Returns:
        The sums in the order asked for, each (B, C), or (1, C) where the batch is pooled.

    Raises:
        ValueError: shapes, types or labels do not fit together, or there is no such sum.
    """
    sums, _ = _one_pass(
        logits, target, voxel_weight, names, regions, include_background=include_background, batch=batch, voxels=False
    )
    return sums


def log_probabilities(
    logits: Tensor, target: Tensor, voxel_weight: Tensor | None = None, *, regions: bool = False
) -> Tensor:
    """The log probability of the truth at each voxel.

    Labels: log softmax at the true class, (B, 1, *S). Regions: g·log p + (1 − g)·log(1 − p), (B, C, *S).
    ``voxel_weight`` only says where a label may be anything (weight 0); the result is not multiplied by it.
    Arguments and errors as in `region_statistics`.
    """
    _, log_p = _one_pass(logits, target, voxel_weight, "", regions, include_background=True, batch=False, voxels=True)
    return log_p


def statistics_and_log_probabilities(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    names: str,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> tuple[tuple[Tensor, ...], Tensor]:
    """What `region_statistics` and `log_probabilities` give, in one pass and with one gradient.

    For a loss that adds a voxel-wise term to a region term: two passes would take twice the time, and memory for a
    second gradient. Arguments and errors as in `region_statistics`.
    """
    return _one_pass(
        logits, target, voxel_weight, names, regions, include_background=include_background, batch=batch, voxels=True
    )


def _one_pass(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    names: str,
    regions: bool,
    *,
    include_background: bool,
    batch: bool,
    voxels: bool,
) -> tuple[Any, Any]:
    """The sums asked for, and the log probabilities if ``voxels``, else None."""
    check_inputs(logits, target, weight, regions=regions)
    wanted = tuple(names.split())
    if unknown := set(wanted) - set(STATISTICS):
        raise ValueError(f"unknown statistic {', '.join(sorted(unknown))}; there are: {', '.join(STATISTICS)}")
    keep = torch.is_grad_enabled() and logits.requires_grad and logits.dtype == compute_type(logits)
    request = Request(regions, 0 if regions or include_background else 1, wanted, voxels, keep)
    parts = current_parts()
    x, t, w = logits.flatten(2), target.flatten(2), None if weight is None else weight.flatten(2)
    if w is not None and isinstance(parts, Runs):
        runs = zip(parts.split(x), parts.split(t), parts.split(w), strict=True)
        rows, log_ps = zip(*(OnePass.apply(*run, request) for run in runs), strict=True)
        sums = parts.join(torch.cat(rows, 1).transpose(0, 1)).transpose(0, 1) if wanted else None
        log_p = torch.cat(log_ps, 2) if voxels else None
    elif w is not None and isinstance(parts, NumberedParts):
        sums, log_p = whole_pass(x, t, w, request, parts)
    else:
        sums, log_p = OnePass.apply(x, t, w, request)
    if sums is not None and batch:
        sums = sum_over_ranks(sums.sum(1, keepdim=True))
    return () if sums is None else sums.unbind(), None if log_p is None else log_p.unflatten(2, target.shape[2:])
