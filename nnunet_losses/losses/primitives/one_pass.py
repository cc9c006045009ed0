"""One read of logits and target forward, one backward: sums over voxels and values of voxels with their gradient."""

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from nnunet_losses.losses.primitives.blocks import (
    Request,
    blocks_of,
    compute_type,
    room_for_blocks,
    samples_of,
    split_columns,
)
from nnunet_losses.losses.primitives.formulas import (
    fill_sigmoid,
    fill_softmax,
    gradient_of_sigmoid,
    gradient_of_softmax,
    weighted_sums,
)


class OnePass(Function):
    """Sums over voxels and values of voxels from one read of the inputs.

    The weighted sums (M, B, K) of the M wanted statistics over the K classes from ``first`` on, None if none is
    wanted; and, if ``voxels``, the log probability of the truth, (B, 1, N) for labels or (B, C, N) for regions.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, target: Tensor, weight: Tensor | None, request: Request
    ) -> tuple[Tensor | None, Tensor | None]:
        """Fill in each block, sum over it, and keep the probabilities where that saves a second pass."""
        ctx.save_for_backward(logits, target, weight)
        ctx.set_materialize_grads(False)
        ctx.request, wanted = request, request.wanted
        log_p = logits.new_empty(target.shape, dtype=compute_type(logits)) if request.voxels else None
        ctx.probabilities = _like(logits) if request.keep else None
        fill = fill_sigmoid if request.regions else fill_softmax
        sums, memory = [], room_for_blocks(logits, request, kept=request.keep)
        with _full_precision(logits):
            for x, t, w, kept, out in samples_of(logits, target, weight, ctx.probabilities, log_p):
                parts: list[Tensor] = []
                blocks = blocks_of(x, t, w, kept, request, memory)
                for block, log_truth in zip(blocks, split_columns(out, memory.shape[1]), strict=False):
                    fill(block, log_truth)
                    parts += weighted_sums(wanted, block)
                if wanted:
                    sums.append(torch.stack(parts).unflatten(0, (-1, len(wanted))).sum(0))
        return torch.stack(sums, 1) if wanted else None, log_p

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_sums: Tensor | None, grad_log_p: Tensor | None) -> tuple[Tensor | None, ...]:
        """Write the gradient at the logits block by block, where possible over the probabilities kept."""
        logits, target, weight = ctx.saved_tensors
        request: Request = ctx.request
        kept, ctx.probabilities = ctx.probabilities, None  # a second backward pass computes them again
        gradient = _like(logits) if kept is None else kept
        by_sample = None if grad_sums is None else grad_sums.transpose(0, 1)
        fill, gradient_of = (
            (fill_sigmoid, gradient_of_sigmoid) if request.regions else (fill_softmax, gradient_of_softmax)
        )
        samples = samples_of(logits, target, weight, kept, gradient, by_sample, grad_log_p)
        memory = room_for_blocks(logits, request, kept=kept is not None)
        length = memory.shape[1]
        with _full_precision(logits):
            for x, t, w, p, out, by_sums, by_log_p in samples:
                slopes = {} if by_sums is None else dict(zip(request.wanted, by_sums[..., None], strict=True))
                blocks = blocks_of(x, t, w, p, request, memory)
                for block, part, pull in zip(
                    blocks, split_columns(out, length), split_columns(by_log_p, length), strict=False
                ):
                    if p is None:
                        fill(block)
                    room = part if part.dtype == block.p.dtype else block.p
                    gradient_of(block, slopes, pull, room)
                    if room is not part:
                        part.copy_(room)
        return gradient, None, None, None


def _like(logits: Tensor) -> Tensor:
    """Room for the gradient."""
    return torch.empty_like(logits, memory_format=torch.contiguous_format)


def _full_precision(x: Tensor) -> AbstractContextManager[Any]:
    return torch.autocast(x.device.type, enabled=False)
