"""Disks that are too small or full, in one sentence that says where, how much is wanted and how much is free."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nnunet_losses.base.errors import UserError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_PROBE = 64 * 1024
"""Bytes. A disk that cannot take so few is what made a library fail."""


class DiskFullError(UserError):
    """There is not enough space on a disk, or in a quota."""


def is_disk_full(error: BaseException) -> bool:
    """Whether a full disk is what an error comes from; libraries wrap the system's own."""
    seen: set[int] = set()
    inner: BaseException | None = error
    while inner is not None and id(inner) not in seen:
        if isinstance(inner, OSError) and inner.errno in _FULL:
            return True
        seen.add(id(inner))
        inner = inner.__cause__ or inner.__context__
    return False


def disk_full(folder: Path, wanted: int | None = None, *, more: bool = False) -> DiskFullError:
    """The error to raise when ``folder`` cannot take what is to be written.

    Args:
        folder: it, or a folder that is to be made.
        wanted: bytes, if known.
        more: whether that is only what had been written when the disk was full.
    """
    folder = folder.absolute()
    needed = f"{'more than ' * more}{bytes_text(wanted)} are needed, " if wanted else ""
    free = bytes_text(free_bytes(folder))
    return DiskFullError(
        f"There is not enough space for {folder}: {needed}{free} are free. Free some and run the same command again."
    )


def require_space(folder: Path, wanted: int) -> None:
    """Before writing ``wanted`` bytes to ``folder``, which need not exist yet.

    Raises:
        DiskFullError: the disk has less.
    """
    if wanted > free_bytes(folder):
        raise disk_full(folder, wanted)


def no_space_left(folder: Path) -> bool:
    """Whether a disk, or a quota on it, is full, found out by writing a little.

    Args:
        folder: it, or a folder that is to be made.
    """
    while not folder.is_dir():
        folder = folder.absolute().parent
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno in _FULL
    return False


@contextmanager
def on_disk(folder: Path, wanted: int | None = None, *, ask: bool = False) -> Iterator[None]:
    """What writes to ``folder`` and fails because the disk is full says so in one sentence.

    Args:
        folder: where the block writes.
        wanted: bytes, if known.
        ask: whether to write a little in order to find out, where an error does not tell its reason: PyTorch and blosc2
            do not, and SimpleITK cuts a file short without any error.

    Raises:
        DiskFullError: the disk was full.
    """
    try:
        yield
    except DiskFullError:
        raise
    except Exception as error:
        if is_disk_full(error) or (ask and not isinstance(error, UserError) and no_space_left(folder)):
            raise disk_full(folder, wanted) from error
        raise
    if ask and no_space_left(folder):
        raise disk_full(folder, wanted)


def free_bytes(folder: Path) -> int:
    """Bytes that may still be written to ``folder``, or to the folder that it will be made in."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def bytes_text(count: int) -> str:
    """A number of bytes for a person.

    >>> bytes_text(5), bytes_text(1_500_000)
    ('5 bytes', '1.5 MB')
    """
    if count < 1000:
        return f"{count} bytes"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.95 or unit == "TB":
            break
    return f"{value:.1f} {unit}"
