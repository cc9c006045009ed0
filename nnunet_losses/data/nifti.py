"""NIfTI files written piece by piece, whatever the order in which the voxels lie in memory."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.openers import ImageOpener
from numpy.typing import NDArray

_SLICES, _EDGE = 32, 64
"""Of a tile that is copied at once: it stays in the processor's cache, and takes whole lines of it."""


def save_nifti(voxels: NDArray[Any], affine: NDArray[np.float64], target: Path) -> None:
    """Write a volume as nibabel does, with its compression, but for two things.

    A few slices at a time are brought into the order of the file, so that the memory for a second volume is not needed;
    and they are copied in tiles: axes that were exchanged would else make nearly each access miss the cache.

    Args:
        voxels: (x, y, z), in any order in memory.
        affine: (4, 4), from voxels to mm.
        target: ``.nii.gz`` or ``.nii``.
    """
    header: Any = nib.Nifti1Image(voxels, affine).header
    header.set_xyzt_units("mm")
    header.set_slope_inter(1, 0)
    dtype = voxels.dtype.newbyteorder("=")
    nx, ny, nz = voxels.shape
    with ImageOpener(str(target), "wb") as file:
        header.write_to(file)
        file.write(bytes(header.get_data_offset() - file.tell()))
        for first in range(0, nz, _SLICES):
            slices = slice(first, first + _SLICES)
            piece = np.empty((nx, ny, min(_SLICES, nz - first)), dtype, order="F")
            for x in range(0, nx, _EDGE):
                for y in range(0, ny, _EDGE):
                    tile = (slice(x, x + _EDGE), slice(y, y + _EDGE))
                    piece[tile] = voxels[(*tile, slices)]
            file.write(piece.tobytes(order="F"))
