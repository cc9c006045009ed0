"""Voronoi cells: every voxel belongs to the component nearest to it, in physical distance."""

from collections.abc import Sequence

import torch
from scipy import ndimage
from torch import Tensor

from nnunet_losses.losses.distances import nearest_along
from nnunet_losses.losses.primitives import asynchronous


def nearest_component(ids: Tensor, spacing: Sequence[float] | None = None) -> Tensor:
    """The number of the component nearest to each voxel.

    Args:
        ids: (*S) component numbers, 0 elsewhere; at least one component.
        spacing: size of a voxel along each axis; None means 1 along each.

    Returns:
        (*S) numbers, none of them 0, of the type and on the device of ``ids``. A voxel equally near to two components
        gets one of them.
    """
    if asynchronous(ids):
        return spread_along_each_axis(ids, spacing or (1.0,) * ids.ndim)
    nearest = ndimage.distance_transform_edt(
        (ids == 0).numpy(), sampling=spacing, return_distances=False, return_indices=True
    )
    return ids[tuple(torch.from_numpy(nearest).long())]


def spread_along_each_axis(ids: Tensor, spacing: Sequence[float]) -> Tensor:
    """The same on any device; 0 everywhere if there is no component."""
    distance = torch.zeros(ids.shape, device=ids.device).masked_fill(ids == 0, torch.inf)  # squared
    for axis, step in enumerate(spacing):
        distance, ids = nearest_along(distance, ids, axis, step)
    return ids
