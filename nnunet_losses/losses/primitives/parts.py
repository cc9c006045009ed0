"""Parts of a patch, each with sums and means of its own: what makes a loss per lesion cost one pass."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from nnunet_losses.losses.primitives.numbers import sums_by_number


class Parts(ABC):
    """A cut of the voxels of one sample, (1, C, N), into parts, each of which has its own sums and means."""

    @abstractmethod
    def sums(self, x: Tensor) -> Tensor:
        """The sum of (..., N) over each part: (parts, ...)."""


@dataclass(frozen=True)
class Runs(Parts):
    """Parts whose voxels lie one after the other."""

    sizes: list[int]
    """Voxels of each run; they add up to N."""
    shared: bool
    """Whether the first run is no part of its own but belongs to every other."""

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """The runs of (..., N)."""
        return x.split(self.sizes, -1)

    def join(self, rows: Tensor) -> Tensor:
        """Sums of the parts, from those of the runs, (runs, ...)."""
        return rows[1:] + rows[:1] if self.shared else rows

    @override
    def sums(self, x: Tensor) -> Tensor:
        return self.join(torch.stack([run.sum(-1) for run in self.split(x)]))


@dataclass(frozen=True)
class NumberedParts(Parts):
    """Parts by number, on a device: there are as many as numbers are possible, so that nobody waits for their count.

    The voxels are those of several samples of equal size, one after the other. Each has the numbers 1 … ``highest``;
    voxels of number 0 belong to every part of their sample.
    """

    numbers: Tensor
    """(samples, N) the part of each voxel."""
    highest: int

    @override
    def sums(self, x: Tensor) -> Tensor:
        samples = len(self.numbers)
        rest = (x * (self.numbers == 0).flatten()).unflatten(-1, (samples, -1)).sum(-1).movedim(-1, 0)
        own = sums_by_number(x, self._own_numbers(), samples * self.highest)[1:]
        return (own.unflatten(0, (samples, -1)) + rest[:, None]).flatten(0, 1)

    def _own_numbers(self) -> Tensor:
        """Numbers that no two samples share."""
        before = torch.arange(len(self.numbers), device=self.numbers.device)[:, None] * self.highest
        return torch.where(self.numbers > 0, self.numbers + before, 0).flatten()


_current: ContextVar[Parts | None] = ContextVar("parts", default=None)


@contextmanager
def in_parts(parts: Parts) -> Iterator[None]:
    """Inside, sums and means are taken of each part by itself: a loss ``of_sums`` gives (parts,) values, not a scalar.

    One pass over the voxels replaces one evaluation for each part. The problem must be one sample with a voxel weight,
    not pooled; nothing is exchanged with other processes.
    """
    token = _current.set(parts)
    try:
        yield
    finally:
        _current.reset(token)


def current_parts() -> Parts | None:
    """The parts inside `in_parts`; None elsewhere."""
    return _current.get()
