"""Data-set folders: their names, where they are, and how they come to be complete or absent."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from filelock import FileLock

from nnunet_losses.base.errors import UserError

DATASET_NAME = re.compile(r"Dataset(\d{3})_([A-Za-z0-9_-]+)")


def check_dataset_name(name: str) -> str:
    """Return the name if it is one that nnU-Net finds (DatasetXXX_Name); raises UserError otherwise."""
    if not DATASET_NAME.fullmatch(str(name)):
        raise UserError(
            f"'{name}' is no data-set name; nnU-Net expects Dataset, three digits, _ and a name: Dataset042_Lesions."
        )
    return name


@contextmanager
def new_folder(path: Path | str) -> Iterator[Path]:
    """Give an empty neighbour of ``path`` to fill; it is renamed to ``path`` only if the block succeeds.

    A lock file beside it keeps two builders apart; what a killed builder left behind is removed by the next one.

    Raises:
        UserError: ``path`` exists, or its parent cannot be written to.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        lock.acquire()
    except OSError as error:
        raise UserError(
            f"Cannot write to {path.parent} ({error.strerror}); choose a folder you may write to."
        ) from error
    try:
        if path.exists():
            raise UserError(f"{path} exists already; remove it or choose another name.")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        yield partial
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        lock.release()


def find_dataset(raw_dir: Path | str, dataset: int | str) -> Path:
    """Folder of a data set given by number (4), by number in words ("004") or by name ("Dataset004_Hippocampus").

    Raises:
        UserError: the raw folder or the data set does not exist (what does is listed), or the number is ambiguous.
    """
    raw_dir = Path(raw_dir)
    if not raw_dir.is_dir():
        raise UserError(
            f"The folder of raw data sets, {raw_dir}, does not exist; set nnUNet_raw to an existing folder."
        )
    names = sorted(p.name for p in raw_dir.iterdir() if p.is_dir() and DATASET_NAME.fullmatch(p.name))
    wanted = str(dataset)
    if wanted.isdigit():
        found = [name for name in names if int(name[7:10]) == int(wanted)]
    else:
        found = [name for name in names if name == wanted]
    if len(found) > 1:
        raise UserError(
            f"Several data sets in {raw_dir} have the number {int(wanted)}: {', '.join(found)}; rename all but one."
        )
    if not found:
        near = get_close_matches(wanted, names, n=1)
        there = f"did you mean {near[0]}?" if near else f"it holds {', '.join(names) or 'no data set'}."
        raise UserError(f"There is no data set '{dataset}' in {raw_dir}; {there}")
    return raw_dir / found[0]
