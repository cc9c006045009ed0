"""Preprocessed data on a disk of the node: copied once for all trainings there, and removed after the last."""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nnunet_losses.base.locks import Lock, alone, release, take_lock

WANTED = "NNUNET_LOSSES_STAGE"
"""The environment variable that names a folder on the node; variables in it are expanded there (``$TMPDIR``)."""
_SPARE = 1.05
"""Of the size of the data must be free."""


@contextmanager
def staged(
    preprocessed: Path, dataset: str, plans: str, configuration: str, into: Path, say: Callable[[str], None]
) -> Iterator[Path]:
    """Copy what a training reads to a folder on this node; give the folder to use as ``nnUNet_preprocessed``.

    Trainings on the node share one copy of the same data. The last one that ends removes it; a copy whose trainings
    were killed is removed by the next. Where there is too little space, or nothing can be written, the data are used
    where they are.

    Args:
        preprocessed: nnU-Net's folder.
        dataset: a data set in it.
        plans: nnU-Net's plans identifier.
        configuration: of the plans.
        into: a folder on a local disk; it is made.
        say: told why the data are not copied.
    """
    source = preprocessed / dataset
    files = list(_files(source, plans, configuration))
    state = "\n".join(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)
    home = into / f"nnunet-losses-{hashlib.sha256(f'{source.absolute()}{state}'.encode()).hexdigest()[:16]}"
    mine = home / ".users" / f"{uuid.uuid4().hex}.lock"
    turn = into / f".{home.name}.lock"
    try:
        with alone(turn):
            user = take_lock(mine)
            try:
                if not (home / dataset).is_dir():
                    _copy(source, files, home / dataset)
            except OSError:
                _leave(home, mine, user)
                raise
    except OSError as error:
        say(f"The data of {dataset} are not copied to {into}: {error.strerror or error}. They are used where they are.")
        yield preprocessed
        return
    try:
        yield home
    finally:
        with alone(turn):
            _leave(home, mine, user)


def _files(source: Path, plans: str, configuration: str) -> Iterator[Path]:
    """What a training of this configuration reads."""
    yield from sorted(path for path in source.iterdir() if path.is_file())
    folders = ["gt_segmentations", _identifier(source / f"{plans}.json", configuration)]
    for folder in folders:
        yield from sorted(path for path in (source / folder).rglob("*") if path.is_file())


def _identifier(plans: Path, configuration: str) -> str:
    """The name of the folder that holds the data of a configuration, which may inherit it."""
    known = json.loads(plans.read_text(encoding="utf-8"))["configurations"]
    while "data_identifier" not in known[configuration]:
        configuration = known[configuration]["inherits_from"]
    return str(known[configuration]["data_identifier"])


def _copy(source: Path, files: list[Path], target: Path) -> None:
    """Copy the files; the folder appears only once it is complete."""
    needed = sum(file.stat().st_size for file in files) * _SPARE
    target.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise OSError(f"{needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free")
    half = target.with_name(f".{target.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    for file in files:
        copy = half / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)
    os.replace(half, target)


def _leave(home: Path, mine: Path, user: Lock | None) -> None:
    """Give up a copy, and remove it if nobody else uses it: the lock of a user that was killed can be taken."""
    release(user)
    mine.unlink(missing_ok=True)
    for other in (home / ".users").glob("*.lock"):
        if (left := take_lock(other)) is None:
            return
        release(left)
    shutil.rmtree(home, ignore_errors=True)
