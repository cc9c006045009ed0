"""Image files: their grid from the header alone, and their voxels. NIfTI by nibabel, all else by SimpleITK."""

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813 - the library's own habit
from numpy.typing import NDArray

# What the libraries raise for a file that is damaged or of another kind (SimpleITK raises bare RuntimeErrors).
READ_ERRORS = (OSError, EOFError, zlib.error, RuntimeError, ValueError, nib.filebasedimages.ImageFileError)
ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".gipl", ".png", ".bmp", ".tif", ".tiff")


class Grid(NamedTuple):
    """Where an image's voxels lie: shape, affine from index to mm (dimensions + 1 square), channels in the file."""

    shape: tuple[int, ...]
    affine: NDArray[np.float64]
    channels: int = 1

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """Distance between neighbouring voxels along each axis."""
        return tuple(float(s) for s in np.sqrt((self.affine[:-1, :-1] ** 2).sum(0)))


def is_nifti(path: Path) -> bool:
    """Whether nibabel reads this file."""
    return path.name.endswith((".nii", ".nii.gz"))


def read_grid(path: Path) -> Grid:
    """Grid of an image file, without its voxels; raises one of READ_ERRORS if it is no image or cut short."""
    if is_nifti(path):
        nifti: Any = nib.load(path)
        if len(nifti.shape) not in (2, 3):
            raise ValueError(f"it has {len(nifti.shape)} dimensions, but nnU-Net takes one 3D file a channel")
        _check_complete(path, nifti)
        if nifti.affine is None or not np.isfinite(nifti.affine).all():
            raise ValueError("its affine holds NaN or infinity")
        return Grid(tuple(nifti.shape), np.asarray(nifti.affine, np.float64))
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    n = reader.GetDimension()
    affine = np.eye(n + 1)
    affine[:n, :n] = np.reshape(reader.GetDirection(), (n, n)) * np.asarray(reader.GetSpacing())
    affine[:n, n] = reader.GetOrigin()
    return Grid(tuple(reader.GetSize()), affine, reader.GetNumberOfComponents())


def read_voxels(path: Path) -> NDArray[Any]:
    """Voxels of an image file in its own number type, axes in the order of its grid's shape."""
    if is_nifti(path):
        nifti: Any = nib.load(path)
        return np.asanyarray(nifti.dataobj)
    voxels: NDArray[Any] = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T
    return voxels


def _check_complete(path: Path, nifti: Any) -> None:
    """Raise EOFError if the file is shorter than its header promises.

    A .gz ends with the length of what it holds, so an intact file need not be decompressed. A file of several gzip
    members does not match and is read.
    """
    header = nifti.header
    expected = int(header.get_data_offset()) + int(np.prod(nifti.shape)) * header.get_data_dtype().itemsize
    if not path.name.endswith(".gz"):
        complete = path.stat().st_size >= expected
    else:
        with path.open("rb") as file:
            file.seek(-4, 2)
            complete = struct.unpack("<I", file.read(4))[0] == expected % 2**32
        if not complete:
            with gzip.open(path) as file:
                length = 0
                while block := file.read(1 << 22):
                    length += len(block)
            complete = length >= expected
    if not complete:
        raise EOFError("it is shorter than its header promises")
