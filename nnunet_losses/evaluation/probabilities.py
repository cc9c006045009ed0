"""nnU-Net's files of probabilities."""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnunet_losses.base.errors import UserError


def read_probabilities(path: Path, shape: tuple[int, ...], channels: int) -> NDArray[np.floating]:
    """The `probabilities` (C, *S) of a file, axes as in `nnunet_losses.base.images`.

    nnU-Net stores the axes as z, y, x, and a 2D image as one slice.

    Args:
        path: the `.npz` file.
        shape: of the segmentation that nnU-Net made from them, *S.
        channels: number of classes or regions, C.

    Raises:
        UserError: the file cannot be read, or the probabilities are of another shape.
    """
    try:
        with np.load(path) as archive:
            probabilities = archive["probabilities"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} is not a file of nnU-Net probabilities ({reason}).") from error
    if not np.issubdtype(probabilities.dtype, np.floating):
        raise UserError(f"{path}: 'probabilities' has the type {probabilities.dtype}, expected floating point.")
    stored = shape[::-1]
    if probabilities.shape not in ((channels, *stored), (channels, 1, *stored)):
        raise UserError(
            f"{path}: 'probabilities' has shape {probabilities.shape}, expected {(channels, *stored)}: {channels} "
            "channels of the segmentation, axes in the order z, y, x."
        )
    return probabilities.reshape(channels, *stored).transpose(0, *range(len(stored), 0, -1))
