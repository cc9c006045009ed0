"""Locks that end with their process, with and without locks of the file system."""

import errno
import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nnunet_losses.base.locks import alone, is_locked, take_lock

WITHOUT_LOCKS = """
import errno, fcntl, os
def refuse(*_):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
fcntl.lockf = fcntl.flock = refuse
"""
HOLD = """
import sys, time
from pathlib import Path
from nnunet_losses.base.locks import take_lock
lock = take_lock(Path(sys.argv[1]))
print(lock is not None, flush=True)
time.sleep(60)
"""


@pytest.fixture(params=["locks", "no locks"])
def prelude(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a process runs first; this one too is on a file system with or without locks."""
    if request.param == "locks":
        return ""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    monkeypatch.setattr(fcntl, "flock", refuse)
    return WITHOUT_LOCKS


@contextmanager
def holder(prelude: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", prelude + HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_lock_keeps_other_processes_out_until_its_holder_is_killed(prelude: str, tmp_path: Path) -> None:
    path = tmp_path / "folder" / ".lock"
    assert not is_locked(path)
    with holder(prelude, path):
        assert is_locked(path)
        assert is_locked(path)  # asking did not break it
        assert take_lock(path) is None
        started = time.monotonic()
        assert take_lock(path) is None
        assert time.monotonic() - started < 5  # nobody waits for ever
    assert is_locked(path) == bool(prelude)  # a lease is over only after half a minute
    assert take_lock(path) is not None


@pytest.mark.slow
def test_blocks_of_two_processes_follow_each_other(prelude: str, tmp_path: Path) -> None:
    path, log = tmp_path / ".lock", tmp_path / "log"
    block = (
        "import sys, time\nfrom pathlib import Path\nfrom nnunet_losses.base.locks import alone\n"
        "with alone(Path(sys.argv[1])):\n"
        "    for word in ('in', 'out'):\n"
        "        with open(sys.argv[2], 'a') as file:\n            file.write(word + '\\n')\n"
        "        time.sleep(0.2)\n"
    )
    commands = [[sys.executable, "-c", prelude + block, str(path), str(log)]] * 3
    processes = [subprocess.Popen(command) for command in commands]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert log.read_text().split() == ["in", "out"] * 3


def test_a_folder_without_permission_is_an_error_not_a_held_lock(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory|File exists"):
        take_lock(tmp_path / "file" / ".lock")
    with pytest.raises(OSError, match="Not a directory|File exists"), alone(tmp_path / "file" / ".lock"):
        pytest.fail("the block ran")
