"""The files of a raw data set: ``imagesTr/<case>_<channel><ending>`` and ``labelsTr/<case><ending>``."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import DATASET_JSON, IMAGES_FOLDER, LABELS_FOLDER, label_file, name_problem

_ENDING = re.compile(r"\.[A-Za-z0-9]+(\.[A-Za-z0-9]+)*")


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case: an image for each channel number, and the label map, which may be missing on disk."""

    images: dict[int, Path]
    label: Path


def make_folders(folder: Path) -> None:
    """Make the folders of images and labels in an empty data set."""
    for name in (IMAGES_FOLDER, LABELS_FOLDER):
        (folder / name).mkdir()


def list_cases(folder: Path, content: Mapping[str, Any], *, downloaded: bool = False) -> dict[str, CaseFiles]:
    """The training cases by name: those that dataset.json lists under "dataset", or else those with an image.

    Args:
        folder: the raw data set.
        content: of its dataset.json.
        downloaded: whether somebody else wrote dataset.json, so that it may name files in ``folder`` only. The data
            set of a user may name images anywhere, as nnU-Net allows.

    Raises:
        UserError: ``file_ending`` or "dataset" is missing or wrong, a case has a name that no file can have, a file
            lies outside of ``folder`` though it was downloaded, or there is no folder of images.
    """
    if problems := list(ending_problems(content)):
        raise UserError(f"{folder}: {problems[0]}")
    cases = _listed(folder, content, downloaded) if "dataset" in content else _found(folder, content["file_ending"])
    for name in cases:
        if problem := name_problem(name):
            raise UserError(f"{folder}: the case name {name!a} {problem}; rename the case.")
    return cases


def ending_problems(content: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the ``file_ending`` of a dataset.json."""
    if "file_ending" not in content:
        yield f"{DATASET_JSON} has no 'file_ending'; add it (for example \".nii.gz\")."
    elif not isinstance(content["file_ending"], str) or not _ENDING.fullmatch(content["file_ending"]):
        yield f'{DATASET_JSON}: file_ending must be text such as ".nii.gz", got {content["file_ending"]!r}.'


def _listed(folder: Path, content: Mapping[str, Any], downloaded: bool) -> dict[str, CaseFiles]:
    """The cases of the table "dataset"."""
    table = content["dataset"]
    if not isinstance(table, dict):
        raise UserError(
            f'{folder / DATASET_JSON}: \'dataset\' must be a table of case: {{"images": [...], "label": ...}}, got '
            f"{type(table).__name__}."
        )
    cases = {}
    for name, entry in sorted(table.items()):
        where = f"{folder / DATASET_JSON}: the case {name!a} of 'dataset'"
        if not isinstance(entry, dict) or not isinstance(entry.get("images"), list) or not entry["images"]:
            raise UserError(f"{where} must have 'images', a list of files; correct it.")
        if "label" not in entry:
            raise UserError(f"{where} has no 'label'; add the file of its label map or remove the case.")
        *images, label = [
            _resolve(folder, file, content["file_ending"], where, downloaded)
            for file in (*entry["images"], entry["label"])
        ]
        cases[name] = CaseFiles(dict(enumerate(images)), label)
    return cases


def _resolve(folder: Path, name: object, ending: str, where: str, downloaded: bool) -> Path:
    if not isinstance(name, str) or not name.isprintable():
        raise UserError(f"{where} names the file {name!a}; give a path of printable text.")
    if not name.endswith(ending):
        raise UserError(
            f"{where} names {name}, which does not end in '{ending}', the file_ending; correct one of them."
        )
    if not downloaded:
        return folder / os.path.expandvars(name)
    path = folder / name
    parts = PurePosixPath(name)
    if (
        parts.is_absolute()
        or ".." in parts.parts
        or "\\" in name
        or not path.resolve().is_relative_to(folder.resolve())
    ):
        raise UserError(f"{where} names {name}, which lies outside the downloaded data; do not trust these data.")
    return path


def _found(folder: Path, ending: str) -> dict[str, CaseFiles]:
    """The cases of the files in the folder of images."""
    if not (folder / IMAGES_FOLDER).is_dir():
        raise UserError(
            f"{folder} has no folder {IMAGES_FOLDER}; put the images there and the labels into {LABELS_FOLDER}."
        )
    pattern = re.compile(r"([^.].*)_([0-9]{4})" + re.escape(ending), re.DOTALL)
    images: dict[str, dict[int, Path]] = {}
    for path in sorted((folder / IMAGES_FOLDER).iterdir()):
        if match := pattern.fullmatch(path.name):
            images.setdefault(match.group(1), {})[int(match.group(2))] = path
    return {name: CaseFiles(files, label_file(folder, name, ending)) for name, files in sorted(images.items())}
