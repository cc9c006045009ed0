"""Distances between two surfaces, in mm.

A surface is a set of points on the voxel lattice, each of equal weight (border voxels) or with an area (surfels).
Definitions: Metrics Reloaded (Maier-Hein et al. 2024, 10.1038/s41592-023-02151-z) for HD, HD95, ASSD, MASD and NSD;
Nikolov et al. 2018 (arXiv 1809.04430) for the NSD over surfels.
"""

import itertools
import math
from collections.abc import Mapping
from functools import cache, cached_property

import edt
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from nnunet_losses.evaluation.settings import EvaluationSettings

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Sides = tuple["Surface", "Surface"]  # reference, prediction
Distances = tuple[Floats, Floats]  # from the reference to the prediction, from the prediction to the reference

# How far a band reaches, in lattice points along the finest axis. Without a limit a wider one is dearer to write than
# the search it saves; up to a limit, one that reaches it saves all search, if it has not too many steps.
_REACH, _MOST_STEPS = 1, 64
# Measured cost in ns, which decides between searching for each point and a distance transform of the whole frame.
_SEARCH_COST, _LIMITED_SEARCH_COST, _BUILD_COST, _TRANSFORM_COST = 2500, 500, 150, 25
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
        self._bands: dict[int, Band] = {}

    @cached_property
    def coordinates(self) -> Integers:
        """(d, n) lattice coordinates in the frame."""
        return np.stack(np.unravel_index(self.at, self.shape))

    @property
    def points(self) -> Floats:
        """(n, d) positions in mm."""
        return self.coordinates.T * np.asarray(self.spacing)

    def band(self, reach: int) -> "Band":
        """Distances near the surface, to look up."""
        if reach not in self._bands:
            self._bands[reach] = Band(self.coordinates, self.spacing, reach)
        return self._bands[reach]

    @cached_property
    def tree(self) -> cKDTree:
        """Search tree; the unbalanced build is several times faster on lattice points, and as exact."""
        return cKDTree(self.points, leafsize=32, balanced_tree=False, compact_nodes=False)

    def distances_from(
        self, other: "Surface", limit_mm: float = math.inf, wanted: NDArray[np.bool_] | None = None
    ) -> Floats:
        """Distance in mm from every point of `other` to the nearest point of this surface; neither may be empty.

        limit_mm: a distance at or beyond it may be returned as infinite, which saves most of the search. wanted: (n,)
        the points to search for; the distance of another one may be returned as infinite too.
        """
        if (reach := _reach_to(limit_mm, self.spacing)) is not None:
            return self.band(reach).distances(other.coordinates)
        distances = self.band(_REACH).distances(other.coordinates)
        far = np.flatnonzero(np.isinf(distances) if wanted is None else np.isinf(distances) & wanted)
        if not len(far):
            return distances
        each = _SEARCH_COST if math.isinf(limit_mm) else _LIMITED_SEARCH_COST
        if len(far) * each + len(self.at) * _BUILD_COST > math.prod(self.shape) * _TRANSFORM_COST:
            away = np.ones(math.prod(self.shape), bool)
            away[self.at] = False
            transformed = edt.edt(away.reshape(self.shape), anisotropy=self.spacing, black_border=False, parallel=1)
            distances[far] = transformed.reshape(-1)[other.at[far]]
        else:
            points = other.coordinates[:, far].T * np.asarray(self.spacing)
            distances[far], _ = self.tree.query(points, distance_upper_bound=limit_mm)
        return distances


class Band:
    """The lattice points within reach of a surface: which step leads to the nearest point of the surface.

    One byte for each lattice point of the box around the surface, grown by the reach, so that no step leaves it.
    """

    def __init__(self, coordinates: Integers, spacing: tuple[float, ...], reach: int) -> None:
        offsets, lengths = _steps(spacing, reach)
        self._lengths = np.append(np.inf, lengths)
        self._low = coordinates.min(axis=1, keepdims=True) - reach
        self._shape = coordinates.max(axis=1, keepdims=True) + reach + 1 - self._low
        self._strides = np.append(np.cumprod(self._shape[:0:-1])[::-1], 1)
        at = self._strides @ (coordinates - self._low)
        self._step = np.zeros(math.prod(self._shape[:, 0]), np.uint8)  # 0: out of reach
        for number in range(len(offsets), 0, -1):  # the nearest is written last
            self._step[at + self._strides @ offsets[number - 1]] = number

    def distances(self, coordinates: Integers) -> Floats:
        """(n,) distances in mm from lattice points, (d, n), to the surface; infinite out of reach."""
        places = coordinates - self._low
        inside = ((places >= 0) & (places < self._shape)).all(axis=0)
        distances = np.full(len(inside), np.inf)
        distances[inside] = self._lengths[self._step[self._strides @ places[:, inside]]]
        return distances


@cache
def _steps(spacing: tuple[float, ...], reach: int) -> tuple[Integers, Floats]:
    """Offsets (n, d) to the lattice points around and their lengths in mm, nearest first, as far as none is missing."""
    offsets = np.array(list(itertools.product(range(-reach, reach + 1), repeat=len(spacing))))
    lengths = np.sqrt(np.square(offsets * np.asarray(spacing)).sum(axis=1))
    nearest = np.argsort(lengths, kind="stable")
    nearest = nearest[lengths[nearest] < (reach + 1) * min(spacing)]
    return offsets[nearest], lengths[nearest]


@cache
def _reach_to(limit_mm: float, spacing: tuple[float, ...]) -> int | None:
    """The reach of a band that holds every distance below the limit; None if it would have too many steps."""
    if limit_mm / min(spacing) > _MOST_STEPS / 4:  # not even to be counted
        return None
    reach = math.floor(limit_mm / min(spacing))
    return reach if len(_steps(spacing, reach)[0]) <= _MOST_STEPS else None


def surface_metrics(borders: Sides, surfels: Sides, settings: EvaluationSettings) -> dict[str, float]:
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
    wanted: tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None] = (None, None),
) -> Distances:
    return (
        prediction.distances_from(reference, limit_mm, wanted[0]),
        reference.distances_from(prediction, limit_mm, wanted[1]),
    )


def _surfel_distances(borders: Sides, distances: Distances, surfels: Sides, settings: EvaluationSettings) -> Distances:
    """Distances between the surfels as far as the largest tolerance; beyond, it does not matter how far."""
    limit_mm = max(settings.tolerances_mm) + 2 * _ROUNDING_MM
    if _reach_to(limit_mm, borders[0].spacing) is not None:
        return _both_ways(*surfels, limit_mm)
    reference, prediction = (
        _may_be_within(limit_mm, border, there, surfel)
        for border, there, surfel in zip(borders, distances, surfels, strict=True)
    )
    return _both_ways(*surfels, limit_mm, (reference, prediction))


def _may_be_within(limit_mm: float, border: Surface, distances: Floats, surfels: Surface) -> NDArray[np.bool_]:
    """Which surfels can lie within limit_mm of the other surface, given how far the border voxels lie from it.

    A surfel is a corner of a border voxel, half a voxel's diagonal from its centre, and so it is on the other side.
    """
    diagonal = math.hypot(*border.spacing)
    close = border.at[distances <= (limit_mm + diagonal) * (1 + _ROUNDING_MM)]
    strides = [math.prod(border.shape[axis + 1 :]) for axis in range(len(border.shape))]
    may = np.zeros(math.prod(border.shape), bool)
    for corner in itertools.product((0, 1), repeat=len(strides)):
        may[close - int(np.dot(corner, strides))] = True
    return may[surfels.at]


def _within(distances: Distances, sides: Sides, tolerances: Mapping[str, float]) -> dict[str, float]:
    pooled = np.concatenate(distances)
    areas = np.concatenate([side.areas for side in sides])
    return {
        name: float(areas[pooled <= tolerance + _ROUNDING_MM].sum() / areas.sum())
        for name, tolerance in tolerances.items()
    }
