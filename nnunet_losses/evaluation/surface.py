"""Distances between two surfaces, in mm.

A surface is a set of points on the voxel lattice, each of equal weight (border voxels) or with an area (surfels).
Definitions: Metrics Reloaded (Maier-Hein et al. 2024, 10.1038/s41592-023-02151-z) for HD, HD95, ASSD, MASD and NSD;
Nikolov et al. 2018 (arXiv 1809.04430) for the NSD over surfels.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from functools import cache, cached_property

import edt
import numpy as np
from numpy.typing import NDArray
from pykdtree.kdtree import KDTree

from nnunet_losses.evaluation.settings import EvaluationSettings

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Sides = tuple["Surface", "Surface"]  # reference, prediction
Distances = tuple[Floats, Floats]  # from the reference to the prediction, from the prediction to the reference
LowerBound = Callable[[Integers], Floats]  # of the distances of some points, given by their positions

_REACH = 1  # of a band, in lattice points along the finest axis; writing a wider one costs more than it saves
_MOST_PROBES = 256  # with more lattice points to look at around another, a search is cheaper
_PROBES_AT_ONCE = 8
# Measured cost in ns, which decides between searching for each point and a distance transform of the whole frame.
_SEARCH_COST, _LIMITED_SEARCH_COST, _BUILD_COST, _TRANSFORM_COST = 1000, 700, 70, 25
_ROUNDING_MM = 1e-6  # index times spacing is not exact; a distance equal to the tolerance must count as within


class Surface:
    """Points of a surface: flat lattice indices in a frame of a shape and spacing (mm), and the area of each.

    What a search from another surface needs is computed on first use and kept.
    """

    def __init__(self, at: Integers, shape: tuple[int, ...], spacing: tuple[float, ...], areas: Floats) -> None:
        self.at = at
        self.shape = shape
        self.spacing = spacing
        self.areas = areas
        self._bands: dict[float, Band] = {}

    @cached_property
    def coordinates(self) -> Integers:
        """(d, n) lattice coordinates in the frame."""
        return np.stack(np.unravel_index(self.at, self.shape))

    @property
    def points(self) -> Floats:
        """(n, d) positions in mm."""
        return _points(self.coordinates, self.spacing)

    def band(self, limit_mm: float = math.inf) -> "Band":
        """Distances near the surface, to look up."""
        if limit_mm not in self._bands:
            self._bands[limit_mm] = Band(self.coordinates, self.spacing, limit_mm)
        return self._bands[limit_mm]

    @cached_property
    def tree(self) -> KDTree:
        """Search tree."""
        return KDTree(self.points)

    def distances_from(
        self, other: "Surface", limit_mm: float = math.inf, at_least: LowerBound | None = None
    ) -> Floats:
        """Distance in mm from every point of `other` to the nearest point of this surface; neither may be empty.

        limit_mm: a distance at or beyond it may be returned as infinite, which saves most of the search.
        at_least: lower bounds of the distances, which can save more.
        """
        band = self.band(limit_mm)
        distances = band.distances(other.coordinates)
        far = np.flatnonzero(np.isinf(distances))
        if at_least is not None:
            far = far[at_least(far) < limit_mm]
        if not len(far):
            return distances
        each = _LIMITED_SEARCH_COST if math.isfinite(limit_mm) else _SEARCH_COST
        if band.probes:
            distances[far] = band.probe(other.coordinates[:, far])
        elif len(far) * each + len(self.at) * _BUILD_COST > math.prod(self.shape) * _TRANSFORM_COST:
            away = np.ones(math.prod(self.shape), bool)
            away[self.at] = False
            transformed = edt.edt(away.reshape(self.shape), anisotropy=self.spacing, black_border=False, parallel=1)
            distances[far] = transformed.reshape(-1)[other.at[far]]
        else:
            points = _points(other.coordinates[:, far], self.spacing)
            limit = limit_mm if math.isfinite(limit_mm) else None
            distances[far], _ = self.tree.query(points, distance_upper_bound=limit)
        return distances


class Surfels(Surface):
    """Surface elements; `beside` is the flat index of a border voxel that each of them is a corner of, (n,)."""

    def __init__(
        self, at: Integers, shape: tuple[int, ...], spacing: tuple[float, ...], areas: Floats, beside: Integers
    ) -> None:
        super().__init__(at, shape, spacing, areas)
        self.beside = beside


class Band:
    """The lattice points around a surface: which step leads to the nearest point of the surface.

    One byte for each lattice point of the box around the surface. Steps within the band's reach are written around
    every point of the surface; farther ones, up to a limit in mm and if they are not too many, are tried out from the
    points that ask. No step leads from the box's outermost layer to the surface: it stands for all points beyond.
    """

    def __init__(self, coordinates: Integers, spacing: tuple[float, ...], limit_mm: float = math.inf) -> None:
        near_mm = (_REACH + 1) * min(spacing)
        offsets, lengths = _steps(spacing, 0, near_mm)
        probed, self._probed_lengths = _steps(spacing, near_mm, limit_mm)
        margin = 1 + np.abs(np.concatenate([offsets, probed])).max(axis=0)
        self._low = coordinates.min(axis=1) - margin
        self._high = coordinates.max(axis=1) + margin
        shape = self._high - self._low + 1
        self._strides = np.append(np.cumprod(shape[:0:-1])[::-1], 1)
        self._probed = probed @ self._strides
        self._first = int(np.abs(self._probed).max(initial=0))  # room for steps that leave the box, at both ends
        self._lengths = np.append(np.inf, lengths)
        self._step = np.zeros(math.prod(shape) + 2 * self._first, np.uint8)  # 0: out of reach
        at = self._places(coordinates)
        for number in range(len(offsets), 0, -1):  # the nearest is written last
            self._step[at + self._strides @ offsets[number - 1]] = number

    @property
    def probes(self) -> int:
        """Number of steps that `probe` tries; 0 if there is no limit or if they would be too many."""
        return len(self._probed)

    def distances(self, coordinates: Integers) -> Floats:
        """(n,) distances in mm from lattice points, (d, n), to the surface; infinite out of reach."""
        return self._lengths.take(self._step[self._places(coordinates)])

    def probe(self, coordinates: Integers) -> Floats:
        """The same for points that the band does not reach, up to the limit."""
        distances = np.full(coordinates.shape[1], np.inf)
        places = self._places(coordinates)
        asking = np.arange(len(places))
        for start in range(0, self.probes, _PROBES_AT_ONCE):
            some = slice(start, start + _PROBES_AT_ONCE)
            hits = self._step[places + self._probed[some, None]] == 1  # the step of length 0
            found = hits.any(axis=0)
            distances[asking[found]] = self._probed_lengths[some][hits[:, found].argmax(axis=0)]
            asking, places = asking[~found], places[~found]
        return distances

    def _places(self, coordinates: Integers) -> Integers:
        """Where lattice points are in `_step`; those beyond the box are taken to its outermost layer."""
        places = np.full(coordinates.shape[1], self._first - self._strides @ self._low)
        for axis, low, high, stride in zip(coordinates, self._low, self._high, self._strides, strict=True):
            places += np.clip(axis, low, high) * stride
        return places


@cache
def _steps(spacing: tuple[float, ...], least_mm: float, below_mm: float) -> tuple[Integers, Floats]:
    """Offsets (n, d) to the lattice points around, of such lengths (mm), and these, nearest first; none if too many."""
    reach = [below_mm / length for length in spacing]
    if math.prod(2 * r + 1 for r in reach) > 4 * _MOST_PROBES:
        return np.zeros((0, len(spacing)), np.int64), np.zeros(0)
    offsets = np.array(list(itertools.product(*(range(-math.floor(r), math.floor(r) + 1) for r in reach))))
    lengths = np.sqrt(np.square(offsets * np.asarray(spacing)).sum(axis=1))
    nearest = np.argsort(lengths, kind="stable")
    nearest = nearest[(lengths[nearest] >= least_mm) & (lengths[nearest] < below_mm)]
    return offsets[nearest], lengths[nearest]


def _points(coordinates: Integers, spacing: tuple[float, ...]) -> Floats:
    """(n, d) positions in mm of lattice points, (d, n)."""
    return np.stack([axis * length for axis, length in zip(coordinates, spacing, strict=True)], axis=1)


def surface_metrics(borders: Sides, surfels: tuple[Surfels, Surfels], settings: EvaluationSettings) -> dict[str, float]:
    """Every metric between two non-empty surfaces, each given by its border voxels and by its surfels.

    From the borders' distances: hd, hd95, hd95_pooled, assd, masd (mm) and nsd at each tolerance. hd95 is the larger of
    the two directed 95th percentiles; hd95_pooled the percentile of all distances together. assd pools the distances,
    masd is the mean of the two directed means. nsd_surfel at each tolerance: share of both surfaces' area that lies
    within it of the other, in [0, 1].
    """
    distances = _both_ways(*borders)
    to_prediction, to_reference = distances
    pooled = np.concatenate(distances)
    return {
        "hd": float(pooled.max()),
        "hd95": float(max(np.percentile(to_prediction, 95), np.percentile(to_reference, 95))),
        "hd95_pooled": float(np.percentile(pooled, 95)),
        "assd": float(pooled.mean()),
        "masd": float((to_prediction.mean() + to_reference.mean()) / 2),
        **_within(distances, borders, settings.nsd_names("nsd")),
        **_within(_surfel_distances(borders, distances, surfels, settings), surfels, settings.nsd_names("nsd_surfel")),
    }


def _both_ways(
    reference: Surface,
    prediction: Surface,
    limit_mm: float = math.inf,
    at_least: tuple[LowerBound | None, LowerBound | None] = (None, None),
) -> Distances:
    return (
        prediction.distances_from(reference, limit_mm, at_least[0]),
        reference.distances_from(prediction, limit_mm, at_least[1]),
    )


def _surfel_distances(
    borders: Sides, distances: Distances, surfels: tuple[Surfels, Surfels], settings: EvaluationSettings
) -> Distances:
    """Distances between the surfels, up to the largest tolerance; beyond it, they do not matter."""
    limit_mm = max(settings.tolerances_mm) + 2 * _ROUNDING_MM
    sides = zip(borders, distances, surfels, strict=True)
    reference, prediction = (_surfel_bound(*side) for side in sides)
    return _both_ways(*surfels, limit_mm, (reference, prediction))


def _surfel_bound(border: Surface, distances: Floats, surfels: Surfels) -> LowerBound:
    """Lower bounds of the distances of surfels, given how far the border voxels lie from the other side's.

    A surfel is a corner of a border voxel, half a voxel's diagonal from its centre, and so it is on the other side.
    """
    diagonal = math.hypot(*border.spacing) + _ROUNDING_MM
    return lambda which: distances[np.searchsorted(border.at, surfels.beside[which])] - diagonal


def _within(distances: Distances, sides: Sides, tolerances: Mapping[str, float]) -> dict[str, float]:
    pooled = np.concatenate(distances)
    areas = np.concatenate([side.areas for side in sides])
    total = areas.sum()
    return {
        name: float(np.sum(areas, where=pooled <= tolerance + _ROUNDING_MM) / total)
        for name, tolerance in tolerances.items()
    }
