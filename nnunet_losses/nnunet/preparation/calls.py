"""nnU-Net's commands, whose worker processes do not tell that a disk is full."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nnunet_losses.base.disk import disk_full, no_space_left
from nnunet_losses.base.errors import UserError


def call_nnunet(command: Sequence[str]) -> int:
    """Run a command to its end; return its exit code.

    Its standard error is shown when it has ended, but not the tracebacks that come from a full disk.

    Args:
        command: its words; the first is looked for beside this Python, then in the path.

    Raises:
        UserError: there is no such command.
        DiskFullError: it failed, and one of nnU-Net's folders, or the folder for temporary files, is on a full disk.
    """
    if not command:
        raise UserError("There is no command to call; give one of nnU-Net's, such as nnUNetv2_preprocess -d 4.")
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
