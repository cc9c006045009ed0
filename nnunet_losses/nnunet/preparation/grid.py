"""What becomes of lesions in the network's grid: nnU-Net resamples the labels, and small ones can vanish."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from nnunet_losses.base.components import component_sizes, connected_components
from nnunet_losses.base.images import NO_THICKNESS, read_geometry, read_segmentation
from nnunet_losses.base.labels import Label, LabelSet, mask_of
from nnunet_losses.data.imbalance import GridCase

Resample = Callable[..., NDArray[Any]]


@dataclass(frozen=True)
class Grid:
    """The grid that a configuration of nnU-Net works in.

    name: what messages call it.
    spacing: mm, in nnU-Net's order of axes; two values in a 2D configuration, which leaves the first axis as it is.
    transpose: nnU-Net's order of the axes (z, y, x) of a file.
    patch_size: voxels.
    resample: nnU-Net's function for label maps: (1, *S), new shape, old and new spacing.
    """

    name: str
    spacing: tuple[float, ...]
    transpose: tuple[int, int, int]
    patch_size: tuple[int, ...]
    resample: Resample


def planned_grid(plans: Mapping[str, Any], configuration: str) -> Grid:
    """The grid of a configuration in nnU-Net's plans, which must have it."""
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(dict(plans))
    planned = manager.get_configuration(configuration)
    first, second, third = manager.transpose_forward
    return Grid(
        configuration,
        tuple(float(mm) for mm in planned.spacing),
        (int(first), int(second), int(third)),
        tuple(int(n) for n in planned.patch_size),
        planned.resampling_fn_seg,
    )


def lesions_in_grid(
    labels: Mapping[str, Path], label_set: LabelSet, grid: Grid, *, workers: int = 1
) -> tuple[GridCase, ...]:
    """What each label of each case becomes in a grid.

    The images are taken whole; nnU-Net first crops them to what is not zero, which moves its grid by less than a voxel.

    Args:
        labels: the label map of each case.
        label_set: of the data set.
        grid: the grid.
        workers: threads over cases.

    Raises:
        UserError: a label map cannot be read.
    """

    def work(item: tuple[str, Path]) -> Iterable[GridCase]:
        case, path = item
        return _case(case, read_segmentation(path), read_geometry(path).spacing_mm, label_set, grid)

    with ThreadPoolExecutor(workers) as pool:
        return tuple(found for of in pool.map(work, labels.items()) for found in of)


def _case(
    case: str, voxels: NDArray[np.integer], spacing: Sequence[float], label_set: LabelSet, grid: Grid
) -> list[GridCase]:
    from nnunetv2.preprocessing.resampling.default_resampling import compute_new_shape

    solid = voxels.reshape((*voxels.shape, 1)[:3]) if voxels.ndim == 2 else voxels
    before = np.transpose(solid, (2, 1, 0)).transpose(grid.transpose)
    old = [_nnunet_order(spacing, NO_THICKNESS)[axis] for axis in grid.transpose]
    new = list(grid.spacing) if len(grid.spacing) == 3 else [old[0], *grid.spacing]
    shape = compute_new_shape(before.shape, old, new)
    after = before
    if tuple(shape) != before.shape:
        after = np.asarray(grid.resample(np.ascontiguousarray(before[None], np.int16), shape, old, new))[0]
    everything = np.isin(after, [v for label in label_set.labels for v in label.values])
    without = share_without(everything, grid.patch_size)
    return [_of_label(case, label, before, after, without) for label in label_set.labels]


def _of_label(
    case: str, label: Label, before: NDArray[np.integer], after: NDArray[np.integer], without: float
) -> GridCase:
    numbers, count = connected_components(np.ascontiguousarray(mask_of(before, label)))
    there = mask_of(after, label)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    found = np.zeros(count + 1, bool)
    # a voxel of the grid lies in, or beside, the voxels of the file that it was made from
    places = np.argwhere(there)
    source = ((places + 0.5) * (np.array(before.shape) / after.shape)).astype(int)
    inside = numbers[tuple(source.T)]
    found[inside] = True
    for step in product((-1, 0, 1), repeat=3):
        beside = np.clip(source[inside == 0] + step, 0, np.array(before.shape) - 1)
        found[numbers[tuple(beside.T)]] = True
    return GridCase(
        case,
        label.name,
        count,
        tuple(component_sizes(there).tolist()),
        tuple(sizes[1:][~found[1:]].tolist()),
        without,
    )


def share_without(foreground: NDArray[np.bool_], patch_size: Sequence[int]) -> float:
    """Share of the places for a patch inside an image at which it holds no foreground.

    Args:
        foreground: (S1, S2, S3).
        patch_size: three values, or two: a slice of the first axis.
    """
    patch = [1] * (foreground.ndim - len(patch_size)) + list(patch_size)
    holds = foreground.astype(np.uint8)
    for axis, (length, side) in enumerate(zip(foreground.shape, patch, strict=True)):
        side = min(side, length)
        # the maximum over [i, i + side) at i
        holds = maximum_filter1d(holds, side, axis, mode="constant", origin=-(side // 2))
        holds = holds.take(range(length - side + 1), axis)
    return float(1 - holds.mean())


def _nnunet_order(values: Sequence[Any], missing: Any) -> list[Any]:
    """Values for the axes (z, y, x) of a file that has (x, y, z), or (x, y)."""
    return [*([missing] if len(values) == 2 else []), *reversed(values)]
