"""Sums by number, such as the size of each component, on a device that must not be waited for."""

import torch
from torch import Tensor

_SPREAD = 1 << 12
"""Slots that share the voxels of number 0: if millions were added to one, each would wait for the one before."""


def highest_number(numbers: Tensor) -> int:
    """A bound on the numbers: that of their type if they are short, which nnU-Net's are, else the largest of them."""
    short = numbers.dtype in (torch.uint8, torch.int8, torch.int16)
    return torch.iinfo(numbers.dtype).max if short else int(numbers.max())


def slots_of(numbers: Tensor, highest: int) -> Tensor:
    """For each number (..., N) its place in a table of 1 + ``highest`` + `_SPREAD` sums; those of 0 are spread."""
    spread = torch.arange(numbers.shape[-1], device=numbers.device).remainder_(_SPREAD).add_(highest + 1)
    return torch.where(numbers > 0, numbers.long(), spread)


def count_by_number(numbers: Tensor) -> Tensor:
    """How often each number occurs in each row of (R, N), ≥ 0: (R, 1 + `highest_number`), with 0 for number 0."""
    highest = highest_number(numbers)
    counts = torch.zeros(len(numbers), highest + 1 + _SPREAD, dtype=torch.int64, device=numbers.device)
    slots = slots_of(numbers, highest)
    return counts.scatter_add_(1, slots, torch.ones_like(slots))[:, : highest + 1]


def sums_by_number(values: Tensor, numbers: Tensor, highest: int) -> Tensor:
    """The sum of ``values`` (..., N) over the voxels of each number (N,): (1 + ``highest``, ...), 0 for number 0."""
    sums = values.new_zeros(highest + 1 + _SPREAD, *values.shape[:-1])
    return sums.index_add(0, slots_of(numbers, highest), values.movedim(-1, 0))[: highest + 1]
