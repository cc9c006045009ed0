"""NIfTI volumes read and written piece by piece, so that one volume takes the memory of one volume."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.openers import ImageOpener
from numpy.typing import NDArray

from nnunet_losses.base.images import check_complete

_SLICES = 32
_TILE = (256, 16)
"""With the slices, a tile that is copied at once: it stays in the processor's cache, and takes whole lines of it."""


def read_nifti(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The voxels of a NIfTI file in their own type (real if the header scales them), and its affine.

    nibabel alone would hold a compressed volume twice while it reads it. A fourth axis of length 1 is left out.

    Raises:
        Exception: what nibabel raises for a file that is no NIfTI file, or damaged.
    """
    image: Any = nib.load(path, keep_file_open=True)  # or each piece would be decompressed from the beginning
    check_complete(path, image)
    affine = np.asarray(image.affine, np.float64)
    shape = image.shape
    if not path.name.endswith(".gz") or len(shape) != 3 or 0 in shape:
        voxels = np.asanyarray(image.dataobj)
        return (voxels[..., 0] if shape[3:] == (1,) else voxels), affine
    pieces = (slice(first, first + _SLICES) for first in range(0, shape[2], _SLICES))
    piece = next(pieces)
    part = image.dataobj[..., piece]
    voxels = np.empty(shape, part.dtype, order="F")
    voxels[..., piece] = part
    for piece in pieces:
        voxels[..., piece] = image.dataobj[..., piece]
    return voxels, affine


def save_nifti(voxels: NDArray[Any], affine: NDArray[np.float64], target: Path) -> None:
    """Write a volume as nibabel does, with its compression, but for two things.

    A few slices at a time are brought into the order of the file, so that the memory for a second volume is not needed.
    If axes were exchanged, they are copied in tiles: else nearly each access would miss the cache.

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
    edges = (nx, ny) if abs(voxels.strides[0]) == voxels.itemsize else _TILE
    buffer = np.empty((nx, ny, min(_SLICES, nz)), dtype, order="F")
    opened: Any = ImageOpener(str(target), "wb")  # it takes any buffer, not bytes alone
    with opened as file:
        header.write_to(file)
        file.write(bytes(header.get_data_offset() - file.tell()))
        for first in range(0, nz, _SLICES):
            slices = slice(first, first + _SLICES)
            piece = buffer[..., : nz - first]
            for x in range(0, nx, edges[0]):
                for y in range(0, ny, edges[1]):
                    tile = (slice(x, x + edges[0]), slice(y, y + edges[1]))
                    piece[tile] = voxels[(*tile, slices)]
            file.write(piece.T.data)
