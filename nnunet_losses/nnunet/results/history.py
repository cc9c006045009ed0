"""How a training went: its curves, its cost and its outcome, from what nnU-Net leaves in a fold's folder."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import read_record
from nnunet_losses.base.identity import RUN
from nnunet_losses.base.names import CHECKPOINTS, FINAL_CHECKPOINT, JOBS_JSON
from nnunet_losses.base.states import RunStatus
from nnunet_losses.base.tables.results import COLLAPSED, TRAINING
from nnunet_losses.nnunet.results.models import require_own
from nnunet_losses.nnunet.results.text_logs import epochs_of, text_logs
from nnunet_losses.nnunet.training.checkpoint import read_checkpoint
from nnunet_losses.nnunet.training.outcome import outcome, running_mean
from nnunet_losses.nnunet.training.starts import summary_of_starts

COLUMNS = tuple(column for column in TRAINING.columns if column not in RUN)


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
    debug = read_record(folder / "debug.json")
    job: dict[str, Any] = {
        "seconds": float(curves["seconds"].sum()) if len(curves) else float("nan"),
        "peak_memory_mb": float("nan"),
        "device": str(debug.get("device", "")).partition(":")[0],
        "hardware": str(debug.get("gpu_name", "")),
        "epochs": len(curves),
        "utilisation": float("nan"),
        **outcome(curves["train_loss"].tolist(), curves["pseudo_dice"].tolist(), finished=finished)._asdict(),
    }
    recorded = read_record(folder / JOBS_JSON)
    if not finished and recorded.get("status") != RunStatus.DIVERGED:
        recorded = {}  # it is about an earlier end of a training that was resumed
    if recorded.get("status") == COLLAPSED:  # as earlier versions recorded it
        recorded |= {"status": RunStatus.COMPLETED, COLLAPSED: True}
    known = {key: recorded[key] for key in job if recorded.get(key) is not None}
    return job | known | summary_of_starts(folder)


def _curves_of_text(logs: Iterable[str]) -> pd.DataFrame:
    complete = {epoch: row for epoch, row in sorted(epochs_of(logs).items()) if "seconds" in row}
    curves = pd.DataFrame.from_dict(complete, orient="index").rename_axis("epoch").reset_index()
    curves = curves.reindex(columns=list(COLUMNS))
    curves["ema_pseudo_dice"] = running_mean(curves["pseudo_dice"].tolist())
    return curves.astype({"epoch": int} | dict.fromkeys(COLUMNS[1:], float))
