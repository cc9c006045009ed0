"""One process at a time: locks that end with their process, also on file systems that have none of their own."""

import errno
import os
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

from filelock import BaseFileLock, FileLock, SoftFileLease, Timeout

HELD = (errno.EACCES, errno.EAGAIN)
"""The only errors that mean that another process holds the lock; ENOLCK and others mean that there are no locks."""

LEASE_S = 30
"""A lease that was not renewed for so long is over."""
_FLOCK = "hhqqi"
"""Linux's ``struct flock``: type, whence, start, length, process."""

Lock = IO[str] | BaseFileLock


def take_lock(path: Path) -> Lock | None:
    """Lock ``path`` for this process until it ends, however it ends; None if another process holds it.

    A record lock of the system: it does not outlive a killed process, as a mere file would, and processes forked from
    this one do not hold it. Where the file system has no such locks (common on clusters), a lease beside it, which this
    process renews while it lives and which others take over half a minute after its end. Keep what is returned.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if fcntl is not None:
        file = path.open("a", encoding="utf-8")
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            if error.errno in HELD:
                return None
        else:
            return file
    lease = _lease(path)
    try:
        lease.acquire(timeout=0)
    except Timeout:
        return None
    return lease


def release(lock: Lock | None) -> None:
    """Give a lock of `take_lock` up before this process ends."""
    if isinstance(lock, BaseFileLock):
        lock.release()
    elif lock is not None:
        lock.close()


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock ``path``, found out without touching it.

    A lock of another machine shows only where the file system tells of it, and a lease counts for as long as it is
    renewed. False if there is no such file, and on systems other than Linux. Do not ask about a lock that this process
    holds: the system would take it for given up.
    """
    lease = path.with_name(f"{path.name}.lease")
    with suppress(OSError):
        if time.time() - lease.stat().st_mtime < LEASE_S:
            return True
    if fcntl is None or sys.platform != "linux":
        return False
    with suppress(OSError), path.open("rb") as file:
        question = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        kind = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, question))[0]
        return bool(kind != fcntl.F_UNLCK)
    return False


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Run the block while no other process runs one with the same ``path``; waits for them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock: BaseFileLock = FileLock(path)
    try:
        lock.acquire()
    except OSError as error:
        if error.errno in (*HELD, errno.EPERM, errno.EROFS, errno.ENOSPC):
            raise
        lock = _lease(path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _lease(path: Path) -> BaseFileLock:
    return SoftFileLease(path.with_name(f"{path.name}.lease"))
