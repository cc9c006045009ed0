"""Connected components of a label map: the instances that inverse weighting counts."""

import cc3d
import numpy as np
from numpy.typing import NDArray

LAST_ID = np.iinfo(np.int16).max


def label_components(labels: NDArray[np.generic]) -> NDArray[np.int16]:
    """Number the connected components of each class.

    Args:
        labels: (*S) integer labels, 0 the background, or (R, *S) bool regions; S is 2D or 3D.

    Returns: int16 of the same shape: 0 on the background, 1 … K on the components, of one class each, counted
        from 1 in each region anew. Voxels are neighbours if they share a face, an edge or a corner (26 in 3D,
        8 in 2D). Components beyond the 32,767th share that number.

    Raises:
        ValueError: if the shape is neither 2D nor 3D.
    """
    if labels.dtype == bool:
        if labels.ndim not in (3, 4):
            raise ValueError(f"regions must have shape (R, *S) with 2D or 3D space, got {labels.shape}")
        return np.stack([_label(region) for region in labels])
    if labels.ndim not in (2, 3):
        raise ValueError(f"labels must be 2D or 3D, got shape {labels.shape}")
    return _label(labels)


def _label(labels: NDArray[np.generic]) -> NDArray[np.int16]:
    # cc3d 4.1 fails on some bool masks with an axis of length 1, never on their bytes
    values = labels.view(np.uint8) if labels.dtype == bool else labels
    ids, count = cc3d.connected_components(values, connectivity=26 if labels.ndim == 3 else 8, return_N=True)
    return (ids if count <= LAST_ID else np.minimum(ids, LAST_ID)).astype(np.int16)
