"""Distances between two surfaces, in mm.

A surface is a set of points on the voxel lattice, each of equal weight (border voxels) or with an area (surfels).
Definitions: Metrics Reloaded (Maier-Hein et al. 2024, 10.1038/s41592-023-02151-z) for HD, HD95, ASSD, MASD and NSD;
Nikolov et al. 2018 (arXiv 1809.04430) for the NSD over surfels.
"""

from collections.abc import Mapping
from functools import cached_property

import edt
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from nnunet_losses.evaluation.settings import EvaluationSettings

Floats = NDArray[np.float64]

_ROUNDING_MM = 1e-6  # index times spacing is not exact; a distance equal to the tolerance must count as within


class Surface:
    """Points of a surface: (n, d) lattice indices with the spacing in mm; the area (n,) each stands for."""

    def __init__(self, index: NDArray[np.int64], spacing: tuple[float, ...], areas: Floats) -> None:
        self.index = index
        self.spacing = spacing
        self.areas = areas

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def points(self) -> Floats:
        """(n, d) positions in mm."""
        return self.index * np.asarray(self.spacing)

    @cached_property
    def tree(self) -> cKDTree:
        """Search tree; the unbalanced build is several times faster on lattice points, and as exact."""
        return cKDTree(self.points, leafsize=32, balanced_tree=False, compact_nodes=False)

    def distances_from(self, other: "Surface", tree_points: int) -> Floats:
        """Distance in mm from every point of `other` to the nearest point of this surface; neither may be empty.

        tree_points: with more points on either surface a distance transform of their common box is faster.
        """
        if max(len(self), len(other)) > tree_points:
            return _transformed(self, other)
        distances, _ = self.tree.query(other.points)
        return np.asarray(distances)


def _transformed(surface: Surface, other: Surface) -> Floats:
    origin = np.minimum(surface.index.min(axis=0), other.index.min(axis=0))
    last = np.maximum(surface.index.max(axis=0), other.index.max(axis=0))
    outside = np.ones(last - origin + 1, bool)
    outside[tuple((surface.index - origin).T)] = False
    distances = edt.edt(outside, anisotropy=surface.spacing, black_border=False, parallel=1)
    return distances[tuple((other.index - origin).T)].astype(np.float64)


def surface_distances(reference: Surface, prediction: Surface, settings: EvaluationSettings) -> dict[str, float]:
    """hd, hd95, hd95_pooled, assd, masd (mm) and nsd at each tolerance between two non-empty borders.

    hd95 is the larger of the two directed 95th percentiles; hd95_pooled the percentile of all distances together.
    assd pools the distances, masd is the mean of the two directed means.
    """
    to_prediction = prediction.distances_from(reference, settings.surface_tree_points)
    to_reference = reference.distances_from(prediction, settings.surface_tree_points)
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
    to_prediction = prediction.distances_from(reference, settings.surface_tree_points)
    to_reference = reference.distances_from(prediction, settings.surface_tree_points)
    pooled = np.concatenate([to_prediction, to_reference])
    areas = np.concatenate([reference.areas, prediction.areas])
    return _within(pooled, areas, settings.nsd_names("nsd_surfel"))


def _within(distances: Floats, areas: Floats, tolerances: Mapping[str, float]) -> dict[str, float]:
    return {
        name: float(areas[distances <= tolerance + _ROUNDING_MM].sum() / areas.sum())
        for name, tolerance in tolerances.items()
    }
