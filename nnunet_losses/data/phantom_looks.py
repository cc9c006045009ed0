"""What a phantom may show instead of lesions: trees of thin vessels, or many organs of unlike size.

Losses differ there: a vessel is hardly more than surface, so that its skeleton counts; of many classes the smallest has
a share of the voxels that is a hundredth of the largest's.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_losses.data.phantom_volume import CSF, GREY, Head, Lesions, paint

Vector = NDArray[np.float64]

_THINNING = (0.9, 0.7)
"""Radii of two branches relative to their stem's, by about Murray's law (the sum of the cubes stays)."""
_THINNEST = 0.4
"""Least radius in edges of the smallest voxel: a line of single voxels."""
_SPREAD = np.pi / 5
_LENGTH = (12.0, 30.0)
"""Of a branch, in its radii."""
_MOST_TREES = 1000
_LARGEST_TO_SMALLEST = 60.0
"""Ratio of the volumes of the largest and the smallest organ."""


@dataclass(frozen=True)
class _Branch:
    """A vessel between two forks: begin in mm, unit vector, and radius in mm."""

    begin: Vector
    direction: Vector
    radius_mm: float


def grow_vessels(
    rng: np.random.Generator, head: Head, spacing: Sequence[float], *, voxels: int, radius_mm: float
) -> Lesions:
    """Trees of vessels in the brain, whose branches bend, fork and get thinner, until they fill so many voxels.

    Args:
        rng: source of chance.
        head: its brain and the fluid around.
        spacing: in mm.
        voxels: number of vessel voxels; fewer only if the brain is full.
        radius_mm: of a tree's first branch.

    Returns:
        ``owner`` is the number of the tree; ``depth`` is 1.
    """
    shape = head.tissue.shape
    owner = np.zeros(shape, np.int32)
    inside = head.tissue >= CSF
    places = np.argwhere(inside) * np.asarray(spacing)
    finest = min(spacing)
    filled, tree = 0, 0
    branches: deque[_Branch] = deque()
    while filled < voxels and tree < _MOST_TREES:
        if not branches:
            tree += 1
            begin = places[rng.integers(len(places))]
            branches.append(
                _Branch(begin, _unit(places.mean(0) - begin + rng.normal(0, finest, len(shape))), radius_mm)
            )
        branch = branches.popleft()
        point, direction = branch.begin, branch.direction
        for _ in range(int(branch.radius_mm * rng.uniform(*_LENGTH) / (0.5 * finest))):
            if not _is_inside(point, inside, spacing) or filled >= voxels:
                break
            filled += _stamp(owner, inside, point, branch.radius_mm, spacing, tree)
            direction = _unit(direction + rng.normal(0, 0.07, len(shape)))
            point = point + 0.5 * finest * direction
        else:
            aside = _unit(rng.normal(size=len(shape)))
            for thinning, sign in zip(_THINNING, (1, -1), strict=True):
                radius = max(branch.radius_mm * thinning, _THINNEST * finest)
                branches.append(_Branch(point, _unit(direction + sign * np.tan(_SPREAD) * aside), radius))
    return Lesions(owner, (owner > 0).astype(np.float32))


def place_organs(
    rng: np.random.Generator,
    template: np.random.Generator,
    head: Head,
    spacing: Sequence[float],
    *,
    organs: int,
    voxels: int,
) -> tuple[Lesions, NDArray[np.float32]]:
    """So many organs, each in about the same place and with about the same brightness in all cases.

    Two organs share each brightness, so that only the place tells them apart.

    Args:
        rng: source of chance, of this case.
        template: source of chance, the same for all cases.
        head: the organs lie in its brain.
        spacing: in mm.
        organs: how many.
        voxels: of all organs together.

    Returns:
        The organs, ``owner`` being the class; and the contrast of each, index 0 being unused.
    """
    shape = head.tissue.shape
    allowed = head.tissue >= GREY
    centres = _spread_out(template, organs, len(shape))
    share = np.geomspace(_LARGEST_TO_SMALLEST, 1, organs)
    levels = np.linspace(-1, 1.6, (organs + 1) // 2)
    contrasts = template.permutation(np.repeat(levels, 2)[:organs])
    share = share * np.exp(0.1 * rng.standard_normal(organs))
    sizes = np.maximum(np.rint(voxels * share / share.sum()), 1).astype(int)
    where = np.argwhere(allowed)
    middle, half = (where.min(0) + where.max(0)) / 2, (where.max(0) - where.min(0)) / 2
    lesions = Lesions(np.zeros(shape, np.int32), np.zeros(shape, np.float32))
    for number, (centre, size) in enumerate(zip(centres, sizes, strict=True), start=1):
        wanted = middle + half * (centre + rng.normal(0, 0.03, len(shape)))
        free = np.argwhere(allowed & (lesions.owner == 0))
        nearest = free[(((free - wanted) * np.asarray(spacing)) ** 2).sum(1).argmin()]
        paint(rng, lesions, number, nearest.tolist(), int(size), allowed, spacing)
    contrast = np.concatenate([[0], contrasts * np.exp(0.05 * rng.standard_normal(organs))])
    return lesions, contrast.astype(np.float32)


def _unit(vector: Vector) -> Vector:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _is_inside(point: Vector, inside: NDArray[np.bool_], spacing: Sequence[float]) -> bool:
    index = np.rint(point / np.asarray(spacing)).astype(int)
    return bool((index >= 0).all() and (index < inside.shape).all() and inside[tuple(index)])


def _stamp(
    owner: NDArray[np.int32],
    inside: NDArray[np.bool_],
    point: Vector,
    radius_mm: float,
    spacing: Sequence[float],
    number: int,
) -> int:
    """Paint the ball around a point, at least the voxel there; gives the number of new voxels."""
    steps = np.asarray(spacing)
    centre = np.rint(point / steps).astype(int)
    reach = np.ceil(radius_mm / steps).astype(int)
    low, high = np.maximum(centre - reach, 0), np.minimum(centre + reach + 1, owner.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    grid = np.ogrid[box]
    distance = sum((g * s - p) ** 2 for g, s, p in zip(grid, spacing, point, strict=True))
    ball = distance <= radius_mm**2
    ball[tuple(centre - low)] = True
    new = ball & inside[box] & (owner[box] == 0)
    owner[box][new] = number
    return int(new.sum())


def _spread_out(rng: np.random.Generator, count: int, dimensions: int) -> Vector:
    """Points in a ball of radius 0.75 that keep away from each other: the best of 30 candidates each."""
    chosen: list[Vector] = []
    while len(chosen) < count:
        candidates = rng.uniform(-1, 1, (30, dimensions))
        candidates = 0.75 * candidates[np.linalg.norm(candidates, axis=1) <= 1]
        if not len(candidates):
            continue
        if not chosen:
            chosen.append(candidates[0])
            continue
        gaps = np.linalg.norm(candidates[:, None] - np.stack(chosen), axis=2).min(1)
        chosen.append(candidates[gaps.argmax()])
    return np.stack(chosen)
