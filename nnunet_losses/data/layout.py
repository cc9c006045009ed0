"""nnU-Net's raw layout: dataset.json, imagesTr/<case>_<channel>.<ending>, labelsTr/<case>.<ending>."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_losses.base.errors import UserError


@dataclass(frozen=True)
class CaseFiles:
    """Files of one case: its image per channel number, and its label (which may be missing on disk)."""

    images: dict[int, Path]
    label: Path


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"the key '{key}' stands in it twice")
    return dict(pairs)


def read_dataset_json(folder: Path) -> dict[str, Any]:
    """Content of ``folder/dataset.json``; raises UserError if it is missing, no JSON, or repeats a key."""
    path = folder / "dataset.json"
    try:
        content = json.loads(path.read_text(), object_pairs_hook=_refuse_repeated_keys)
    except FileNotFoundError as error:
        raise UserError(f"{folder} has no dataset.json; add one as nnU-Net's dataset format asks.") from error
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UserError(f"{path} is no valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} must hold a table (in braces), got {type(content).__name__}.")
    return content


def write_dataset_json(folder: Path, content: dict[str, Any]) -> None:
    """Write ``folder/dataset.json``."""
    (folder / "dataset.json").write_text(json.dumps(content, indent=2) + "\n")


def list_cases(folder: Path, content: dict[str, Any]) -> dict[str, CaseFiles]:
    """Training cases by name: those that dataset.json lists under "dataset", else those with an image in imagesTr.

    Raises:
        UserError: dataset.json says no ``file_ending``, or the folder has no imagesTr.
    """
    if "file_ending" not in content:
        raise UserError(f"{folder / 'dataset.json'} has no 'file_ending'; add it (for example \".nii.gz\").")
    if "dataset" in content:
        return {
            name: CaseFiles(
                {c: _resolve(folder, image) for c, image in enumerate(entry["images"])},
                _resolve(folder, entry["label"]),
            )
            for name, entry in sorted(content["dataset"].items())
        }
    if not (folder / "imagesTr").is_dir():
        raise UserError(f"{folder} has no folder imagesTr; images belong there, labels into labelsTr.")
    ending = content["file_ending"]
    pattern = re.compile(r"([^.].*)_(\d{4})" + re.escape(ending))
    images: dict[str, dict[int, Path]] = {}
    for path in sorted((folder / "imagesTr").iterdir()):
        if match := pattern.fullmatch(path.name):
            images.setdefault(match.group(1), {})[int(match.group(2))] = path
    return {name: CaseFiles(files, folder / "labelsTr" / f"{name}{ending}") for name, files in sorted(images.items())}


def _resolve(folder: Path, name: str) -> Path:
    return folder / os.path.expandvars(name)
