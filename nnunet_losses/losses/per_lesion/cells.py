"""Voronoi cells: every voxel belongs to the component nearest to it, in physical distance."""

from collections.abc import Sequence

import torch
from scipy import ndimage
from torch import Tensor


def nearest_component(ids: Tensor, spacing: Sequence[float] | None = None) -> Tensor:
    """The number of the component nearest to each voxel.

    Args:
        ids: (*S) component numbers, 0 elsewhere; at least one component.
        spacing: size of a voxel along each axis; None means 1 along each.

    Returns:
        (*S) numbers, none of them 0, of the type and on the device of ``ids``. A voxel equally near to two components
        gets one of them.
    """
    if ids.device.type != "cpu":  # a copy to the host and back would wait for the device
        return _spread_along_each_axis(ids, spacing or (1.0,) * ids.ndim)
    nearest = ndimage.distance_transform_edt(
        (ids == 0).numpy(), sampling=spacing, return_distances=False, return_indices=True
    )
    return ids[tuple(torch.from_numpy(nearest).long())]


def _spread_along_each_axis(ids: Tensor, spacing: Sequence[float]) -> Tensor:
    """The same by whole-volume operations: after axis a, the nearest among all voxels that differ in axes 0 … a."""
    far = torch.inf
    distance = torch.zeros(ids.shape, device=ids.device).masked_fill(ids == 0, far)  # squared
    for axis, step in enumerate(spacing):
        before, numbers = distance, ids
        distance, ids = before.clone(), numbers.clone()
        length = ids.shape[axis]
        for shift in range(1, length):
            for start, source in ((shift, 0), (0, shift)):
                there = distance.narrow(axis, start, length - shift)
                offered = before.narrow(axis, source, length - shift) + (step * shift) ** 2
                nearer = offered < there
                there.copy_(torch.where(nearer, offered, there))
                id_there = ids.narrow(axis, start, length - shift)
                id_there.copy_(torch.where(nearer, numbers.narrow(axis, source, length - shift), id_there))
    return ids
