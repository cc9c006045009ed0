"""Files and folders that are complete or absent."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

from nnunet_losses.base.errors import UserError


@contextmanager
def write_atomically(path: Path | str) -> Iterator[Path]:
    """Give a temporary neighbour of ``path`` to write to; it takes the place of ``path`` only if the block succeeds.

    The temporary name ends like ``path`` does, because writers choose the format by the suffix.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix="".join(path.suffixes), dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files private; a shared lab folder needs the usual mode
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path | str, *, replace: bool = False) -> Iterator[Path]:
    """Give an empty neighbour of ``path`` to fill; it takes the place of ``path`` only if the block succeeds.

    A lock file beside it keeps two builders apart; what a killed builder left behind is removed by the next one.

    Args:
        path: the folder to make.
        replace: whether it replaces an earlier one.

    Raises:
        UserError: ``path`` exists and is not to be replaced, or nothing can be written beside it.
    """
    from filelock import FileLock

    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        lock.acquire()
    except OSError as error:
        raise UserError(
            f"Cannot write to {path.parent} ({error.strerror}); choose a folder that you may write to."
        ) from error
    try:
        if path.exists() and not replace:
            raise UserError(f"{path} exists already; remove it or choose another name.")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        yield partial
        if replace:
            shutil.rmtree(path, ignore_errors=True)
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        lock.release()


def check_writable(folder: Path) -> None:
    """Make ``folder`` and try to write to it, before any long work.

    Raises:
        UserError: it cannot be made, or nothing can be written into it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"Cannot write to {folder.absolute()} ({reason}); choose another folder.") from None


def write_json(path: Path | str, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically."""
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n")


def take_lock(path: Path) -> IO[str] | None:
    """Lock ``path`` for this process until it ends, however it ends; None if another process holds it.

    A record lock of the system: it does not outlive a killed process, as a mere file would, and processes forked from
    this one do not hold it. Keep what is returned; closing it gives the lock back. Where the system has no such locks,
    it is always granted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    if fcntl is not None:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
    return file
