"""Exact Euclidean distances inside a patch, between the centres of voxels, in the units of the spacing.

On the CPU they come from the package edt, in as many threads as torch may use; elsewhere from plain torch, on the
device. Both are exact: the squared distance is a sum over the axes, so its minimum can be taken along one axis
after the other (Felzenszwalb & Huttenlocher 2012, doi:10.4086/toc.2012.v008a019). Nothing here has a gradient.

Conventions:

- Where there is nothing to measure to, the distance is 0: in a map without sources, and on both sides of a mask that is
  empty or full. Such a map contributes nothing to a loss, as in the code of Kervadec et al. and in MONAI.
- Beyond the patch there is nothing: the edge of the patch is not the border of a structure.
- An ignored voxel belongs to no class and to no side, as if it lay beyond the patch: no distance is measured to it,
  whatever its label, and its own distance is 0.
"""

import edt
import numpy as np
import torch
from torch import Tensor

from nnunet_losses.losses.distances.fusion import fused
from nnunet_losses.losses.primitives import asynchronous

Spacing = tuple[float, ...] | None
"""Size of a voxel along each axis of S; None is 1 along each."""

# Elements of a block of the torch transform, as in `primitives`: cache on the CPU, 256 MB of float32 elsewhere.
CPU_BLOCK = 1 << 18
DEVICE_BLOCK = 1 << 26


@torch.no_grad()
def distances_to(sources: Tensor, spacing: Spacing = None, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """The distance from each voxel to the nearest source; 0 everywhere in a map without sources.

    Args:
        sources: (B, K, *S) bool, each of the B·K maps by itself; S is 2D or 3D.
        spacing: size of a voxel along each axis of S.
        dtype: float32 or float64.

    Returns: (B, K, *S) of type ``dtype``.

    Raises:
        ValueError: the spacing is not one positive number for each axis.
    """
    steps = check_spacing(spacing, sources.ndim - 2)
    if not asynchronous(sources):
        return _lengths(squared_by_edt(~sources, steps), dtype)
    return _lengths(squared_by_torch(sources, steps, dtype), dtype)


@torch.no_grad()
def distances_to_others(
    labels: Tensor,
    valid: Tensor | None = None,
    spacing: Spacing = None,
    *,
    classes: int = 2,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """The distance from each voxel to the nearest voxel of another label; in a mask, to its other side.

    Args:
        labels: (B, K, *S) bool, or labels 0 … ``classes`` − 1 of any type; each of the B·K maps by itself.
        valid: None, (B, 1, *S) or (B, K, *S) bool; False where a voxel is ignored, whatever its label.
        spacing: size of a voxel along each axis of S.
        classes: how many labels there are.
        dtype: float32 or float64.

    Returns: (B, K, *S) of type ``dtype``; 0 where no other label exists, and where a voxel is ignored.

    Raises:
        ValueError: the spacing is not one positive number for each axis.
    """
    if not asynchronous(labels) and (valid is None or bool(valid.all())):
        numbers = labels.to(torch.uint8 if classes < 255 else torch.int32) + 1  # 0 is a source to edt
        return _lengths(squared_by_edt(numbers, check_spacing(spacing, labels.ndim - 2)), dtype)
    found = torch.zeros(labels.shape, dtype=dtype, device=labels.device)
    for label in range(classes):
        here = labels == label
        others = ~here if valid is None else ~here & valid
        found = torch.where(here, distances_to(others, spacing, dtype=dtype), found)
    return found if valid is None else found.masked_fill(~valid, 0)


def signed_distances(
    masks: Tensor, valid: Tensor | None = None, spacing: Spacing = None, *, dtype: torch.dtype = torch.float32
) -> Tensor:
    """The distance to the other side of each mask, negative inside and positive outside.

    It is 0 only where a mask is empty or full, or where a voxel is ignored. Arguments and errors as in
    `distances_to_others`, with masks (B, K, *S) bool.
    """
    distances = distances_to_others(masks, valid, spacing, dtype=dtype)
    return torch.where(masks, -distances, distances)


def largest_of_label(values: Tensor, labels: Tensor, classes: int) -> Tensor:
    """At each voxel, the largest of ``values`` (B, K, *S), ≥ 0, among the voxels of the same map and label."""
    largest = torch.zeros_like(values)
    space = tuple(range(2, values.ndim))
    for label in range(classes):
        here = labels == label
        largest = torch.where(here, values.masked_fill(~here, 0).amax(space, keepdim=True), largest)
    return largest


def check_spacing(spacing: Spacing, axes: int) -> tuple[float, ...]:
    """The spacing along each axis.

    Raises:
        ValueError: it is not one positive number for each axis.
    """
    if spacing is None:
        return (1.0,) * axes
    if len(spacing) != axes or not all(0 < step < float("inf") for step in spacing):
        raise ValueError(f"spacing must be {axes} positive numbers, one per axis of the patch, got {tuple(spacing)}")
    return tuple(float(step) for step in spacing)


def squared_by_edt(labels: Tensor, spacing: tuple[float, ...]) -> Tensor:
    """Squared distance from each voxel to the nearest 0 or other label, by edt; infinite where there is none.

    ``labels`` is (B, K, *S) bool or integer on the CPU; the distances are float32, so exact for whole spacings.
    """
    maps = labels.flatten(0, 1).contiguous().numpy()
    squared = np.empty(maps.shape, np.float32)
    for number, one in enumerate(maps):
        squared[number] = edt.edtsq(one, anisotropy=spacing, black_border=False, parallel=torch.get_num_threads())
    return torch.from_numpy(squared).view(labels.shape)


def squared_by_torch(sources: Tensor, spacing: tuple[float, ...], dtype: torch.dtype = torch.float32) -> Tensor:
    """Squared distance from each voxel to the nearest source, in plain torch; infinite where there is none."""
    squared = torch.zeros(sources.shape, dtype=dtype, device=sources.device).masked_fill_(~sources, float("inf"))
    for axis, step in enumerate(spacing, start=2):
        squared = _lower_envelope(squared, axis, step)
    return squared.contiguous()


def _lower_envelope(squared: Tensor, axis: int, step: float) -> Tensor:
    """The minimum over j of squared[j] + (step·(i − j))² at each i along an axis, for many lines at a time."""
    lines = squared.movedim(axis, -1)
    flat = lines.reshape(-1, lines.shape[-1])
    lowest = fused(_lowest)(flat, _costs(flat, step))
    if lowest is None:
        lowest = torch.cat([_lowest(part, _costs(flat, step)) for part in _blocks(flat)])
    return lowest.view(lines.shape).movedim(-1, axis)


def nearest_along(squared: Tensor, numbers: Tensor, axis: int, step: float) -> tuple[Tensor, Tensor]:
    """The same minimum, and the number at the j that has it; of several, one of them. Both (*S)."""
    lines, of_lines = squared.movedim(axis, -1), numbers.movedim(axis, -1)
    flat = lines.reshape(-1, lines.shape[-1])
    found = fused(_lowest_and_place)(flat, _costs(flat, step))
    if found is None:
        lowest, places = zip(*(_lowest_and_place(part, _costs(flat, step)) for part in _blocks(flat)), strict=True)
        found = torch.cat(lowest), torch.cat(places)
    nearest = of_lines.gather(-1, found[1].view(lines.shape))
    return found[0].view(lines.shape).movedim(-1, axis), nearest.movedim(-1, axis)


def _costs(lines: Tensor, step: float) -> Tensor:
    """(step·(i − j))² along a line."""
    places = torch.arange(lines.shape[-1], dtype=lines.dtype, device=lines.device)
    return ((places[:, None] - places) * step).square_()


def _blocks(lines: Tensor) -> tuple[Tensor, ...]:
    """Lines (n, L) whose n·L² sums fit into memory together."""
    return lines.split(max(1, (DEVICE_BLOCK if asynchronous(lines) else CPU_BLOCK) // lines.shape[-1] ** 2))


def _lowest(lines: Tensor, costs: Tensor) -> Tensor:
    return (lines[:, None] + costs).amin(-1)


def _lowest_and_place(lines: Tensor, costs: Tensor) -> tuple[Tensor, Tensor]:
    lowest, places = (lines[:, None] + costs).min(-1)
    return lowest, places


def _lengths(squared: Tensor, dtype: torch.dtype) -> Tensor:
    """Distances of squared distances; 0 for infinite ones."""
    return squared.to(dtype).masked_fill_(squared.isinf(), 0).sqrt_()
