"""A data set of nnU-Net on disk: its name, its folder, its ``dataset.json``."""

import json
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_json
from nnunet_losses.base.names import DATASET_JSON

DATASET_NAME = re.compile(r"Dataset\d{3}_[A-Za-z0-9_-]+")
"""The name of a data set that this package makes; nnU-Net itself takes any name after the number."""
FINGERPRINT = "fingerprint"
"""The key of a prepared ``dataset.json`` that says what its data were made from; nnU-Net copies it to what it makes."""
_NAME = re.compile(r"Dataset(\d{3})_.+")


def find_dataset(base: Path | str, dataset: int | str) -> Path:
    """The folder of a data set in ``base``, given its number (4 or "004") or its name ("Dataset004_Hippocampus").

    Args:
        base: nnU-Net's folder of raw or preprocessed data sets, or of results.
        dataset: number or name.

    Raises:
        UserError: the folder or the data set does not exist, or several have this number; the text names those that
            exist.
    """
    base = Path(base)
    if not base.is_dir():
        raise UserError(f"The folder {base} does not exist; give a folder that holds data sets (DatasetXXX_Name).")
    names = sorted(path.name for path in base.iterdir() if path.is_dir() and _NAME.fullmatch(path.name))
    wanted = str(dataset)
    if wanted.isdigit():
        found = [name for name in names if int(name[7:10]) == int(wanted)]
    else:
        found = [name for name in names if name == wanted]
    if len(found) > 1:
        raise UserError(
            f"Several data sets in {base} have the number {int(wanted)}: {', '.join(found)}; rename all but one."
        )
    if not found:
        near = get_close_matches(wanted, names, n=1)
        there = f"did you mean {near[0]}?" if near else f"it holds {', '.join(names) or 'no data set'}."
        raise UserError(f"There is no data set {wanted} in {base}; {there}")
    return base / found[0]


def read_dataset_json(path: Path, required: Iterable[str] = ()) -> dict[str, Any]:
    """The content of a ``dataset.json``.

    Args:
        path: the file, or the folder that holds it.
        required: keys that must be there.

    Raises:
        UserError: it is missing or no JSON, repeats a key, or lacks one.
    """
    file = path / DATASET_JSON if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_refuse_repeated_keys)
    except FileNotFoundError as error:
        raise UserError(f"{file.parent} has no {file.name}; add one as nnU-Net's dataset format asks.") from error
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UserError(f"{file} cannot be read as JSON: {error}.") from error
    except RecursionError:
        raise UserError(f"{file} cannot be read as JSON: its brackets are nested too deeply.") from None
    if not isinstance(content, dict):
        raise UserError(f"{file} must hold a table (in braces), got {type(content).__name__}.")
    for key in required:
        if key not in content:
            raise UserError(f"{file} has no '{key}'; add it as nnU-Net's dataset format asks.")
    return content


def write_dataset_json(folder: Path, content: dict[str, Any]) -> None:
    """Write ``folder/dataset.json``, atomically."""
    write_json(folder / DATASET_JSON, content)


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"the key '{key}' occurs in it twice")
        content[key] = value
    return content
