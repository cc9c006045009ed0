"""nnU-Net's commands, whose worker processes do not tell that a disk is full."""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from nnunet_losses.base.disk import disk_full, no_space_left, on_disk
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_json
from nnunet_losses.base.locks import alone

_WRITE_PREPROCESSED = ("nnUNetv2_plan_and_preprocess", "nnUNetv2_preprocess")


def call_nnunet(command: Sequence[str]) -> int:
    """Run a command to its end; return its exit code.

    Commands that write the same preprocessed data follow each other, and processes that ask for the same one at the
    same time share one run. Its standard error is shown when it has ended, but not the tracebacks that come from a full
    disk.

    Args:
        command: its words; the first is looked for beside this Python, then in the path.

    Raises:
        UserError: there is no such command.
        DiskFullError: it failed, and one of nnU-Net's folders, or the folder for temporary files, is on a full disk.
    """
    if not command:
        raise UserError("There is no command to call; give one of nnU-Net's, such as nnUNetv2_preprocess -d 4.")
    with _in_turn(command) as stamp:
        if stamp is None:
            return 0
        code = _call(command)
        if code == 0 and stamp != Path():
            write_json(stamp, {"command": list(command), "run": uuid4().hex})
        return code


@contextmanager
def _in_turn(command: Sequence[str]) -> Iterator[Path | None]:
    """Wait for other processes that write the same preprocessed data: nnU-Net empties the folder before it begins.

    Gives the file that notes the end of this command, an empty path if the command writes no such data, or None if
    another process ended the same command while this one waited, so that there is nothing left to do.
    """
    folder = dict(os.environ).get("nnUNet_preprocessed")
    if not folder or Path(command[0]).name not in _WRITE_PREPROCESSED or "-d" not in command:
        yield Path()
        return
    dataset = command[list(command).index("-d") + 1]
    digest = hashlib.sha256("\0".join(command).encode()).hexdigest()[:12]
    stamp = Path(folder, f".call_{dataset}_{digest}.json")

    def noted() -> bytes:
        return stamp.read_bytes() if stamp.is_file() else b""

    before = noted()
    with on_disk(Path(folder)), alone(Path(folder, f".call_{dataset}.lock")):
        yield stamp if noted() == before else None


def _call(command: Sequence[str]) -> int:
    path = os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])
    try:
        done = subprocess.run(command, stderr=subprocess.PIPE, check=False, env=os.environ | {"PATH": path})
    except FileNotFoundError:
        raise UserError(f"There is no command {command[0]}; is nnU-Net installed in this environment?") from None
    if done.returncode:
        named = [os.environ.get(f"nnUNet_{name}") for name in ("preprocessed", "results", "raw")]
        for folder in [*filter(None, named), tempfile.gettempdir()]:
            if no_space_left(Path(folder)):
                raise disk_full(Path(folder))
    sys.stderr.buffer.write(done.stderr)
    return done.returncode
