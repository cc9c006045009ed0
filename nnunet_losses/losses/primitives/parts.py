"""Parts of a patch, each with sums and means of its own: what makes a loss per lesion cost one pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from torch import Tensor


class Parts(NamedTuple):
    """A cut of the voxels of one sample, (1, C, N), into runs; each part then has its own sums and means."""

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
