"""How a training went: its curves, its cost and its outcome, from what nnU-Net leaves in a fold's folder."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.identity import RUN
from nnunet_losses.base.names import CHECKPOINTS, FINAL_CHECKPOINT
from nnunet_losses.base.states import RunStatus
from nnunet_losses.base.tables.results import COLLAPSED, TRAINING
from nnunet_losses.nnunet.results.models import require_own
from nnunet_losses.nnunet.training.checkpoint import read_checkpoint
from nnunet_losses.nnunet.training.job import JOBS_JSON
from nnunet_losses.nnunet.training.outcome import outcome

COLUMNS = tuple(column for column in TRAINING.columns if column not in RUN)
_NUMBER = r"(nan|-?inf|[-+]?[0-9.]+(?:e[-+]?[0-9]+)?)"
_EPOCH = re.compile(r"Epoch (\d+) *$")
_VALUES = {
    "lr": re.compile(rf"Current learning rate: {_NUMBER}"),
    "train_loss": re.compile(rf"train_loss {_NUMBER}"),
    "val_loss": re.compile(rf"val_loss {_NUMBER}"),
    "seconds": re.compile(rf"Epoch time: {_NUMBER} s"),
}
_PSEUDO_DICE = re.compile(r"Pseudo dice \[(.*)\]")
_PREDICTED = re.compile(r": predicting (\S+) *$", re.MULTILINE)


def read_history(folder: Path) -> pd.DataFrame:
    """The table ``training`` of a fold, without identity: from its checkpoint, or from its text logs if they know more.

    Empty if nothing was logged.
    """
    saved = curves_of({})
    for name in CHECKPOINTS:
        try:
            content = read_checkpoint(folder / name, mapped=True)
            require_own(content, folder / name)
            saved = curves_of(content["logging"])
            break
        except (UserError, OSError, KeyError):
            continue  # absent, damaged, foreign or not safe to load: the text logs tell the same, rounded
    if (folder / FINAL_CHECKPOINT).is_file() and len(saved):
        return saved
    told = _curves_of_text(path.read_text(encoding="utf-8", errors="replace") for path in text_logs(folder))
    return told if len(told) > len(saved) else saved


def curves_of(log: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """The same from the log that nnU-Net keeps in its checkpoints; an epoch that was cut off is left out."""
    keys = ("train_losses", "val_losses", "mean_fg_dice", "ema_fg_dice", "lrs")
    starts, ends = (log.get(f"epoch_{when}_timestamps", []) for when in ("start", "end"))
    epochs = min(len(column) for column in (starts, ends, *(log.get(key, []) for key in keys)))
    values = [[float(value) for value in log.get(key, [])[:epochs]] for key in keys]
    seconds = [float(end - start) for start, end in zip(starts[:epochs], ends[:epochs], strict=True)]
    return pd.DataFrame(dict(zip(COLUMNS, (range(epochs), *values, seconds), strict=True)))


def job_row(folder: Path, curves: pd.DataFrame, *, finished: bool) -> dict[str, Any]:
    """Cost and outcome of a fold, a row of the table ``jobs`` without identity.

    Our trainers record both. For other trainers the time is the sum over epochs, the outcome follows from the curves,
    the device is what nnU-Net noted, and the memory is unknown.
    """
    debug = _json(folder / "debug.json")
    job: dict[str, Any] = {
        "seconds": float(curves["seconds"].sum()) if len(curves) else float("nan"),
        "peak_memory_mb": float("nan"),
        "device": str(debug.get("device", "")).partition(":")[0],
        "hardware": str(debug.get("gpu_name", "")),
        "epochs": len(curves),
        **outcome(curves["train_loss"].tolist(), curves["pseudo_dice"].tolist(), finished=finished)._asdict(),
    }
    recorded = _json(folder / JOBS_JSON)
    if not finished and recorded.get("status") != RunStatus.DIVERGED:
        recorded = {}  # it is about an earlier end of a training that was resumed
    if recorded.get("status") == COLLAPSED:  # as earlier versions recorded it
        recorded |= {"status": RunStatus.COMPLETED, COLLAPSED: True}
    return job | {key: recorded[key] for key in job if key in recorded}


def validated_cases(folder: Path) -> list[str]:
    """The cases that the last validation predicted, as the text logs name them; empty if there is no such log."""
    for path in reversed(text_logs(folder)):
        if found := _PREDICTED.findall(path.read_text(encoding="utf-8", errors="replace")):
            return sorted(set(found))
    return []


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


def _curves_of_text(logs: Iterable[str]) -> pd.DataFrame:
    complete = {epoch: row for epoch, row in sorted(epochs_of(logs).items()) if "seconds" in row}
    curves = pd.DataFrame.from_dict(complete, orient="index").rename_axis("epoch").reset_index()
    curves = curves.reindex(columns=list(COLUMNS))
    running = float("nan")
    for index, value in curves["pseudo_dice"].items():  # as nnU-Net's logger averages
        running = value if np.isnan(running) else 0.9 * running + 0.1 * value
        curves.loc[index, "ema_pseudo_dice"] = running
    return curves.astype({"epoch": int} | dict.fromkeys(COLUMNS[1:], float))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
