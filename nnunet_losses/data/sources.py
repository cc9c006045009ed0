"""The sources of a data set, brought into nnU-Net's raw layout: a folder, an archive, or files one by one."""

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from tqdm import tqdm

from nnunet_losses.base.dataset import read_dataset_json, write_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import check_intact
from nnunet_losses.base.names import DATASET_JSON, NIFTI, image_file, label_file, name_problem
from nnunet_losses.data.description import Archive, DatasetDescription, FileByFile
from nnunet_losses.data.download import RecordedChecksums, download
from nnunet_losses.data.inspection import list_files, missing_labels, refuse
from nnunet_losses.data.layout import CaseFiles, make_folders
from nnunet_losses.data.msd import convert_msd, is_msd, msd_cases, msd_files
from nnunet_losses.data.unpack import unpack

log = logging.getLogger(__name__)
Cases = int | Sequence[str] | None
"""The first so many in the order of their names, those of these names, or all."""
Place = Callable[[Path, Path], object]
"""Brings a file (the source) into a folder (as the target)."""


def select_cases(names: Sequence[str], cases: Cases, where: str) -> list[str]:
    """The chosen ones of the ``names``, sorted; ``where`` is what a message calls the data set.

    Raises:
        UserError: there are not as many cases, or there is no such case.
    """
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


def copy(source: Path, target: Path) -> None:
    """Copy the content of a file. A link would let a change of one file change the other."""
    shutil.copyfile(source, target)


@dataclass(frozen=True)
class FolderCases:
    """The chosen cases of a folder in nnU-Net's or the Decathlon's layout.

    source: the folder.
    content: of its dataset.json.
    files: of each case; in a Decathlon task one image holds all channels.
    """

    source: Path
    content: dict[str, Any]
    files: dict[str, CaseFiles]

    def by_name(self) -> dict[str, Path]:
        """All files that the data set is made from, by their place in the folder."""
        cases = [path for case in self.files.values() for path in (*case.images.values(), case.label)]
        paths = [self.source / DATASET_JSON, *cases]
        return {
            path.relative_to(self.source).as_posix() if path.is_relative_to(self.source) else str(path): path
            for path in paths
        }


def folder_cases(source: Path, cases: Cases, *, downloaded: bool = False) -> FolderCases:
    """Look what there is in a folder, and choose. Nothing is left out without being named.

    Args:
        source: the folder.
        cases: which to take.
        downloaded: whether somebody else made the folder, so that its dataset.json may name files in it only.

    Raises:
        UserError: it does not exist or is not such a folder, or files are missing, superfluous or wrongly named.
    """
    if not source.is_dir():
        raise UserError(f"The data set's folder {source} does not exist; correct 'path' in the data-set file.")
    content = read_dataset_json(source)
    if is_msd(content):
        names = select_cases(msd_cases(source, content), cases, str(source))
        return FolderCases(source, content, {name: msd_files(source, name) for name in names})
    found, problems = list_files(source, content, downloaded=downloaded)
    names = select_cases(list(found), cases, str(source)) if found else []
    chosen = {name: found[name] for name in names}
    refuse(source, problems + missing_labels(chosen))
    return FolderCases(source, content, chosen)


def bring_folder(found: FolderCases, folder: Path, *, workers: int, place: Place = copy) -> None:
    """Bring the cases of a folder into ``folder``.

    Args:
        found: the cases; their files are only read unless ``place`` moves them.
        folder: an empty folder.
        workers: threads over cases.
        place: brings a file (the source) into a folder (as the target).

    Raises:
        UserError: a file cannot be read.
    """
    content = found.content
    make_folders(folder)
    if is_msd(content):
        convert_msd(found.source, content, found.files, folder, place, workers)
        return
    ending = content["file_ending"]
    for name, case in found.files.items():
        for channel, image in case.images.items():
            place(image, image_file(folder, name, channel, ending))
        place(case.label, label_file(folder, name, ending))
    own = {key: value for key, value in content.items() if key != "dataset"}  # the files lie in the folders now
    write_dataset_json(folder, {**own, "numTraining": len(found.files)})


def _take(source: Path, target: Path) -> None:
    """Take over an unpacked file, which nobody else uses, without a second copy where the disk knows links."""
    try:
        os.link(source, target)
    except OSError:
        copy(source, target)


def bring_archive(
    source: Archive, folder: Path, downloads: Path, cases: Cases, *, workers: int, progress: bool
) -> None:
    """Download an archive that holds such a folder, and bring that into ``folder``.

    Raises:
        UserError: it cannot be downloaded or unpacked, or holds no such folder.
    """
    name = PurePosixPath(urlsplit(source.url).path).name
    archive = download(
        source.url, downloads / ("archive" if name_problem(name) else name), source.checksum, progress=progress
    )
    unpacked = folder / ".unpacked"
    unpack(archive, unpacked, source.limits)
    found = sorted(unpacked.rglob(DATASET_JSON), key=lambda path: len(path.parts))
    if not found:
        raise UserError(f"{archive} holds no {DATASET_JSON}, so it is neither an nnU-Net nor a Decathlon data set.")
    bring_folder(folder_cases(found[0].parent, cases, downloaded=True), folder, workers=workers, place=_take)
    shutil.rmtree(unpacked)


def bring_files(
    source: FileByFile,
    description: DatasetDescription,
    folder: Path,
    downloads: Path,
    cases: Cases,
    *,
    progress: bool,
) -> None:
    """Download images and labels one by one, and bring them into ``folder``.

    Raises:
        UserError: one cannot be downloaded, or is another than at the first download.
    """
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
    make_folders(folder)
    for case in tqdm(chosen, desc=name, disable=not progress):
        addresses = {image_file(folder, case, c, NIFTI): url for c, url in enumerate(source.images.values())}
        addresses[label_file(folder, case, NIFTI)] = source.label
        for path, pattern in addresses.items():
            kept = downloads / path.relative_to(folder)
            url = pattern.format(case=numbers[case])
            copy(checksums.download(url, kept, check=check_intact, progress=False), path)
    write_dataset_json(
        folder,
        {
            "channel_names": {str(c): channel for c, channel in enumerate(source.images)},
            "labels": description.labels,
            "numTraining": len(chosen),
            "file_ending": NIFTI,
        },
    )
