"""One label of one segmentation, with all that follows from it alone: components, sizes, surfaces.

Everything is computed on first use and kept, because all trainers share the reference.
"""

import copy
import dataclasses
import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nnunet_losses.base.components import connected_components, equivalent_diameter
from nnunet_losses.base.scale import Scale
from nnunet_losses.evaluation.surface import Surface, Surfels
from nnunet_losses.evaluation.surfels import border_steps, lattice_codes, surfel_areas

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Grid:
    """The grid that images are measured on.

    shape, spacing: of the images, without an axis of one voxel, so that a volume of one slice is measured in 2D.
    voxel_mm3: volume of a voxel, with the thickness of the axis that was left out; without one its area in mm² or px.
    scale: what lengths and sizes are measured in.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    voxel_mm3: float
    scale: Scale = dataclasses.field(default_factory=Scale)

    @property
    def voxel_ml(self) -> float:
        """Size of a voxel in ``scale.size``."""
        return self.voxel_mm3 / 1000 if self.scale.size == "ml" else self.voxel_mm3

    @property
    def diagonal(self) -> float:
        """Largest distance between two voxel centres: the worst case of every surface distance."""
        return math.hypot(*((n - 1) * s for n, s in zip(self.shape, self.spacing, strict=True)))

    def diameter(self, voxels: Integers) -> Floats:
        """Diameter of the sphere (in 2D: disc) of as many voxels."""
        return equivalent_diameter(voxels * math.prod(self.spacing), len(self.shape))


@dataclasses.dataclass(frozen=True)
class Components:
    """Connected components 1 … n: the number of each foreground voxel (`ids`), and `sizes` (n,) in voxels."""

    ids: NDArray[np.unsignedinteger]
    sizes: Integers

    def __len__(self) -> int:
        return len(self.sizes)


_OF_COMPONENTS = ("components", "centres", "boxes")  # what follows from the neighbourhood


class Structure:
    """A mask in a frame of one background voxel on each side, so that every voxel of the mask has all its neighbours.

    All structures on a grid share the flat indices of this frame.

    Args:
        mask: (*S), 2D or 3D.
        grid: of the same shape.
        connectivity: as of `connected_components`.
    """

    def __init__(self, mask: Booleans, grid: Grid, connectivity: int = 26) -> None:
        self.grid = grid
        self.connectivity = connectivity
        self.frame = np.zeros([n + 2 for n in mask.shape], bool)
        self.frame[(slice(1, -1),) * mask.ndim] = mask

    def connected(self, connectivity: int) -> "Structure":
        """The same mask with components of another neighbourhood; all that does not depend on them is shared."""
        other = copy.copy(self)
        other.__dict__ = {key: value for key, value in self.__dict__.items() if key not in _OF_COMPONENTS}
        other.connectivity = connectivity
        return other

    @property
    def mask(self) -> Booleans:
        """The mask, flat over the frame."""
        return self.frame.reshape(-1)

    @cached_property
    def voxels(self) -> Integers:
        """Flat indices of the foreground, ascending."""
        return np.flatnonzero(self.mask)

    @property
    def size(self) -> int:
        """Number of foreground voxels."""
        return len(self.voxels)

    @cached_property
    def coordinates(self) -> tuple[NDArray[np.int32], ...]:
        """Image coordinates of the foreground, one array per axis (of 32 bits: an organ has millions of voxels)."""
        return tuple((axis - 1).astype(np.int32) for axis in np.unravel_index(self.voxels, self.frame.shape))

    @cached_property
    def image_index(self) -> Integers:
        """Flat indices of the foreground in the image without frame."""
        return np.ravel_multi_index(self.coordinates, self.grid.shape)

    @cached_property
    def components(self) -> Components:
        """Connected components, labelled within the foreground's box, because labelling reads every voxel."""
        if not self.size:
            return Components(np.zeros(0, np.uint32), np.zeros(0, np.int64))
        low = [int(axis.min()) for axis in self.coordinates]
        box = tuple(slice(a + 1, int(axis.max()) + 2) for a, axis in zip(low, self.coordinates, strict=True))
        numbers, count = connected_components(np.ascontiguousarray(self.frame[box]), self.connectivity)
        ids = numbers[tuple(axis - a for axis, a in zip(self.coordinates, low, strict=True))]
        return Components(ids, np.bincount(ids, minlength=count + 1)[1:])

    @cached_property
    def border_voxels(self) -> Integers:
        """Flat indices of the foreground voxels with a face neighbour outside; beyond the image's edge is outside."""
        inside = np.ones(self.size, bool)
        for axis in range(self.frame.ndim):
            stride = math.prod(self.frame.shape[axis + 1 :])
            inside &= self.mask[self.voxels + stride]
            inside &= self.mask[self.voxels - stride]
        return self.voxels[~inside]

    @cached_property
    def border(self) -> Surface:
        """Centres of the border voxels, of equal weight."""
        border = self.border_voxels
        return Surface(border, self.frame.shape, self.grid.spacing, areas=np.ones(len(border)))

    @cached_property
    def surfels(self) -> Surfels:
        """Corners of the voxel lattice that touch both foreground and background, each with its surface area."""
        at, patterns = lattice_codes(self.frame, self.border_voxels)
        beside = at + border_steps(self.frame.shape)[patterns]
        areas = surfel_areas(self.grid.spacing)[patterns]
        return Surfels(at, self.frame.shape, self.grid.spacing, areas, beside)

    def forget_surfaces(self) -> None:
        """Free the memory of both surfaces of a side that is measured only once."""
        self.__dict__.pop("border", None)
        self.__dict__.pop("surfels", None)

    @cached_property
    def centres(self) -> Integers:
        """(n,) flat indices of the voxel nearest to the centre of mass of each component."""
        components = self.components
        axes = [
            np.bincount(components.ids, weights=axis, minlength=len(components) + 1)[1:] / components.sizes
            for axis in self.coordinates
        ]
        nearest = tuple(np.rint(axis).astype(np.int64) + 1 for axis in axes)
        return np.ravel_multi_index(nearest, self.frame.shape)

    @cached_property
    def boxes(self) -> tuple[Integers, Integers]:
        """First and one past the last image coordinate, (n, d) each, of each component."""
        components = self.components
        low = np.full((len(components) + 1, self.frame.ndim), np.iinfo(np.int32).max, np.int32)
        high = np.zeros_like(low)
        for axis, coordinate in enumerate(self.coordinates):
            np.minimum.at(low[:, axis], components.ids, coordinate)
            np.maximum.at(high[:, axis], components.ids, coordinate + 1)
        return low[1:].astype(np.int64), high[1:].astype(np.int64)

    @property
    def touches_border(self) -> Booleans:
        """Whether each component reaches the edge of the image, where it may be cut."""
        low, high = self.boxes
        return (low == 0).any(axis=1) | (high == self.grid.shape).any(axis=1)

    def component_at(self, places: Integers) -> Integers:
        """Component (0: none) at flat indices."""
        found = np.zeros(len(places), np.int64)
        inside = self.mask[places]
        found[inside] = self.components.ids[np.searchsorted(self.voxels, places[inside])]
        return found
