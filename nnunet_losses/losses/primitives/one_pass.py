"""One read of logits and target forward, one backward: sums over voxels and values of voxels with their gradient."""

from contextlib import AbstractContextManager
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from nnunet_losses.losses.primitives.blocks import (
    Request,
    batch_of,
    blocks_of,
    compute_type,
    room_for_batch,
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
from nnunet_losses.losses.primitives.parts import Parts


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
        whole = room_for_batch(logits, request, kept=request.keep)
        memory = room_for_blocks(logits, request, kept=request.keep) if whole is None else whole
        samples = (samples_of if whole is None else batch_of)(logits, target, weight, ctx.probabilities, log_p)
        sums = []
        with _full_precision(logits):
            for x, t, w, kept, out in samples:
                parts: list[Tensor] = []
                blocks = blocks_of(x, t, w, kept, request, memory)
                for block, log_truth in zip(blocks, split_columns(out, memory.shape[-1]), strict=False):
                    fill(block, log_truth)
                    parts += weighted_sums(wanted, block)
                if wanted:
                    of_blocks = torch.stack(parts)
                    # a sum over the blocks, which a batch is only one of
                    sums.append(of_blocks.unflatten(0, (-1, len(wanted))).sum(0) if whole is None else of_blocks)
        if not wanted:
            return None, log_p
        return torch.stack(sums, 1) if whole is None else sums[0].transpose(1, 2), log_p

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_sums: Tensor | None, grad_log_p: Tensor | None) -> tuple[Tensor | None, ...]:
        """Write the gradient at the logits block by block, where possible over the probabilities kept."""
        logits, target, weight = ctx.saved_tensors
        request: Request = ctx.request
        kept, ctx.probabilities = ctx.probabilities, None  # a second backward pass computes them again
        gradient = _like(logits) if kept is None else kept
        fill, gradient_of = (
            (fill_sigmoid, gradient_of_sigmoid) if request.regions else (fill_softmax, gradient_of_softmax)
        )
        whole = room_for_batch(logits, request, kept=kept is not None)
        memory = room_for_blocks(logits, request, kept=kept is not None) if whole is None else whole
        samples = (samples_of if whole is None else batch_of)(logits, target, weight, kept, gradient, grad_log_p)
        length = memory.shape[-1]
        with _full_precision(logits):
            for number, (x, t, w, p, out, by_log_p) in enumerate(samples):
                slopes = {}
                if grad_sums is not None:  # (M, B, K)
                    by_sums = grad_sums[:, number] if whole is None else grad_sums.transpose(1, 2)
                    slopes = dict(zip(request.wanted, by_sums[..., None], strict=True))
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


def whole_pass(
    logits: Tensor, target: Tensor, weight: Tensor, request: Request, parts: Parts
) -> tuple[Tensor | None, Tensor | None]:
    """What `OnePass` gives, with sums over each part, (M, parts, K), from a few operations on whole tensors.

    For a device, where an operation takes as long for a small part as for the whole patch.
    """
    x, classes = logits.to(compute_type(logits)), logits.shape[1]
    with _full_precision(logits):
        if request.regions:
            g = target.to(x.dtype)
            p, log_truth = x.sigmoid(), g * nn.functional.logsigmoid(x) + (1 - g) * nn.functional.logsigmoid(-x)
        else:
            g = (target == torch.arange(classes, device=x.device).view(1, -1, 1)).to(x.dtype)
            log_p = x.log_softmax(1)
            p, log_truth = log_p.exp(), (g * log_p).sum(1, keepdim=True)
        sums = None
        if request.wanted:
            of_letter = {"p": p[0, request.first :], "g": g[0, request.first :]}
            w = (weight[0] if weight.shape[1] == 1 else weight[0, request.first :]).to(x.dtype)
            factors = [[of_letter[letter] for letter in name if letter in of_letter] for name in request.wanted]
            products = [reduce(torch.mul, found, w).expand_as(of_letter["p"]) for found in factors]
            sums = parts.sums(torch.stack(products)).transpose(0, 1)
        return sums, log_truth if request.voxels else None


def _like(logits: Tensor) -> Tensor:
    """Room for the gradient."""
    return torch.empty_like(logits, memory_format=torch.contiguous_format)


def _full_precision(x: Tensor) -> AbstractContextManager[Any]:
    return torch.autocast(x.device.type, enabled=False)
