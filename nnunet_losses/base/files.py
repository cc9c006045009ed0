"""Files and folders that are complete or absent."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from nnunet_losses.base.disk import DiskFullError, disk_full, is_disk_full, no_space_left, on_disk
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.locks import alone


@contextmanager
def write_atomically(path: Path | str) -> Iterator[Path]:
    """Give a temporary neighbour of ``path`` to write to; it takes the place of ``path`` only if the block succeeds.

    The temporary name ends like ``path`` does, because writers choose the format by the suffix.

    Raises:
        DiskFullError: there is no space for it; ``path`` is as it was.
    """
    path = Path(path)
    with on_disk(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix="".join(path.suffixes), dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files private; a shared lab folder needs the usual mode
        with temporary.open("rb") as written:
            os.fsync(written.fileno())  # after a power cut, the name must not stand for an empty file
        os.replace(temporary, path)
    except DiskFullError:
        raise
    except Exception as error:
        if is_disk_full(error):
            raise disk_full(path.parent, temporary.stat().st_size, more=True) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


class FolderExistsError(UserError):
    """A folder that was to be made is there already."""


@contextmanager
def new_folder(path: Path | str, *, replace: bool = False) -> Iterator[Path]:
    """Give an empty neighbour of ``path`` to fill; it takes the place of ``path`` only if the block succeeds.

    A lock file beside it keeps two builders apart; what a killed builder left behind is removed by the next one.

    Args:
        path: the folder to make.
        replace: whether it replaces an earlier one.

    Raises:
        FolderExistsError: ``path`` exists and is not to be replaced.
        UserError: nothing can be written beside it.
        DiskFullError: there is no space for it; what was at ``path`` is still there.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        guard = ExitStack()
        guard.enter_context(alone(path.with_name(f".{path.name}.lock")))
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(path.parent) from error
        raise UserError(
            f"Cannot write to {path.parent} ({error.strerror}); choose a folder that you may write to."
        ) from error
    with guard:
        if path.exists() and not replace:
            raise FolderExistsError(f"{path} exists already; remove it or choose another name.")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir()
            yield partial
            if replace:
                shutil.rmtree(path, ignore_errors=True)
            partial.rename(path)
        except DiskFullError:
            raise
        except Exception as error:
            if is_disk_full(error):
                written = sum(file.stat().st_size for file in partial.rglob("*") if file.is_file())
                raise disk_full(path.parent, written, more=True) from error
            raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def check_writable(folder: Path) -> None:
    """Make ``folder`` and try to write to it, before any long work.

    Raises:
        UserError: it cannot be made, or nothing can be written into it.
        DiskFullError: the disk is full.
    """
    if no_space_left(folder):
        raise disk_full(folder)
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
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path, advice: str) -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        advice: what to do if it cannot be read; the end of the message.

    Raises:
        UserError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = str(error)
    except RecursionError:
        reason = "its brackets are nested too deeply"
    raise UserError(f"{path} cannot be read as JSON ({reason}); {advice}")


def read_record(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds; empty if there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def file_sha256(path: Path) -> str:
    """SHA-256 of the content of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
