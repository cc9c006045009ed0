"""How far a training is, from what nnU-Net writes while it trains."""

import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from statistics import median

from nnunet_losses.base.files import read_record
from nnunet_losses.base.names import fold_name, model_name, table_name
from nnunet_losses.base.states import Alarm
from nnunet_losses.nnunet.results.text_logs import epochs_of, text_logs
from nnunet_losses.nnunet.training.outcome import alarm
from nnunet_losses.study.record import Run

RECENT_EPOCHS = 10
"""The rate is the median of so many."""
TAIL_BYTES = (8 * 1024, 256 * 1024)
"""Read from the end of the log of a finished training; the second if a long validation follows its last epoch."""
_HEADER = re.compile(rb"^.*Epoch \d+ *$", re.MULTILINE)


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
    host: str = ""
    """The machine that trains, or trained last; empty until nnU-Net has noted it."""
    alarm: Alarm | None = None
    """What shows that nothing is likely to come of it."""

    @property
    def validating(self) -> bool:
        """Whether all epochs are done, so that only the prediction of the fold's own cases is left."""
        return self.epochs is not None and self.epoch >= self.epochs

    @property
    def seconds_left(self) -> float:
        """Seconds until the last epoch ends; NaN before the first has ended."""
        return math.nan if self.epochs is None else (self.epochs - self.epoch) * self.seconds_per_epoch


@dataclass
class _Log:
    """A text log and what has been read of it; `read` takes in what was added."""

    path: Path
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    _offset: int = 0

    def read(self) -> dict[int, dict[str, float]]:
        """What the log says of each epoch; a half-written line waits for its end."""
        if self.path.stat().st_size < self._offset:  # another file under the same name
            self.epochs, self._offset = {}, 0
        with self.path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]
        self.epochs |= epochs_of([new.decode(errors="replace")])
        # what follows belongs to the last epoch, so that one is read again
        headers = [match.start() for match in _HEADER.finditer(new)]
        self._offset += headers[-1] if headers else 0
        return self.epochs


_log = lru_cache(maxsize=10_000)(_Log)


def training_folder(directory: Path, plans: str, run: Run) -> Path:
    """Where nnU-Net trains a run of the study in a directory."""
    model = model_name(run.trainer, plans, run.configuration)
    return directory / "work" / "nnUNet_results" / run.dataset / model / fold_name(run.fold)


def is_published(directory: Path, plans: str, run: Run) -> bool:
    """Whether the results of a run are complete."""
    place = directory / "results" / "models" / run.dataset / f"{plans}__{run.configuration}" / run.trainer
    return (place / fold_name(run.fold) / table_name("jobs")).is_file()


def read_progress(folder: Path, *, finished: bool = False) -> TrainingProgress:
    """Read how far a training is from its folder, which may not exist yet; files may be half-written.

    Args:
        folder: of the fold.
        finished: whether only the end matters; the whole log is not read then, and there is no alarm.
    """
    logs = text_logs(folder)
    epochs: dict[int, dict[str, float]] = {}
    for log in logs[-1:] if finished else logs:
        # each start of a training has its own, and repeats the epochs after the last checkpoint
        here = _last_epochs(log) if finished else _log(log).read()
        epochs = {number: row for number, row in epochs.items() if number < min(here, default=number + 1)} | here
    ended = {number: row for number, row in sorted(epochs.items()) if "seconds" in row}
    columns = {name: [row.get(name, math.nan) for row in ended.values()] for name in ("train_loss", "pseudo_dice")}
    recent = [row["seconds"] for row in ended.values()][-RECENT_EPOCHS:]
    noted = read_record(folder / "debug.json")
    return TrainingProgress(
        epoch=max(ended, default=-1) + 1,
        epochs=int(noted["num_epochs"]) if str(noted.get("num_epochs")).isdigit() else None,
        seconds_per_epoch=median(recent) if recent else math.nan,
        pseudo_dice=columns["pseudo_dice"][-1] if ended else math.nan,
        updated=max((path.stat().st_mtime for path in logs), default=None),
        host=str(noted.get("hostname", "")),
        alarm=None if finished else alarm(columns["train_loss"], columns["pseudo_dice"]),
    )


def _last_epochs(path: Path) -> dict[int, dict[str, float]]:
    """What the end of a log says of the last epochs."""
    found: dict[int, dict[str, float]] = {}
    for length in TAIL_BYTES:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - length))
            found = epochs_of([file.read().decode(errors="replace")])
        if found:
            break
    return found
