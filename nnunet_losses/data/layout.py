"""The files of a raw data set: ``imagesTr/<case>_<channel><ending>`` and ``labelsTr/<case><ending>``."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import DATASET_JSON, IMAGES_FOLDER, LABELS_FOLDER, label_file


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case: an image for each channel number, and the label map, which may be missing on disk."""

    images: dict[int, Path]
    label: Path


def make_folders(folder: Path) -> None:
    """Make the folders of images and labels in an empty data set."""
    for name in (IMAGES_FOLDER, LABELS_FOLDER):
        (folder / name).mkdir()


def list_cases(folder: Path, content: Mapping[str, Any]) -> dict[str, CaseFiles]:
    """The training cases by name: those that dataset.json lists under "dataset", or else those with an image.

    Args:
        folder: the raw data set.
        content: of its dataset.json.

    Raises:
        UserError: dataset.json has no ``file_ending``, or there is no folder of images.
    """
    if "file_ending" not in content:
        raise UserError(f"{folder / DATASET_JSON} has no 'file_ending'; add it (for example \".nii.gz\").")
    if "dataset" in content:
        return {
            name: CaseFiles(
                {c: _resolve(folder, image) for c, image in enumerate(entry["images"])},
                _resolve(folder, entry["label"]),
            )
            for name, entry in sorted(content["dataset"].items())
        }
    if not (folder / IMAGES_FOLDER).is_dir():
        raise UserError(
            f"{folder} has no folder {IMAGES_FOLDER}; put the images there and the labels into {LABELS_FOLDER}."
        )
    ending = content["file_ending"]
    pattern = re.compile(r"([^.].*)_(\d{4})" + re.escape(ending))
    images: dict[str, dict[int, Path]] = {}
    for path in sorted((folder / IMAGES_FOLDER).iterdir()):
        if match := pattern.fullmatch(path.name):
            images.setdefault(match.group(1), {})[int(match.group(2))] = path
    return {name: CaseFiles(files, label_file(folder, name, ending)) for name, files in sorted(images.items())}


def _resolve(folder: Path, name: str) -> Path:
    return folder / os.path.expandvars(name)
