"""Segmentations and nnU-Net's probabilities from files: NIfTI by nibabel, everything else by SimpleITK."""

import dataclasses
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK
from numpy.typing import NDArray

from nnunet_losses.base.errors import UserError

_NIFTI = (".nii", ".nii.gz")


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Where an image lies: its shape and spacing (mm) by array axis, and its place in the world."""

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    world: NDArray[np.float64]  # affine of a NIfTI file; origin and direction of any other

    def matches(self, other: "Geometry") -> bool:
        """Whether spacing, origin and direction agree to a thousandth (of a mm, or relatively)."""
        return np.allclose(self.spacing, other.spacing, rtol=1e-3, atol=1e-3) and np.allclose(
            self.world, other.world, rtol=1e-3, atol=1e-3
        )


def read_geometry(path: Path) -> Geometry:
    """Geometry from the header alone; `UserError` if the file cannot be read."""
    try:
        return _nifti_geometry(nib.Nifti1Image.from_filename(path)) if _is_nifti(path) else _itk_geometry(path)
    except (OSError, RuntimeError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise UserError(f"{path}: cannot be read as an image ({_first_line(error)})") from error


def read_segmentation(path: Path) -> NDArray[np.integer]:
    """The label map of a file; axes as in `read_geometry`. `UserError` if a value is not an integer."""
    try:
        if _is_nifti(path):
            array = np.asanyarray(nib.Nifti1Image.from_filename(path).dataobj)
        else:
            array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    except (OSError, RuntimeError, ValueError, EOFError, nib.filebasedimages.ImageFileError) as error:
        raise UserError(f"{path}: cannot be read as an image ({_first_line(error)})") from error
    if np.issubdtype(array.dtype, np.integer):
        return array
    labels = np.rint(array)
    if not np.array_equal(labels, array) or abs(labels).max() > np.iinfo(np.int16).max:
        raise UserError(f"{path}: holds values that are not integer labels")
    return labels.astype(np.int16)


def read_probabilities(path: Path, segmentation: Path, shape: tuple[int, ...], channels: int) -> NDArray[np.floating]:
    """nnU-Net's `probabilities` (C, *S), turned to the axes in which `segmentation` is read.

    nnU-Net writes the axes in SimpleITK's order (z, y, x), nibabel reads NIfTI as (x, y, z); a 2D image has a leading
    axis of one slice. Raises `UserError` if the shape fits neither way.
    """
    try:
        with np.load(path) as archive:
            probabilities = archive["probabilities"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: is not a file of nnU-Net probabilities ({_first_line(error)})") from error
    if not np.issubdtype(probabilities.dtype, np.floating):
        raise UserError(f"{path}: 'probabilities' is of type {probabilities.dtype}, expected floating point")
    reverse = _is_nifti(segmentation)
    stored = shape[::-1] if reverse else shape
    if probabilities.shape in ((channels, *stored), (channels, 1, *stored)):
        probabilities = probabilities.reshape(channels, *stored)
        return probabilities.transpose(0, *range(len(stored), 0, -1)) if reverse else probabilities
    raise UserError(
        f"{path}: 'probabilities' has shape {probabilities.shape}, expected {(channels, *stored)} "
        f"({channels} channels of the image {segmentation.name} in the order z, y, x)"
    )


def _is_nifti(path: Path) -> bool:
    return path.name.endswith(_NIFTI)


def _nifti_geometry(image: nib.Nifti1Image) -> Geometry:
    spacing = tuple(float(s) for s in image.header.get_zooms()[: len(image.shape)])
    return Geometry(tuple(image.shape), spacing, np.asarray(image.affine))


def _itk_geometry(path: Path) -> Geometry:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    world = np.array([*reader.GetOrigin(), *reader.GetDirection()])
    return Geometry(reader.GetSize()[::-1], reader.GetSpacing()[::-1], world)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
