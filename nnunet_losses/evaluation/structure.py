"""One label of one segmentation, with all that follows from it alone: components, surfaces, sizes.

Everything is computed on the crop, on first use, and kept: the reference side is shared by all trainers.
"""

import dataclasses
import math
from functools import cached_property
from typing import Literal

import cc3d
import numpy as np
from numpy.typing import NDArray

from nnunet_losses.evaluation.surface import Surface
from nnunet_losses.evaluation.surfels import lattice_codes, surfel_areas

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# (dimensions, the setting's neighbourhood in 3D) -> the neighbourhood cc3d takes
_CONNECTIVITY: dict[tuple[int, int], Literal[4, 6, 8, 18, 26]] = {
    (3, 6): 6,
    (3, 18): 18,
    (3, 26): 26,
    (2, 6): 4,
    (2, 18): 8,
    (2, 26): 8,
}


@dataclasses.dataclass(frozen=True)
class Grid:
    """Shape and spacing (mm) of the images, without singleton axes, so that a one-slice volume is measured in 2D.

    voxel_mm3 keeps the thickness of a dropped axis; an image without third axis counts as 1 mm thick.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    voxel_mm3: float

    @property
    def diagonal_mm(self) -> float:
        """Largest distance between two voxel centres: the worst case of every surface distance."""
        return math.hypot(*((n - 1) * s for n, s in zip(self.shape, self.spacing, strict=True)))

    def diameter_mm(self, voxels: NDArray[np.integer]) -> Floats:
        """Diameter of the sphere (in 2D: circle) of the same size."""
        size = voxels * math.prod(self.spacing)
        return np.cbrt(6 * size / math.pi) if len(self.shape) == 3 else np.sqrt(4 * size / math.pi)


@dataclasses.dataclass(frozen=True)
class Components:
    """Connected components 1..n of a structure: index i of every array belongs to component i + 1.

    labels: component of every voxel of the padded crop, 0 outside.
    ids: component of every foreground voxel, in the order of `Structure.voxels`.
    """

    labels: NDArray[np.unsignedinteger]
    ids: NDArray[np.unsignedinteger]
    sizes: Integers

    def __len__(self) -> int:
        return len(self.sizes)


class Structure:
    """A binary mask on a grid, held as the crop around its foreground, padded by one voxel of background.

    mask: (*S) bool, C-contiguous. origin: index of the padded crop's first voxel in the image (-1 at the edge).
    """

    def __init__(self, mask: Booleans, grid: Grid, connectivity: int = 26) -> None:
        self.grid = grid
        self.connectivity = _CONNECTIVITY[mask.ndim, connectivity]
        box = _bounding_box(mask)
        self.origin = np.array([side.start - 1 for side in box])
        self.crop = np.pad(mask[box], 1)

    @cached_property
    def voxels(self) -> Integers:
        """Flat indices of the foreground voxels in the padded crop, ascending."""
        return np.flatnonzero(self.crop)

    @property
    def size(self) -> int:
        """Number of foreground voxels."""
        return len(self.voxels)

    def coordinates(self, flat: Integers) -> tuple[Integers, ...]:
        """Image coordinates, one array per axis, of flat indices into the padded crop."""
        axes = np.unravel_index(flat, self.crop.shape)
        return tuple(axis + start for axis, start in zip(axes, self.origin, strict=True))

    def image_index(self, flat: Integers) -> Integers:
        """Flat indices into the whole image of flat indices into the padded crop."""
        return np.ravel_multi_index(self.coordinates(flat), self.grid.shape)

    @cached_property
    def components(self) -> Components:
        """Connected components (cc3d)."""
        labels = cc3d.connected_components(self.crop, connectivity=self.connectivity)
        ids = labels.ravel()[self.voxels]
        sizes = np.bincount(ids)[1:] if self.size else np.zeros(0, np.int64)
        return Components(labels, ids, sizes)

    @cached_property
    def border(self) -> Surface:
        """Centres of the foreground voxels with a face neighbour in the background; the image's edge is background."""
        flat = self.crop.ravel()
        inside = np.ones(self.size, bool)
        for stride in _strides(self.crop.shape):
            inside &= flat[self.voxels + stride]
            inside &= flat[self.voxels - stride]
        points = np.stack(self.coordinates(self.voxels[~inside]), axis=1)
        return Surface(points, self.grid.spacing, areas=np.ones(len(points)))

    @cached_property
    def surfels(self) -> Surface:
        """Corners of the voxel lattice that touch both foreground and background, each with its surface area."""
        at, codes = lattice_codes(self.crop)
        points = np.stack(self.coordinates(at), axis=1)
        return Surface(points, self.grid.spacing, areas=surfel_areas(self.grid.spacing)[codes])

    @cached_property
    def centres(self) -> Integers:
        """(n, d) image coordinates of the voxel nearest to the centre of mass of each component."""
        components = self.components
        sums = [
            np.bincount(components.ids, weights=axis, minlength=len(components) + 1)[1:]
            for axis in self.coordinates(self.voxels)
        ]
        return np.rint(np.stack(sums, axis=1) / components.sizes[:, None]).astype(np.int64)

    @cached_property
    def boxes(self) -> tuple[Integers, Integers]:
        """First and one past the last image coordinate, (n, d) each, of each component."""
        components = self.components
        low = np.full((len(components) + 1, self.crop.ndim), np.iinfo(np.int64).max)
        high = np.zeros_like(low)
        for axis, coordinate in enumerate(self.coordinates(self.voxels)):
            np.minimum.at(low[:, axis], components.ids, coordinate)
            np.maximum.at(high[:, axis], components.ids, coordinate + 1)
        return low[1:], high[1:]

    @property
    def touches_border(self) -> Booleans:
        """Whether each component reaches the edge of the image, where it may be cut."""
        low, high = self.boxes
        return (low == 0).any(axis=1) | (high == self.grid.shape).any(axis=1)

    def component_at(self, points: Integers) -> Integers:
        """Component (0: none) at (n, d) image coordinates."""
        local = points - self.origin
        within = ((local >= 0) & (local < self.crop.shape)).all(axis=1)
        found = np.zeros(len(points), np.int64)
        found[within] = self.components.labels[tuple(local[within].T)]
        return found


def _bounding_box(mask: Booleans) -> tuple[slice, ...]:
    sides: list[slice] = []
    projection = mask
    for _ in mask.shape:
        occupied = np.flatnonzero(projection.reshape(len(projection), -1).any(axis=1))
        if not len(occupied):
            return (slice(0, 0),) * mask.ndim
        sides.append(slice(int(occupied[0]), int(occupied[-1]) + 1))
        projection = np.asarray(projection[sides[-1]].any(axis=0))  # the next axis is searched within this one
    return tuple(sides)


def _strides(shape: tuple[int, ...]) -> list[int]:
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
