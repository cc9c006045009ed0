"""A described data set made available to nnU-Net: ``nnUNet_raw/DatasetXXX_Name``, complete or absent."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nnunet_losses.base.dataset import read_dataset_json, write_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import new_folder, write_json
from nnunet_losses.base.labels import label_values
from nnunet_losses.data.description import (
    Archive,
    DatasetDescription,
    FileByFile,
    load_dataset_description,
)
from nnunet_losses.data.phantom import write_phantom
from nnunet_losses.data.phantom_options import Phantom
from nnunet_losses.data.sources import Cases, bring_archive, bring_files, bring_folder, select_cases

ORIGIN = "source.json"  # in the prepared folder: what it was made from


def prepare_raw(
    description: DatasetDescription | Path | str | Mapping[str, Any],
    raw_dir: Path | str,
    *,
    downloads_dir: Path | str = "resources",
    cases: Cases = None,
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Make ``raw_dir/<name>`` from its description and return it. If it was made from the same before, it stays.

    Args:
        description: a description, or the data-set file or mapping that holds one.
        raw_dir: nnU-Net's folder of raw data sets (``nnUNet_raw``).
        downloads_dir: where downloads are kept; they may be removed and are then downloaded again if needed.
        cases: take only the first so many cases (in the order of their names), or only these.
        workers: threads that write or convert cases; the result does not depend on their number.
        progress: show progress bars.

    Raises:
        UserError: the folder exists but was made from something else, or the source is wrong or out of reach.
    """
    if not isinstance(description, DatasetDescription):
        description = load_dataset_description(description)
    target = Path(raw_dir) / description.name
    source = description.source.chosen
    if isinstance(source, Path) and source.resolve() == target.resolve():
        if cases is not None or description.labels:
            raise UserError(
                f"{target} is its own source, so neither cases nor labels can be chosen; give it another name."
            )
        return target
    origin = _origin(description, cases)
    if target.exists():
        _check_origin(target, origin)
        return target

    downloads = Path(downloads_dir) / description.name
    with new_folder(target) as folder:
        if isinstance(source, Phantom):
            names = select_cases(source.case_names(), cases, description.name)
            with tqdm(total=len(names), desc=description.name, disable=not progress) as bar:
                write_phantom(source, folder, cases=names, workers=workers, report=lambda _: bar.update())
        elif isinstance(source, Path):
            bring_folder(source, folder, cases, workers=workers)
        elif isinstance(source, Archive):
            bring_archive(source, folder, downloads, cases, workers=workers, progress=progress)
        else:
            bring_files(source, description, folder, downloads, cases, progress=progress)
        _relabel(folder, description)
        write_json(folder / ORIGIN, origin)
    return target


def _relabel(folder: Path, description: DatasetDescription) -> None:
    """Write the description's labels, licence and citation into dataset.json."""
    content = read_dataset_json(folder)
    if description.labels:
        there, wanted = _values(content["labels"]), _values(description.labels)
        if there != wanted:
            raise UserError(
                f"{description.name}: the source has the label values {sorted(there)}, but the data-set file names "
                f"{sorted(wanted)}; correct 'labels'."
            )
        content["labels"] = dict(description.labels)
        content.pop("regions_class_order", None)
    if description.regions_class_order:
        content["regions_class_order"] = list(description.regions_class_order)
    for key, value in (("licence", description.licence), ("reference", description.citation)):
        if value:
            content[key] = value
    write_dataset_json(folder, content)


def _values(labels: Mapping[str, Any]) -> set[int]:
    return {value for name, given in labels.items() for value in label_values(name, given)}


def _origin(description: DatasetDescription, cases: Cases) -> dict[str, Any]:
    """What the prepared folder depends on, as JSON gives it back."""
    source = description.source.chosen
    made_from: dict[str, Any]
    if isinstance(source, Path):
        kind, made_from = "LocalFolder", {"path": str(source.resolve())}
    else:
        kind, made_from = type(source).__name__, source.plain()
        made_from.pop("limits", None)  # on which the result does not depend
    if isinstance(source, FileByFile):
        made_from |= {"cases": list(source.numbers), "labels": description.labels}
    origin = {
        "kind": kind,
        "source": made_from,
        "labels": dict(description.labels),
        "regions_class_order": list(description.regions_class_order),
        "cases": cases if cases is None or isinstance(cases, int) else sorted(set(cases)),
    }
    result: dict[str, Any] = json.loads(json.dumps(origin))
    return result


def _check_origin(target: Path, origin: Mapping[str, Any]) -> None:
    try:
        known = json.loads((target / ORIGIN).read_text())
    except FileNotFoundError as error:
        raise UserError(
            f"{target} exists already and was not made by nnunet-losses; to use it as it is, give 'path: {target}' as "
            "its source, or else choose another name."
        ) from error
    changed = [key for key in origin if known.get(key) != origin[key]]
    if "source" in changed and isinstance(known.get("source"), dict):
        changed.remove("source")
        both = {**known["source"], **origin["source"]}
        changed += [f"source.{key}" for key in both if known["source"].get(key) != origin["source"].get(key)]
    if changed:
        raise UserError(
            f"{target} was made from another description ({', '.join(changed)} differ); remove that folder or give the "
            "data set another name and number."
        )
