"""What goes over all processes of a distributed training: sums with a gradient, and gathered values."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function

_alone = ContextVar("alone", default=False)


@contextmanager
def one_rank_alone() -> Iterator[None]:
    """Inside, nothing is exchanged: for parts of a loss that processes compute unequally often."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


class _SumOverRanks(Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: Any, grad: Tensor) -> Tensor:
        # Every process computes the same loss from the same total, so the gradient of the sum of these losses is the
        # world size times the local one. The mean that DDP then takes gives the gradient of a single process.
        return grad * dist.get_world_size()


def sum_over_ranks(x: Tensor) -> Tensor:
    """Sum ``x`` over the processes of a distributed training; ``x`` itself where there is only one.

    Every process must call it equally often. After DDP has averaged the gradients over the processes, they equal those
    of one process that sees the whole batch.
    """
    return _SumOverRanks.apply(x) if several_ranks() else x


def gather_over_ranks(x: Tensor) -> tuple[list[Tensor], int]:
    """The ``x`` of every process, without gradient, and the position of this process's own among them.

    They may differ in the length of the last axis. Every process must call it equally often.
    """
    x = x.detach()
    if not several_ranks():
        return [x], 0
    lengths = [x.new_zeros(1, dtype=torch.int64) for _ in range(dist.get_world_size())]
    dist.all_gather(lengths, x.new_full((1,), x.shape[-1], dtype=torch.int64))
    longest = int(torch.cat(lengths).max())
    parts = [x.new_empty(*x.shape[:-1], longest) for _ in lengths]
    dist.all_gather(parts, torch.nn.functional.pad(x, (0, longest - x.shape[-1])))
    return [part[..., : int(n)] for part, n in zip(parts, lengths, strict=True)], dist.get_rank()


def several_ranks() -> bool:
    """Whether the loss is one of several processes."""
    return not _alone.get() and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
