"""A described data set made available to nnU-Net: ``nnUNet_raw/DatasetXXX_Name``, complete or absent."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

from tqdm import tqdm

from nnunet_losses.base.dataset import read_dataset_json, write_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import new_folder, write_json
from nnunet_losses.base.labels import label_values
from nnunet_losses.base.names import DATASET_JSON, NIFTI, image_file, label_file
from nnunet_losses.data.description import (
    Archive,
    DatasetDescription,
    FileByFile,
    load_dataset_description,
)
from nnunet_losses.data.download import RecordedChecksums, download, unpack
from nnunet_losses.data.layout import list_cases, make_folders
from nnunet_losses.data.msd import convert_msd, is_msd
from nnunet_losses.data.phantom import write_phantom
from nnunet_losses.data.phantom_options import Phantom

log = logging.getLogger(__name__)
Link = Literal["hard", "symbolic", "copy"]
Place = Callable[[Path, Path], None]
ORIGIN = "source.json"  # in the prepared folder: what it was made from


def prepare_raw(
    description: DatasetDescription | Path | str | Mapping[str, Any],
    raw_dir: Path | str,
    *,
    downloads_dir: Path | str = "resources",
    cases: int | Sequence[str] | None = None,
    link: Link = "hard",
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Make ``raw_dir/<name>`` from its description and return it; made from the same one before, it stays as it is.

    Args:
        description: a description, or the data-set file or mapping that holds one.
        raw_dir: nnU-Net's folder of raw data sets (``nnUNet_raw``).
        downloads_dir: where downloads are kept; removing them later costs no more than downloading again.
        cases: take only the first so many cases (in order of their names), or only these.
        link: how files of a local folder get in. A hard link falls back to a copy where none is possible. The source is
            only ever read.
        workers: threads that write or convert cases; the result does not depend on it.
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
            _convert(source, folder, cases, place_by(link), workers)
        elif isinstance(source, Archive):
            name = PurePosixPath(urlsplit(source.url).path).name
            archive = download(source.url, downloads / name, source.checksum, progress=progress)
            unpacked = folder / ".unpacked"
            unpack(archive, unpacked)
            _convert(_find_dataset_json(unpacked, archive), folder, cases, os.replace, workers)
            shutil.rmtree(unpacked)
        else:
            _download_files(source, description, folder, downloads, cases, link, progress)
        _relabel(folder, description)
        write_json(folder / ORIGIN, origin)
    return target


def select_cases(names: Sequence[str], cases: int | Sequence[str] | None, where: str) -> list[str]:
    """The first ``cases`` names, or those listed, or all; raises UserError if there are not as many or no such case."""
    names = sorted(names)
    if cases is None:
        return names
    if isinstance(cases, int):
        if not 1 <= cases <= len(names):
            raise UserError(f"{where} has {len(names)} cases; cases must be between 1 and {len(names)}, got {cases}.")
        return names[:cases]
    for case in cases:
        if case not in names:
            near = get_close_matches(case, names, n=1)
            raise UserError(f"{where} has no case '{case}'" + (f"; did you mean '{near[0]}'?" if near else "."))
    return sorted(set(cases))


def place_by(link: Link) -> Place:
    """The function (source, target) that puts a file into a folder in this way."""

    def place(source: Path, target: Path) -> None:
        source = source.resolve()
        if link == "symbolic":
            target.symlink_to(source)
            return
        if link == "hard":
            try:
                os.link(source, target)
                return
            except OSError as error:  # another disk, or a system that forbids it: a copy is as good
                log.debug("no hard link to %s (%s); copied", source, error)
        shutil.copyfile(source, target)

    if link not in ("hard", "symbolic", "copy"):
        raise UserError(f"link must be hard, symbolic or copy, got {link!r}.")
    return place


def _convert(source: Path, folder: Path, cases: int | Sequence[str] | None, place: Place, workers: int) -> None:
    """Bring a folder in nnU-Net's or the Decathlon's layout into ``folder``."""
    if not source.is_dir():
        raise UserError(f"The data set's folder {source} does not exist; correct 'path' in the data-set file.")
    content = read_dataset_json(source)
    if is_msd(content):
        convert_msd(source, content, folder, lambda names: select_cases(names, cases, str(source)), place, workers)
        return
    found = list_cases(source, content)
    ending = content["file_ending"]
    names = select_cases(list(found), cases, str(source))
    make_folders(folder)
    for name in names:
        case = found[name]
        for channel, image in case.images.items():
            place(image, image_file(folder, name, channel, ending))
        if not case.label.is_file():
            raise UserError(f"{source}: case '{name}' has no label file {case.label}; add it or leave the case out.")
        place(case.label, label_file(folder, name, ending))
    content.pop("dataset", None)  # the files lie in the folders now
    write_dataset_json(folder, {**content, "numTraining": len(names)})


def _find_dataset_json(unpacked: Path, archive: Path) -> Path:
    found = sorted(unpacked.rglob(DATASET_JSON), key=lambda path: len(path.parts))
    if not found:
        raise UserError(f"{archive} holds no {DATASET_JSON}, so it is neither an nnU-Net nor a Decathlon data set.")
    return found[0].parent


def _download_files(
    source: FileByFile,
    description: DatasetDescription,
    folder: Path,
    downloads: Path,
    cases: int | Sequence[str] | None,
    link: Link,
    progress: bool,
) -> None:
    name = description.name
    numbers = {source.case_name.format(case=number): number for number in source.numbers}
    chosen = select_cases(list(numbers), cases, name)
    checksums = RecordedChecksums(downloads / "checksums.sha256")
    if not checksums.sums:
        log.warning(
            "%s: its source publishes no checksums; those of this first download are kept in %s.",
            name,
            checksums.path,
        )
    place = place_by(link)
    make_folders(folder)
    for case in tqdm(chosen, desc=name, disable=not progress):
        addresses = {image_file(folder, case, c, NIFTI): url for c, url in enumerate(source.images.values())}
        addresses[label_file(folder, case, NIFTI)] = source.label
        for path, pattern in addresses.items():
            kept = downloads / path.relative_to(folder)
            place(checksums.download(pattern.format(case=numbers[case]), kept, progress=False), path)
    write_dataset_json(
        folder,
        {
            "channel_names": {str(c): channel for c, channel in enumerate(source.images)},
            "labels": description.labels,
            "numTraining": len(chosen),
            "file_ending": NIFTI,
        },
    )


def _values(labels: Mapping[str, Any]) -> set[int]:
    return {value for name, given in labels.items() for value in label_values(name, given)}


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


def _origin(description: DatasetDescription, cases: int | Sequence[str] | None) -> dict[str, Any]:
    """What the prepared folder depends on, as JSON gives it back."""
    source = description.source.chosen
    made_from: dict[str, Any]
    if isinstance(source, Path):
        kind, made_from = "LocalFolder", {"path": str(source.resolve())}
    else:
        kind, made_from = type(source).__name__, source.plain()
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
            f"{target} exists already and was not made by nnunet-losses; to use it as it is, "
            f"give 'path: {target}' as its source, else choose another name."
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
