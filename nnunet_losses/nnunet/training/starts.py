"""Each start of a training, and how long it had waited for its machine."""

import json
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from nnunet_losses.machines.slurm import queued_seconds

_FILE = "starts.jsonl"


def note_start(folder: Path, epoch: int) -> None:
    """Add a line to the record of a fold's starts.

    Args:
        folder: of the fold.
        epoch: with which it goes on.
    """
    start = {"time": time.time(), "host": socket.gethostname(), "epoch": epoch, "queued_seconds": queued_seconds()}
    with (folder / _FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(start) + "\n")


def summary_of_starts(folder: Path) -> dict[str, float]:
    """The columns ``resumes`` and ``queued_seconds`` of the table ``jobs``; NaN where nothing was recorded."""
    starts = list(_read(folder / _FILE))
    queued = [start["queued_seconds"] for start in starts if start.get("queued_seconds") is not None]
    return {
        "resumes": float(len(starts) - 1) if starts else float("nan"),
        "queued_seconds": float(sum(queued)) if queued else float("nan"),
    }


def _read(file: Path) -> Sequence[dict[str, Any]]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    starts = []
    for line in lines:
        with suppress(ValueError):  # half a line, of a process that was killed
            starts.append(json.loads(line))
    return starts
