"""The connected components of a label map as one channel of nnU-Net's target."""

import numpy as np
from numpy.typing import NDArray

from nnunet_losses.base.components import connected_components

LAST_ID = np.iinfo(np.int16).max


def label_components(labels: NDArray[np.generic]) -> NDArray[np.int16]:
    """Number the connected components of each class.

    Args:
        labels: (*S) integer labels with background 0, or (R, *S) bool regions; S is 2D or 3D.

    Returns:
        int16 of the same shape: 0 on the background, 1 … K on the components, each of one class, and counted anew in
        each region. Voxels are neighbours if they share a face, an edge or a corner (26 in 3D, 8 in 2D). Components
        beyond the 32,767th share that number.

    Raises:
        ValueError: the shape is neither 2D nor 3D.
    """
    if labels.dtype == bool:
        if labels.ndim not in (3, 4):
            raise ValueError(f"regions must have shape (R, *S) with 2D or 3D space, got {labels.shape}")
        return np.stack([_label(region) for region in labels])
    return _label(labels)


def _label(labels: NDArray[np.generic]) -> NDArray[np.int16]:
    numbers, count = connected_components(labels)
    return (numbers if count <= LAST_ID else np.minimum(numbers, LAST_ID)).astype(np.int16)
