"""How far a training is, from what nnU-Net writes while it trains."""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from nnunet_losses.nnunet.results.history import epochs_of, text_logs

TAIL_BYTES = 64 * 1024
"""Read from the end of each log: some hundred epochs."""
RECENT_EPOCHS = 10
"""The rate is the median of so many."""


@dataclass(frozen=True)
class TrainingProgress:
    """What the folder of a fold tells; unknown numbers are NaN."""

    epoch: int
    """Finished epochs."""
    epochs: int | None
    """Epochs of the whole training; None until nnU-Net has noted it."""
    seconds_per_epoch: float
    pseudo_dice: float
    """Mean over the classes, of the last finished epoch."""
    updated: float | None
    """When the log last grew, in seconds since the epoch; None without a log."""

    @property
    def validating(self) -> bool:
        """Whether all epochs are done, so that only the prediction of the fold's own cases is left."""
        return self.epochs is not None and self.epoch >= self.epochs

    @property
    def seconds_left(self) -> float:
        """Seconds until the last epoch ends; NaN before the first has ended."""
        return math.nan if self.epochs is None else (self.epochs - self.epoch) * self.seconds_per_epoch


def read_progress(folder: Path) -> TrainingProgress:
    """Read how far a training is from its folder, which may not exist yet; files may be half-written."""
    logs = text_logs(folder)[-2:]
    epochs: dict[int, dict[str, float]] = {}
    for log in logs:  # each start of a training has its own, and repeats the epochs after the last checkpoint
        here = epochs_of([_tail(log)])
        epochs = {number: row for number, row in epochs.items() if number < min(here, default=number + 1)} | here
    finished = {number: row for number, row in epochs.items() if "seconds" in row}
    recent = [finished[number]["seconds"] for number in sorted(finished)[-RECENT_EPOCHS:]]
    last = max(finished, default=-1)
    return TrainingProgress(
        epoch=last + 1,
        epochs=_epochs(folder),
        seconds_per_epoch=median(recent) if recent else math.nan,
        pseudo_dice=finished[last].get("pseudo_dice", math.nan) if finished else math.nan,
        updated=max((path.stat().st_mtime for path in logs), default=None),
    )


def _epochs(folder: Path) -> int | None:
    """The length of a training, which nnU-Net notes in ``debug.json`` when it starts."""
    try:
        return int(json.loads((folder / "debug.json").read_text(encoding="utf-8"))["num_epochs"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _tail(path: Path) -> str:
    """The last complete lines of a file."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        end = file.read()
    return end[: end.rfind(b"\n") + 1].decode(errors="replace")
