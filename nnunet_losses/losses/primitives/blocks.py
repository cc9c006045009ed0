"""Blocks of voxels that stay in cache, all computed in the same memory."""

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nnunet_losses.losses.primitives.devices import asynchronous

# Elements of the temporaries of a block. On the CPU: few enough for the cache and small beside the gradient, many
# enough that the cost of a call does not matter. Elsewhere: at most 128 MB.
CPU_BLOCKS = 1 << 16, 1 << 19
DEVICE_BLOCK = 1 << 25


class Request(NamedTuple):
    """What is asked of a pass over the voxels."""

    regions: bool
    first: int  # the sums leave out the classes before it
    wanted: tuple[str, ...]  # names of the sums
    voxels: bool  # log probabilities, too
    keep: bool  # the probabilities, for the backward pass

    def rows(self, channels: int, kept: bool) -> tuple[int, int, int, int]:
        """Rows of memory that a block needs: for references, products, probabilities, and one row more."""
        rows = channels if self.voxels else channels - self.first
        return rows, 0 if self._in_place else rows, 0 if kept else channels, 1

    @property
    def _in_place(self) -> bool:
        """Whether products may take the place of the references, as nothing asks for these afterwards."""
        return not self.voxels and all(name == "pg" or len(name) == 1 for name in self.wanted)


class Block(NamedTuple):
    """A run of n voxels of one sample, in the type that is computed in.

    All blocks compute in the same memory: fresh memory would fall out of cache. Only probabilities that are kept have
    a place of their own. Of C channels, the last K are the classes summed. Where a batch is one block, n is (B, N).
    """

    x: Tensor  # logits (C, n)
    g: Tensor  # reference, one-hot for labels: (C, n), or (K, n) where only sums are wanted
    w: Tensor | None  # weight (n,) or (K, n)
    p: Tensor  # probabilities (C, n), or room for them
    products: Tensor  # room like g, may be that of g
    row: Tensor  # room (1, n)
    summed: tuple[Tensor, Tensor, Tensor]  # the last K rows of g, p and products


def room_for_batch(logits: Tensor, request: Request, *, kept: bool) -> Tensor | None:
    """Room for a batch (B, C, N) as one block, (rows, B, N); None on the CPU, or if it would be too large."""
    batch, channels, voxels = logits.shape
    rows = sum(request.rows(channels, kept))
    if not asynchronous(logits) or rows * batch * voxels > DEVICE_BLOCK:
        return None
    return logits.new_empty(rows, batch, voxels, dtype=compute_type(logits))


def room_for_blocks(logits: Tensor, request: Request, *, kept: bool) -> Tensor:
    """Room for a block of (B, C, N): the rows that it needs and as many columns as it has voxels."""
    _, channels, voxels = logits.shape
    rows = sum(request.rows(channels, kept))
    least, most = CPU_BLOCKS
    size = DEVICE_BLOCK if asynchronous(logits) else min(max(logits.numel() // 12, least), most)
    blocks = max(1, round(voxels * rows / size))
    return logits.new_empty(rows, max(1, math.ceil(voxels / blocks)), dtype=compute_type(logits))


def blocks_of(
    logits: Tensor, target: Tensor, weight: Tensor | None, kept: Tensor | None, request: Request, memory: Tensor
) -> Iterator[Block]:
    """Cut one sample (C, N) into blocks that fit into the memory, or take a batch (C, B, N) as one."""
    channels, dtype = len(logits), memory.dtype
    length = memory.shape[-1]
    sizes = request.rows(channels, kept is not None)
    classes = torch.arange(channels - sizes[0], channels, dtype=dtype, device=logits.device)
    classes = classes.view(-1, *[1] * (logits.ndim - 1))
    if target.dtype == torch.bool:
        target = target.view(torch.uint8)  # torch converts bool to float six times as slowly
    g, products, p, row = memory.split(sizes)
    products = products if len(products) else g
    first = request.first
    summed = g[first - channels :], p[first:], products[first - channels :]
    places = (split_columns(x, length) for x in (logits, target, weight, kept, None if kept is None else kept[first:]))
    for x, t, w, kept_p, kept_summed in zip(*places, strict=False):
        if (n := x.shape[-1]) < length:  # the last block
            g, p, products, row = (room[..., :n] for room in (g, p, products, row))
            summed = summed[0][..., :n], summed[1][..., :n], summed[2][..., :n]
        if kept_p is not None:
            p, summed = kept_p, (summed[0], kept_summed, summed[2])
        if request.regions:
            g.copy_(t)
        else:
            torch.eq(row.copy_(t), classes, out=g)
        if w is not None:
            w = (w[0] if len(w) == 1 else w[first:]).to(dtype)
        yield Block(x.to(dtype), g, w, p, products, row, summed)


def split_columns(x: Tensor | None, length: int) -> Iterator[Any]:
    """The blocks of (..., N); None stays None."""
    return itertools.repeat(None) if x is None else iter(x.split(length, -1))


def samples_of(*tensors: Tensor | None) -> Iterator[tuple[Any, ...]]:
    """Go through the samples of several tensors together; None stays None."""
    return zip(*(itertools.repeat(None) if x is None else x for x in tensors), strict=False)


def batch_of(*tensors: Tensor | None) -> Iterator[tuple[Any, ...]]:
    """The whole batches of several tensors (B, C, ...), as (C, B, ...); None stays None."""
    yield tuple(None if x is None else x.transpose(0, 1) for x in tensors)


def compute_type(x: Tensor) -> torch.dtype:
    """The type that a loss computes in: float64 for float64, else float32."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32
