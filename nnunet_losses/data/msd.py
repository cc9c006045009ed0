"""Tasks of the Medical Segmentation Decathlon (Simpson et al. 2019, arXiv 1902.09063) in nnU-Net's raw layout.

nnU-Net's own converter writes to its global folder, needs test images and starts its own processes. This one fills any
folder, can take some of the cases, and copies three-dimensional files instead of writing them again.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import nibabel as nib

from nnunet_losses.base.dataset import write_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import readable
from nnunet_losses.base.names import (
    DATASET_JSON,
    IMAGES_FOLDER,
    LABELS_FOLDER,
    NIFTI,
    image_file,
    label_file,
    name_problem,
)
from nnunet_losses.data.inspection import images_in, refuse
from nnunet_losses.data.layout import CaseFiles

log = logging.getLogger(__name__)


def is_msd(content: dict[str, Any]) -> bool:
    """Whether a dataset.json is the Decathlon's: it names modalities and numbers its labels the other way round."""
    return "modality" in content and "channel_names" not in content


def convert_msd(
    source: Path,
    content: dict[str, Any],
    cases: Mapping[str, CaseFiles],
    folder: Path,
    place: Callable[[Path, Path], object],
    workers: int = 1,
) -> None:
    """Write training cases of ``source`` to ``folder``: one file per channel, labels as {name: value}.

    Test images are left out: they have no public labels, and studies compare out of fold.

    Args:
        source: folder of the task.
        content: of its dataset.json.
        cases: the files of each case to take, as `msd_files` gives them.
        folder: an empty data set.
        place: puts a file (the source) into a folder (as the target).
        workers: threads over cases.

    Raises:
        UserError: an image cannot be read, or has another number of channels than modalities.
    """
    channels, labels = _tables(source, content)

    def convert(name: str) -> None:
        _split_channels(cases[name].images[0], folder, name, len(channels), place)
        place(cases[name].label, label_file(folder, name, NIFTI))

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(convert, cases))
    kept: dict[str, Any] = {
        key: content[key] for key in ("name", "description", "reference", "licence", "release") if key in content
    }
    write_dataset_json(
        folder,
        {
            "channel_names": channels,
            "labels": labels,
            "numTraining": len(cases),
            "file_ending": NIFTI,
            **kept,
        },
    )


def _tables(source: Path, content: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """Channels by number, and label values by name."""
    channels, labels = content["modality"], content.get("labels")
    if not isinstance(channels, dict) or set(channels) != {str(channel) for channel in range(len(channels))}:
        raise UserError(f'{source / DATASET_JSON}: modality must be a table with the keys "0", "1", …; correct it.')
    if not isinstance(labels, dict) or not all(
        value.isascii() and value.isdigit() and len(value) < 6 and isinstance(name, str)
        for value, name in labels.items()
    ):
        raise UserError(
            f'{source / DATASET_JSON}: labels must be a table such as {{"0": "background", "1": "tumour"}}; correct it.'
        )
    return channels, {name: int(value) for value, name in labels.items()}


def msd_files(source: Path, name: str) -> CaseFiles:
    """The files of a case in a task: one image of all channels, and the label map."""
    return CaseFiles({0: source / IMAGES_FOLDER / f"{name}{NIFTI}"}, label_file(source, name, NIFTI))


def msd_cases(source: Path, content: Mapping[str, Any]) -> list[str]:
    """The names of all training cases, if each has an image and a label and is listed.

    Raises:
        UserError: one has not; the text names all of them. Or it is not such a folder.
    """
    if not (source / IMAGES_FOLDER).is_dir() or not (source / LABELS_FOLDER).is_dir():
        raise UserError(f"{source} is a Decathlon task without {IMAGES_FOLDER} or {LABELS_FOLDER}; unpack it again.")
    _tables(source, content)
    problems = []
    files: dict[str, set[str]] = {}
    for kind in (IMAGES_FOLDER, LABELS_FOLDER):
        paths = images_in(source / kind, NIFTI)
        problems += [f"{kind}/{path.name} does not end in {NIFTI}." for path in paths if not path.name.endswith(NIFTI)]
        files[kind] = {path.name.removesuffix(NIFTI) for path in paths if path.name.endswith(NIFTI)}
    images, labels = files[IMAGES_FOLDER], files[LABELS_FOLDER]
    problems += [f"{IMAGES_FOLDER} has no image of {name!r}, which has a label." for name in sorted(labels - images)]
    problems += [f"{LABELS_FOLDER} has no label of {name!r}, which has an image." for name in sorted(images - labels)]
    for name in sorted(images):
        if problem := name_problem(name):
            problems.append(f"The case name {name!a} {problem}.")
    if (listed := _listed(content.get("training"))) is not None:
        problems += [f"{DATASET_JSON} lists {name!r}, which has no image." for name in sorted(listed - images)]
        problems += [f"{DATASET_JSON} does not list {name!r}, which has an image." for name in sorted(images - listed)]
    refuse(source, problems)
    if (said := content.get("numTraining", len(images))) != len(images):
        log.warning("%s says numTraining %s, but there are %d cases.", source / DATASET_JSON, said, len(images))
    return sorted(images)


def _listed(training: Any) -> set[str] | None:
    """The cases that dataset.json lists, if it does."""
    if not isinstance(training, list):
        return None
    images = [entry.get("image") if isinstance(entry, dict) else None for entry in training]
    return {PurePosixPath(image).name.removesuffix(NIFTI) for image in images if isinstance(image, str)}


def _split_channels(image: Path, folder: Path, name: str, channels: int, place: Callable[[Path, Path], object]) -> None:
    with readable(image):
        nifti: Any = nib.load(image)
        found = nifti.shape[3] if len(nifti.shape) == 4 else 1
        if len(nifti.shape) not in (3, 4) or found != channels:
            raise UserError(f"{image} has shape {nifti.shape}, but dataset.json names {channels} modalities.")
        if len(nifti.shape) == 4:
            for channel in range(channels):
                nib.save(nifti.slicer[..., channel], image_file(folder, name, channel, NIFTI))
            return
    place(image, image_file(folder, name, 0, NIFTI))
