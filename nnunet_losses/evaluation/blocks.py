"""Masks of large images, a block at a time."""

import numpy as np
from numpy.typing import NDArray

from nnunet_losses.base.labels import Label, mask_of


class BlockwiseMask:
    """Where a flat segmentation holds any of the label's values, of the voxels in a slice: ``mask[start:stop]``.

    A whole mask would take as much memory as the segmentation.
    """

    def __init__(self, segmentation: NDArray[np.integer], label: Label, ignored: NDArray[np.bool_] | None) -> None:
        self._segmentation = segmentation
        self._label = label
        self._ignored = ignored

    def __getitem__(self, part: slice) -> NDArray[np.bool_]:
        mask = mask_of(self._segmentation[part], self._label)
        return mask if self._ignored is None else mask & ~self._ignored[part]
