"""Files that are complete or absent."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
