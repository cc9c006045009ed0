"""Tasks of the Medical Segmentation Decathlon (Simpson et al. 2019, arXiv 1902.09063) in nnU-Net's raw layout.

nnU-Net's own converter writes to its global folder, needs test images and starts its own processes. This one fills any
folder, can take some of the cases, and moves or links three-dimensional files instead of writing them again.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nibabel as nib

from nnunet_losses.base.dataset import write_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import IMAGES_FOLDER, LABELS_FOLDER, NIFTI, image_file, label_file
from nnunet_losses.data.layout import make_folders


def is_msd(content: dict[str, Any]) -> bool:
    """Whether a dataset.json is the Decathlon's: it names modalities and numbers its labels the other way round."""
    return "modality" in content and "channel_names" not in content


def convert_msd(
    source: Path,
    content: dict[str, Any],
    folder: Path,
    select: Callable[[Sequence[str]], list[str]],
    place: Callable[[Path, Path], object],
    workers: int = 1,
) -> None:
    """Write the training cases of ``source`` to ``folder``: one file per channel, labels as {name: value}.

    Test images are left out: they have no public labels, and studies compare out of fold.

    Args:
        source: folder of the task.
        content: of its dataset.json.
        folder: an empty folder.
        select: chooses among the names of the cases.
        place: puts a file (the source) into a folder (as the target).
        workers: threads over cases.

    Raises:
        UserError: a label or an image is missing or cannot be read, or has another number of channels than modalities.
    """
    if not (source / IMAGES_FOLDER).is_dir() or not (source / LABELS_FOLDER).is_dir():
        raise UserError(f"{source} is a Decathlon task without {IMAGES_FOLDER} or {LABELS_FOLDER}; unpack it again.")
    images = (path.name for path in (source / IMAGES_FOLDER).glob(f"*{NIFTI}"))
    names = select([name.removesuffix(NIFTI) for name in images if not name.startswith(".")])
    channels = {str(key): value for key, value in content["modality"].items()}
    make_folders(folder)

    def convert(name: str) -> None:
        label = label_file(source, name, NIFTI)
        if not label.is_file():
            raise UserError(f"{source}: case '{name}' has no label file {label}; unpack the archive again.")
        _split_channels(source / IMAGES_FOLDER / f"{name}{NIFTI}", folder, name, len(channels), place)
        place(label, label_file(folder, name, NIFTI))

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(convert, names))
    kept: dict[str, Any] = {
        key: content[key] for key in ("name", "description", "reference", "licence", "release") if key in content
    }
    write_dataset_json(
        folder,
        {
            "channel_names": channels,
            "labels": {name: int(value) for value, name in content["labels"].items()},
            "numTraining": len(names),
            "file_ending": NIFTI,
            **kept,
        },
    )


def _split_channels(image: Path, folder: Path, name: str, channels: int, place: Callable[[Path, Path], object]) -> None:
    try:
        nifti: Any = nib.load(image)
        found = nifti.shape[3] if len(nifti.shape) == 4 else 1
        if len(nifti.shape) not in (3, 4) or found != channels:
            raise UserError(f"{image} has shape {nifti.shape}, but dataset.json names {channels} modalities.")
        if len(nifti.shape) == 3:
            place(image, image_file(folder, name, 0, NIFTI))
            return
        for channel in range(channels):
            nib.save(nifti.slicer[..., channel], image_file(folder, name, channel, NIFTI))
    except (nib.filebasedimages.ImageFileError, OSError, EOFError) as error:
        raise UserError(f"{image} cannot be read ({error}); unpack the archive again.") from error
