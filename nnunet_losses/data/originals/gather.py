"""The files of a published data set, downloaded where anybody may, and looked through."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from tqdm import tqdm

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import new_folder
from nnunet_losses.base.images import check_intact
from nnunet_losses.base.names import NIFTI, name_problem
from nnunet_losses.data.download import RecordedChecksums
from nnunet_losses.data.originals.choose import find_cases
from nnunet_losses.data.originals.layout import OriginalCase
from nnunet_losses.data.originals.options import Fetched, Original
from nnunet_losses.data.sources import Cases, select_cases
from nnunet_losses.data.unpack import unpack

CONNECTIONS = 4
"""Files that are asked for at the same time; more would be impolite to a public server."""
UNPACKED = "unpacked"


def gather(
    original: Original, downloads: Path, cases: Cases, name: str, *, progress: bool = True
) -> dict[str, OriginalCase]:
    """The chosen cases, once all their files are there.

    Args:
        original: the data set.
        downloads: the folder for its files, unless it names one.
        cases: which to take.
        name: of the data set, for messages.
        progress: show progress bars.

    Raises:
        UserError: a file cannot be downloaded or unpacked, or something is missing.
        DiskFullError: there is no space for a file.
    """
    if original.path is None:
        root = downloads
        for fetched in original.files:
            _fetch(fetched, root, cases, len(original.exclude), progress=progress)
    else:
        root = Path(original.path).expanduser()
    found = find_cases(original, root, complete=cases is None or original.path is not None or not original.files)
    return {case: found[case] for case in select_cases(list(found), cases, name)}


def size_of(cases: Mapping[str, OriginalCase]) -> int:
    """Bytes of the files of some cases."""
    return sum(
        path.stat().st_size for case in cases.values() for path in (*case.images.values(), *case.labels.values())
    )


def write_paper_folds(path: Path, folds: list[dict[str, list[str]]], cases: Mapping[str, OriginalCase]) -> None:
    """Write the paper's split, unless only some of the cases were taken.

    Args:
        path: ``splits_final.json``.
        folds: cases by part.
        cases: those of the data set.

    Raises:
        UserError: it names a case that is not there, or parts a patient.
    """
    named = {name for fold in folds for part in fold.values() for name in part}
    if missing := sorted(named - set(cases)):
        raise UserError(
            f"paper_folds names '{missing[0]}' ({len(missing)} such cases), which the data set does not have; correct "
            "it."
        )
    for fold in folds:
        patients = [{cases[name].facts["patient"] for name in fold[part]} for part in ("train", "val")]
        if both := sorted(patients[0] & patients[1]):
            raise UserError(f"paper_folds has the patient {both[0]} in 'train' and in 'val'; correct it.")
    path.write_text(json.dumps(folds, indent=2) + "\n", encoding="utf-8")


def _fetch(fetched: Fetched, root: Path, cases: Cases, excluded: int, *, progress: bool) -> None:
    checksums = RecordedChecksums(root / "checksums.sha256")
    files = fetched.files()
    if fetched.cases is not None and isinstance(cases, int):
        files = files[: cases + excluded]
    elif fetched.cases is not None and cases is not None and not isinstance(cases, int):
        names = tuple(cases)
        files = [(url, to) for url, to in files if any(name in str(to) for name in names)]

    def one(file: tuple[str, str | None]) -> None:
        url, to = file
        if to is not None:
            check = check_intact if to.endswith(NIFTI) else None
            checksums.download(url, root / to, fetched.checksum, check=check, progress=progress and len(files) == 1)
        else:
            _fetch_archive(fetched, root, checksums, progress=progress)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        try:
            list(tqdm(pool.map(one, files), total=len(files), desc=root.name, disable=not progress or len(files) == 1))
        finally:
            pool.shutdown(cancel_futures=True)


def _fetch_archive(fetched: Fetched, root: Path, checksums: RecordedChecksums, *, progress: bool) -> None:
    name = PurePosixPath(urlsplit(fetched.url).path).name
    name = "archive" if name_problem(name) else name
    unpacked = root / UNPACKED / name.partition(".")[0]
    if unpacked.is_dir():  # complete, or it would not have this name
        return
    archive = checksums.download(fetched.url, root / name, fetched.checksum, progress=progress)
    with new_folder(unpacked) as folder:
        unpack(archive, folder, fetched.limits)
