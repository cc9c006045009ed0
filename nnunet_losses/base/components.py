"""Connected components of a label map: the lesions that losses weight, evaluations count and reports show."""

from typing import Literal

import cc3d
import numpy as np
from numpy.typing import NDArray

# (dimensions, neighbourhood in 3D) -> the neighbourhood that cc3d takes
_NEIGHBOURHOODS: dict[tuple[int, int], Literal[4, 6, 8, 18, 26]] = {
    (3, 6): 6,
    (3, 18): 18,
    (3, 26): 26,
    (2, 6): 4,
    (2, 18): 8,
    (2, 26): 8,
}


def connected_components(
    labels: NDArray[np.generic], connectivity: int = 26
) -> tuple[NDArray[np.unsignedinteger], int]:
    """Number the connected components of each class.

    Args:
        labels: (*S) integer labels with background 0, or a bool mask; S is 2D or 3D.
        connectivity: which voxels are neighbours in 3D: those that share a face (6), also an edge (18), also a corner
            (26). In 2D: 4, 8 and 8.

    Returns:
        (*S) numbers 1 … n, each of one class, 0 on the background; and n. Components are numbered in the order in which
        their first voxels lie in memory.

    Raises:
        ValueError: the labels are neither 2D nor 3D, or the connectivity does not exist.
    """
    if labels.ndim not in (2, 3):
        raise ValueError(f"labels must be 2D or 3D, got shape {labels.shape}")
    if (labels.ndim, connectivity) not in _NEIGHBOURHOODS:
        raise ValueError(f"connectivity must be 6, 18 or 26, got {connectivity}")
    # The special path of cc3d 4.1 for bool masks fails on masks of one voxel's thickness and, in 2D, splits some
    # components with corner neighbours. Their bytes are labelled correctly, and as fast.
    values = labels.view(np.uint8) if labels.dtype == bool else labels
    numbers, count = cc3d.connected_components(
        values, connectivity=_NEIGHBOURHOODS[labels.ndim, connectivity], return_N=True
    )
    return numbers, int(count)


def component_sizes(mask: NDArray[np.bool_], connectivity: int = 26) -> NDArray[np.int64]:
    """(n,) numbers of voxels of the connected components of a mask (*S), numbered as by `connected_components`."""
    box = bounding_box(mask)
    if box is None:
        return np.zeros(0, np.int64)
    numbers, _ = connected_components(np.ascontiguousarray(mask[box]), connectivity)
    return np.bincount(numbers.ravel())[1:]


def bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """The smallest box that holds all true voxels of (*S), as slices; None if there are none."""
    axes = range(mask.ndim)
    occupied = [np.flatnonzero(mask.any(tuple(other for other in axes if other != axis))) for axis in axes]
    if not occupied[0].size:
        return None
    return tuple(slice(int(index[0]), int(index[-1]) + 1) for index in occupied)


def equivalent_diameter(size: NDArray[np.floating], dimensions: int) -> NDArray[np.float64]:
    """Diameter of the sphere (3D) of volume ``size``, or of the disc (2D) of area ``size``, in the unit of length."""
    return np.cbrt(6 * size / np.pi) if dimensions == 3 else np.sqrt(4 * size / np.pi)
