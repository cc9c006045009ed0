"""Label maps: given other values, merged, and stored in few bytes."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MERGED = ("majority", "union", "intersection")
"""References that are made from the label maps of all raters."""


def smallest(voxels: NDArray[np.integer]) -> NDArray[np.integer]:
    """The same values, from 0 to 65,535, in one byte each, or in two."""
    return voxels.astype(np.uint8 if voxels.max(initial=0) <= np.iinfo(np.uint8).max else np.uint16, copy=False)


def renamed(voxels: NDArray[np.integer], values: Mapping[int, int]) -> NDArray[np.integer]:
    """Another value for each of some values, all at once, so that two can change places."""
    if not values:
        return voxels
    result = voxels.astype(np.int32)
    for old, new in values.items():
        result[voxels == old] = new
    return result


def merge_labels(maps: Sequence[NDArray[np.integer]], how: str | None) -> NDArray[np.integer]:
    """One label map of several, (*S) each.

    Args:
        maps: in order.
        how: ``masks``, ``values``, ``majority``, ``union`` or ``intersection``, as `source.table.merge` has it. Where
            raters give a voxel different values, the smaller value with enough votes is taken.
    """
    result = np.zeros_like(maps[0])
    if how in ("masks", "values"):
        for number, one in enumerate(maps, 1):
            inside = one != 0
            result[inside] = number if how == "masks" else one[inside]
        return result
    least = {"majority": len(maps) // 2 + 1, "union": 1, "intersection": len(maps)}[str(how)]
    for value in sorted({int(v) for one in maps for v in np.unique(one)} - {0}, reverse=True):
        votes = sum((one == value).astype(np.uint8) for one in maps)
        result[votes >= least] = value
    return result


def raters_dice(maps: Sequence[NDArray[Any]]) -> float:
    """The mean Dice, over all pairs of raters, of what is not background; 1 for two empty maps.

    Args:
        maps: the label maps of two raters or more, of one shape.
    """
    masks = [one > 0 for one in maps]
    sizes = [int(mask.sum()) for mask in masks]
    pairs = [
        2 * int((masks[a] & masks[b]).sum()) / (sizes[a] + sizes[b]) if sizes[a] + sizes[b] else 1.0
        for a, b in itertools.combinations(range(len(masks)), 2)
    ]
    return float(np.mean(pairs))
