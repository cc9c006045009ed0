"""Images without NaN and infinity, which some programs write outside of the brain or of the field of view."""

import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813 - the library's own habit

from nnunet_losses.base.dataset import read_dataset_json
from nnunet_losses.base.images import is_nifti, read_voxels
from nnunet_losses.base.names import IMAGES_FOLDER
from nnunet_losses.data.inspection import images_in
from nnunet_losses.data.own.convert import write_image

log = logging.getLogger(__name__)


def replace_not_finite(folder: Path, value: float, *, workers: int = 1) -> None:
    """Replace NaN and infinity in all training images of a data set, and say in how many.

    Other images, and headers, stay as they are.

    Args:
        folder: a data set in nnU-Net's raw layout; its images are written anew in place.
        value: what takes their place, such as 0, nnU-Net's background.
        workers: threads over images.

    Raises:
        UserError: an image cannot be read or stored.
    """
    images = images_in(folder / IMAGES_FOLDER, read_dataset_json(folder)["file_ending"])
    with ThreadPoolExecutor(workers) as pool:
        changed = sum(pool.map(partial(_replace, value=value), images))
    if changed:
        log.warning("NaN and infinity became %g in %d of %d images.", value, changed, len(images))


def _replace(path: Path, value: float) -> bool:
    voxels = read_voxels(path)
    if voxels.dtype.kind != "f" or (finite := np.isfinite(voxels)).all():
        return False
    replaced = np.where(finite, voxels, voxels.dtype.type(value))
    if is_nifti(path):
        nifti: Any = nib.load(path)
        nifti.header.set_data_dtype(replaced.dtype)  # that of the values, where the file scales them
        nib.save(type(nifti)(replaced, nifti.affine, nifti.header), path)
        return True
    image = sitk.ReadImage(str(path))
    spatial = image.GetDimension()
    order = (*reversed(range(spatial)), *range(spatial, replaced.ndim))  # as SimpleITK wants them: z, y, x
    changed = sitk.GetImageFromArray(replaced.transpose(order), isVector=replaced.ndim > spatial)
    changed.CopyInformation(image)
    for key in image.GetMetaDataKeys():
        changed.SetMetaData(key, image.GetMetaData(key))
    write_image(changed, path, path)
    return True
