"""Area of the surface element at a corner of the voxel lattice.

A corner has 2x2x2 voxels around it (2x2 in 2D); the marching-cubes triangles between the inner and the outer ones are
its surface element (Nikolov et al. 2018, arXiv 1809.04430, the `surface-distance` package). Of the 256 patterns only 14
differ up to the symmetries of the cube and to swapping inside and outside, so 13 rows hold the whole table.
"""

import itertools
import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

# Pattern (bit 4z + 2y + x set: that voxel is inside) -> the triangles' area vectors in 1/8 of a unit cell's faces;
# their signs do not matter for an area.
_TRIANGLES: dict[int, tuple[tuple[int, int, int], ...]] = {
    0b00000001: ((1, 1, 1),),
    0b00000011: ((2, 2, 0), (2, 2, 0)),
    0b00000110: ((1, 1, 1), (1, 1, 1)),
    0b00000111: ((4, 0, 0), (2, 2, 2), (1, 1, 1)),
    0b00001111: ((4, 0, 0), (4, 0, 0)),
    0b00010110: ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
    0b00010111: ((1, 1, 1), (2, 2, 2), (2, 2, 2), (1, 1, 1)),
    0b00011000: ((1, 1, 1), (1, 1, 1)),
    0b00011001: ((0, 2, 2), (0, 2, 2), (1, 1, 1)),
    0b00011011: ((1, 1, 1), (3, 3, 3), (0, 2, 2), (2, 0, 2)),
    0b00011110: ((4, 0, 0), (1, 1, 1), (2, 2, 2), (1, 1, 1)),
    0b00111100: ((2, 2, 0), (2, 2, 0), (2, 2, 0), (2, 2, 0)),
    0b01101001: ((1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1)),
}


def lattice_codes(padded: NDArray[np.bool_], border: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Corners between inside and outside: flat index (in `padded`) of the lowest of the voxels around, and pattern.

    padded: (*S) bool, 2D or 3D, background on every face. border: flat indices of the foreground voxels with a face
    neighbour outside; every such corner has one of them around it.
    """
    flat = padded.ravel().view(np.uint8)
    steps = _corner_steps(padded.shape)
    near = np.zeros(len(flat), bool)
    for step in steps:
        near[border - step] = True
    at = np.flatnonzero(near)
    patterns = np.zeros(len(at), np.uint8)
    for bit, step in enumerate(steps):
        patterns |= flat[at + step] << np.uint8(bit)
    mixed = patterns != (1 << len(steps)) - 1
    return at[mixed], patterns[mixed]


@cache
def border_steps(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Step from the lowest voxel around a corner to one of them with a face neighbour outside, by pattern."""
    steps = _corner_steps(shape)
    chosen = np.zeros(1 << len(steps), np.int64)
    for pattern, bit, axis in itertools.product(range(len(chosen)), range(len(steps)), range(len(shape))):
        if pattern >> bit & 1 and not pattern >> (bit ^ 1 << axis) & 1:
            chosen[pattern] = steps[bit]
    return chosen


def _corner_steps(shape: tuple[int, ...]) -> list[int]:
    """Steps from the lowest voxel around a corner to all of them, in an array of a shape, in the order of the bits."""
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return [int(np.dot(corner, strides)) for corner in itertools.product((0, 1), repeat=len(shape))]


@cache
def surfel_areas(spacing: tuple[float, ...]) -> NDArray[np.float64]:
    """Area (mm², in 2D length in mm) of every pattern, (256,) or (16,), for a spacing in mm."""
    return _contour_lengths(*spacing) if len(spacing) == 2 else _surface_areas(spacing)


def _surface_areas(spacing: tuple[float, ...]) -> NDArray[np.float64]:
    faces = np.prod(spacing) / np.asarray(spacing)  # area of a unit cell's face across each axis
    areas = np.zeros(256)
    for pattern, triangles in _TRIANGLES.items():
        for order in itertools.permutations(range(3)):
            turned = np.array(triangles)[:, order] / 8
            area = np.linalg.norm(turned * faces, axis=1).sum()
            for flips in itertools.product((0, 1), repeat=3):
                code = _turn(pattern, order, flips)
                areas[code] = areas[255 - code] = area
    return areas


def _turn(pattern: int, order: tuple[int, ...], flips: tuple[int, ...]) -> int:
    """The pattern after permuting and mirroring the axes of the cube."""
    turned = 0
    for corner in itertools.product((0, 1), repeat=3):
        z, y, x = corner
        if pattern >> (4 * z + 2 * y + x) & 1:
            z, y, x = (corner[axis] ^ flip for axis, flip in zip(order, flips, strict=True))
            turned |= 1 << (4 * z + 2 * y + x)
    return turned


def _contour_lengths(first: float, second: float) -> NDArray[np.float64]:
    """Marching squares: a cut corner is half a diagonal, a straight edge runs along one axis."""
    half_diagonal = math.hypot(first, second) / 2
    lengths = np.full(16, half_diagonal)
    lengths[[0b0000, 0b1111]] = 0
    lengths[[0b0011, 0b1100]] = second
    lengths[[0b0101, 0b1010]] = first
    lengths[[0b0110, 0b1001]] = 2 * half_diagonal
    return lengths
