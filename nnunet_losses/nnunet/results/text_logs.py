"""The text logs that nnU-Net writes to a fold's folder while it trains, read without loading PyTorch."""

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import numpy as np

_NUMBER = r"(nan|-?inf|[-+]?[0-9.]+(?:e[-+]?[0-9]+)?)"
_EPOCH = re.compile(r"Epoch (\d+) *$")
_VALUES = {
    "lr": re.compile(rf"Current learning rate: {_NUMBER}"),
    "train_loss": re.compile(rf"train_loss {_NUMBER}"),
    "val_loss": re.compile(rf"val_loss {_NUMBER}"),
    "seconds": re.compile(rf"Epoch time: {_NUMBER} s"),
}
_PSEUDO_DICE = re.compile(r"Pseudo dice \[(.*)\]")
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+): ", re.MULTILINE)
_PREDICTED = re.compile(r": predicting (\S+) *$", re.MULTILINE)


def text_logs(folder: Path) -> list[Path]:
    """The text logs in the order in which they were written; each start of a training writes its own."""
    return sorted(folder.glob("training_log_*.txt"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.stem)])


def epochs_of(logs: Iterable[str]) -> dict[int, dict[str, float]]:
    """What text logs say of each epoch, by its number: lr, train_loss, val_loss, pseudo_dice, seconds.

    An epoch that was cut off has no ``seconds``; a log may begin or end anywhere.
    """
    epochs: dict[int, dict[str, float]] = {}
    for log in logs:
        row: dict[str, float] = {}
        for line in log.splitlines():
            if match := _EPOCH.search(line):  # a resumed training repeats epochs: the later one counts
                row = epochs[int(match[1])] = {}
            for name, pattern in _VALUES.items():
                if match := pattern.search(line):
                    row[name] = float(match[1])
            if match := _PSEUDO_DICE.search(line):
                values = [float(v) for v in re.findall(_NUMBER, re.sub(r"np\.float\d+", "", match[1]))]
                row["pseudo_dice"] = float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
    return epochs


def log_seconds(path: Path) -> float | None:
    """Seconds between the first and the last line of a log that its epochs do not account for; None if it has no times.

    Of a finished training, it is the time to start and to predict the cases of its fold.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    if not (stamps := _STAMP.findall(text)):
        return None
    begun, ended = (datetime.fromisoformat(stamp) for stamp in (stamps[0], stamps[-1]))
    return (ended - begun).total_seconds() - sum(row.get("seconds", 0.0) for row in epochs_of([text]).values())


def validated_cases(folder: Path) -> list[str]:
    """The cases that the last validation predicted, as the text logs name them; empty if there is no such log."""
    for path in reversed(text_logs(folder)):
        if found := _PREDICTED.findall(path.read_text(encoding="utf-8", errors="replace")):
            return sorted(set(found))
    return []
