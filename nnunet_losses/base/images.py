"""Image files: their geometry from the header alone, and their voxels. nibabel reads NIfTI, SimpleITK all else.

SimpleITK is imported where it is needed: it takes a second and 90 MB.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.scale import Length

PICTURES = (".png", ".bmp", ".tif", ".tiff")
"""Pictures: in 2D they have no spacing. What such a file says of its resolution is meant for screens and printers."""
ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".gipl", *PICTURES)
"""Files that nnU-Net takes for images."""
SAME_GRID_VOXELS = 0.1
"""Images whose corners lie closer than this, in voxels, are on the same grid: headers are rounded."""

NO_THICKNESS = 999.0
"""The spacing that nnU-Net gives to the third axis of an image that has none."""
LARGEST_LABEL = int(np.iinfo(np.int32).max)
"""Of a label that is stored as a real number: larger ones are not exact."""
_TRAILING = 1 << 20  # bytes that may follow the voxels
# What the libraries raise for a file that is damaged or of another kind (SimpleITK raises bare RuntimeErrors).
_READ_ERRORS = (
    OSError,
    EOFError,
    zlib.error,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    MemoryError,
    nib.filebasedimages.ImageFileError,
    nib.spatialimages.HeaderDataError,
    nib.spatialimages.HeaderTypeError,
    nib.spatialimages.ImageDataError,
)
# SimpleITK's coordinates run to the left and to the back, nibabel's to the right and to the front.
_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


class NotOneVolumeError(UserError):
    """An image has fewer than two dimensions, or more than three."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the voxels of an image lie.

    shape: voxels along each array axis (x, y, z); two or three axes.
    spacing_mm: distance in mm between neighbouring voxels along each axis, as the header says; 1 in pictures.
    affine: (4, 4) from a voxel's index to its place in mm (right, front, top); a 2D image is the slice z = 0.
    channels: values of each voxel; several in a colour picture.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    affine: NDArray[np.float64]
    channels: int = 1

    @property
    def unit(self) -> Length:
        """The unit of lengths: pixels in 2D without spacing (1 × 1, or 999 × 1 × 1 as nnU-Net stores it), else mm."""
        if len(self.shape) == 3:
            flat = [s for n, s in zip(self.shape, self.spacing_mm, strict=True) if (n, s) != (1, NO_THICKNESS)]
        else:
            flat = list(self.spacing_mm)
        return Length.PX if flat == [1.0, 1.0] else Length.MM

    @property
    def orientation(self) -> str:
        """Where each array axis leads: R(ight) or L(eft), A(nterior) or P(osterior), S(uperior) or I(nferior); "RAS".

        Empty in 2D.
        """
        return (
            "".join(axis or "?" for axis in nib.orientations.aff2axcodes(self.affine)) if len(self.shape) == 3 else ""
        )

    def offset_voxels(self, other: "Geometry") -> float:
        """Largest distance between corresponding corners of two images of one shape, in edges of the smallest voxel."""
        shape = (*self.shape, 1)[:3]
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij")).reshape(3, -1)
        difference = (self.affine - other.affine)[:3]
        moved = difference[:, :3] @ corners + difference[:, 3:]
        return float(np.sqrt((moved**2).sum(0)).max() / max(min(self.spacing_mm), 1e-6))


def read_geometry(path: Path) -> Geometry:
    """The geometry of an image file, without reading its voxels.

    Raises:
        NotOneVolumeError: it is not 2D or 3D.
        UserError: it is no image, or cut short.
    """
    with readable(path):
        return _nifti_geometry(path) if is_nifti(path) else _itk_geometry(path)


def read_voxels(path: Path) -> NDArray[Any]:
    """The voxels of an image file in their own type: (*shape) of its geometry, of colour pictures (*shape, channels).

    Raises:
        UserError: it cannot be read.
    """
    return _read(path)[0]


def read_segmentation(path: Path) -> NDArray[np.integer]:
    """The label map of a file, (*shape) of its geometry; whole numbers stored as floats become integers.

    Raises:
        UserError: it cannot be read, is a colour picture, or a value is not a whole number.
    """
    voxels, channels = _read(path)
    if channels > 1:
        raise UserError(f"{path} is a colour picture of {channels} channels; store one label per voxel.")
    if np.issubdtype(voxels.dtype, np.integer):
        return voxels
    if voxels.dtype == bool:
        return voxels.view(np.uint8)
    with np.errstate(invalid="ignore"):  # NaN, found in the next line
        whole = np.rint(voxels)
    wrong = ~np.isfinite(voxels) | (voxels != whole)
    if wrong.any():
        raise UserError(
            f"{path} holds {voxels[wrong][0]:g} ({int(wrong.sum())} voxels are not integers); store whole numbers."
        )
    if (largest := np.abs(whole).max(initial=0)) > LARGEST_LABEL:
        raise UserError(f"{path} holds {largest:g}, which is not a label; store whole numbers up to {LARGEST_LABEL:,}.")
    return whole.astype(np.int16 if largest <= np.iinfo(np.int16).max else np.int64)


def check_intact(path: Path) -> None:
    """Look through a whole NIfTI file: its header, its length and, if it is compressed, its checksum.

    Raises:
        UserError: it is no image, damaged or cut short.
    """
    with readable(path):
        nifti: Any = nib.load(path)
        check_complete(path, nifti)
        if path.name.endswith(".gz"):
            most = _content_length(nifti) + _TRAILING
            with gzip.open(path) as file:
                length = 0
                while block := file.read(1 << 20):
                    length += len(block)
                    if length > most:
                        raise ValueError("it is longer than its header promises")


def _read(path: Path) -> tuple[NDArray[Any], int]:
    """Voxels, and number of values of each."""
    with readable(path):
        if is_nifti(path):
            nifti: Any = nib.load(path)
            check_complete(path, nifti)  # a header may promise more than fits into the memory
            values = np.asanyarray(nifti.dataobj)
            if values.dtype.kind not in "biuf":
                raise ValueError(f"its voxels are of type {values.dtype}, not real numbers")
            return values, 1
        import SimpleITK as sitk  # noqa: N813 - the library's own habit

        image = sitk.ReadImage(str(path))
        voxels: NDArray[Any] = sitk.GetArrayFromImage(image)
        n = image.GetDimension()
        # SimpleITK gives z, y, x
        return voxels.transpose(*reversed(range(n)), *range(n, voxels.ndim)), image.GetNumberOfComponentsPerPixel()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what the libraries raise for an image that they cannot read into one sentence.

    Raises:
        UserError: the block raised such an error; the text names ``path``.
    """
    try:
        yield
    except _READ_ERRORS as error:
        with suppress(OSError):
            if path.stat().st_size == 0:
                raise UserError(f"{path} is an empty file (0 bytes); replace it with an intact one.") from error
        # SimpleITK puts the place in its own source code first
        reason = " ".join(str(error).split("sitk::ERROR:")[-1].split())[:200] or type(error).__name__
        raise UserError(f"{path} cannot be read as an image ({reason}); replace it with an intact file.") from error


def is_nifti(path: Path) -> bool:
    """Whether a file is NIfTI, by its name."""
    return path.name.endswith((".nii", ".nii.gz"))


def _nifti_geometry(path: Path) -> Geometry:
    nifti: Any = nib.load(path)
    dimensions = len(nifti.shape)
    _refuse_dimensions(path, dimensions)
    check_complete(path, nifti)
    if nifti.affine is None or not np.isfinite(nifti.affine).all():
        raise ValueError("its affine holds NaN or infinity")
    spacing = tuple(float(mm) for mm in nifti.header.get_zooms()[:dimensions])
    if not all(math.isfinite(mm) and mm > 0 for mm in spacing):
        raise ValueError(f"its voxels measure {' x '.join(f'{mm:g}' for mm in spacing)} mm")
    return Geometry(tuple(nifti.shape), spacing, np.asarray(nifti.affine, np.float64))


def _itk_geometry(path: Path) -> Geometry:
    import SimpleITK as sitk  # noqa: N813 - the library's own habit

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    n = reader.GetDimension()
    _refuse_dimensions(path, n)
    spacing = (1.0, 1.0) if n == 2 and path.name.lower().endswith(PICTURES) else tuple(reader.GetSpacing())
    affine = np.eye(4)
    affine[:n, :n] = np.reshape(reader.GetDirection(), (n, n)) * np.asarray(spacing)
    affine[:n, 3] = reader.GetOrigin()
    affine[:3] *= _LPS_TO_RAS[:, None]
    return Geometry(tuple(reader.GetSize()), spacing, affine, reader.GetNumberOfComponents())


def _refuse_dimensions(path: Path, dimensions: int) -> None:
    if dimensions not in (2, 3):
        raise NotOneVolumeError(
            f"{path} has {dimensions} dimensions, but nnU-Net takes one 3D file per channel; store each volume as a "
            "file of its own."
        )


def check_complete(path: Path, nifti: Any) -> None:
    """Raise EOFError if the file is shorter than its header promises.

    A .gz file ends with the length of its content, so an intact one need not be decompressed. A file of several gzip
    members does not match and is read.
    """
    expected = _content_length(nifti)
    if not path.name.endswith(".gz"):
        complete = path.stat().st_size >= expected
    else:
        with path.open("rb") as file:
            file.seek(-4, 2)
            complete = struct.unpack("<I", file.read(4))[0] == expected % 2**32
        if not complete:
            with gzip.open(path) as file:
                length = 0
                while length < expected and (block := file.read(1 << 22)):
                    length += len(block)
            complete = length >= expected
    if not complete:
        raise EOFError("it is shorter than its header promises")


def _content_length(nifti: Any) -> int:
    """Bytes that a NIfTI file must hold at least when it is not compressed."""
    # nibabel clears the offset in its copy of the header; Python's numbers do not overflow
    return int(nifti.dataobj.offset) + math.prod(map(int, nifti.shape)) * int(nifti.header.get_data_dtype().itemsize)
