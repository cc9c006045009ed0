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
Steps = list[tuple[int, float]]

_REACH = 1  # the width of the frame
# Measured cost in ns, which decides between searching for each point and a distance transform of the whole frame.
_SEARCH_COST, _LIMITED_SEARCH_COST, _BUILD_COST, _TRANSFORM_COST = 2500, 500, 150, 25
_ROUNDING_MM = 1e-6  # index times spacing is not exact; a distance equal to the tolerance must count as within


class Surface:
    """Points of a surface: flat lattice indices in a frame of a shape and spacing (mm), and the area of each."""

    def __init__(
        self, at: NDArray[np.int64], shape: tuple[int, ...], spacing: tuple[float, ...], areas: Floats
    ) -> None:
        self.at = at
        self.shape = shape
        self.spacing = spacing
        self.areas = areas

    @cached_property
    def points(self) -> Floats:
        """(n, d) positions in mm."""
        return np.stack(np.unravel_index(self.at, self.shape), axis=1) * np.asarray(self.spacing)

    @cached_property
    def tree(self) -> cKDTree:
        """Search tree; the unbalanced build is several times faster on lattice points, and as exact."""
        return cKDTree(self.points, leafsize=32, balanced_tree=False, compact_nodes=False)

    def distances_from(self, other: "Surface", limit_mm: float = math.inf) -> Floats:
        """Distance in mm from every point of `other` to the nearest point of this surface; neither may be empty.

        limit_mm: a distance at or beyond it may be returned as infinite, which saves most of the search.
        """
        here = np.zeros(math.prod(self.shape), bool)
        here[self.at] = True
        distances, far = _near(here, other.at, _steps(self.shape, self.spacing))
        if not len(far):
            return distances
        each = _SEARCH_COST if math.isinf(limit_mm) else _LIMITED_SEARCH_COST
        if len(far) * each + len(self.at) * _BUILD_COST > len(here) * _TRANSFORM_COST:
            transformed = edt.edt(~here.reshape(self.shape), anisotropy=self.spacing, black_border=False, parallel=1)
            distances[far] = transformed.reshape(-1)[other.at[far]]
        else:
            distances[far], _ = self.tree.query(other.points[far], distance_upper_bound=limit_mm)
        return distances


def _near(here: NDArray[np.bool_], at: NDArray[np.int64], steps: Steps) -> tuple[Floats, NDArray[np.int64]]:
    """Distances found by looking at the nearest lattice points in turn, and the positions in `at` that need more."""
    distances = np.full(len(at), np.inf)
    rest = np.arange(len(at))
    for step, distance in steps:
        hit = here[at[rest] + step]  # a step over the edge comes back in on the far side, where the frame is empty
        distances[rest[hit]] = distance
        rest = rest[~hit]
    return distances, rest


@cache
def _steps(shape: tuple[int, ...], spacing: tuple[float, ...]) -> Steps:
    """Flat steps to the lattice points around, nearest first, as far as none is left out: within one frame."""
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    around = list(itertools.product(range(-_REACH, _REACH + 1), repeat=len(shape)))
    complete = (_REACH + 1) * min(spacing)
    steps = [
        (int(np.dot(offset, strides)), math.hypot(*(o * s for o, s in zip(offset, spacing, strict=True))))
        for offset in around
    ]
    return sorted((step for step in steps if step[1] < complete), key=lambda step: step[1])


def surface_distances(reference: Surface, prediction: Surface, settings: EvaluationSettings) -> dict[str, float]:
    """hd, hd95, hd95_pooled, assd, masd (mm) and nsd at each tolerance between two non-empty borders.

    hd95 is the larger of the two directed 95th percentiles; hd95_pooled the percentile of all distances together.
    assd pools the distances, masd is the mean of the two directed means.
    """
    to_prediction = prediction.distances_from(reference)
    to_reference = reference.distances_from(prediction)
    pooled = np.concatenate([to_prediction, to_reference])
    areas = np.concatenate([reference.areas, prediction.areas])
    return {
        "hd": float(pooled.max()),
        "hd95": float(max(np.percentile(to_prediction, 95), np.percentile(to_reference, 95))),
        "hd95_pooled": float(np.percentile(pooled, 95)),
        "assd": float(pooled.mean()),
        "masd": float((to_prediction.mean() + to_reference.mean()) / 2),
        **_within(pooled, areas, settings.nsd_names("nsd")),
    }


def surfel_dice(reference: Surface, prediction: Surface, settings: EvaluationSettings) -> dict[str, float]:
    """nsd_surfel at each tolerance: share of both surfaces' area that lies within it of the other, in [0, 1]."""
    limit_mm = max(settings.tolerances_mm) + 2 * _ROUNDING_MM  # beyond, it does not matter how far
    to_prediction = prediction.distances_from(reference, limit_mm)
    to_reference = reference.distances_from(prediction, limit_mm)
    pooled = np.concatenate([to_prediction, to_reference])
    areas = np.concatenate([reference.areas, prediction.areas])
    return _within(pooled, areas, settings.nsd_names("nsd_surfel"))


def _within(distances: Floats, areas: Floats, tolerances: Mapping[str, float]) -> dict[str, float]:
    return {
        name: float(areas[distances <= tolerance + _ROUNDING_MM].sum() / areas.sum())
        for name, tolerance in tolerances.items()
    }
