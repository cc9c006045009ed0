"""How a training went, from what nnU-Net leaves."""

import json
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from nnunet_losses.base.states import RunStatus
from nnunet_losses.nnunet.results.history import COLUMNS, curves_of, job_row, read_history
from nnunet_losses.nnunet.results.text_logs import epochs_of, text_logs, validated_cases

LOG: dict[str, list[Any]] = {
    "train_losses": [np.float64(0.9), np.float64(0.8)],
    "val_losses": [0.7, 0.6],
    "mean_fg_dice": [0.1, 0.2],
    "ema_fg_dice": [0.1, 0.11],
    "lrs": [0.01, 0.009],
    "epoch_start_timestamps": [100.0, 110.0],
    "epoch_end_timestamps": [108.0, 119.0],
}
TEXT = """
2026-01-01 00:00:00.000000: Epoch 0
2026-01-01 00:00:00.000000: Current learning rate: 0.01
2026-01-01 00:00:00.000000: train_loss 0.9
2026-01-01 00:00:00.000000: val_loss -0.7
2026-01-01 00:00:00.000000: Pseudo dice [np.float32(0.5), 0.25]
2026-01-01 00:00:00.000000: Epoch time: 8.5 s
2026-01-01 00:00:00.000000: Epoch 1
2026-01-01 00:00:00.000000: Current learning rate: 0.009
2026-01-01 00:00:00.000000: train_loss nan
2026-01-01 00:00:00.000000: val_loss 1.5e-05
2026-01-01 00:00:00.000000: Pseudo dice [nan, np.float64(nan)]
2026-01-01 00:00:00.000000: Epoch time: 9 s
2026-01-01 00:00:00.000000: Epoch 2
2026-01-01 00:00:00.000000: Current learning rate: 0.008
"""


def test_curves_are_the_log_of_the_checkpoint() -> None:
    curves = curves_of(LOG)
    assert tuple(curves) == COLUMNS
    assert curves.to_dict("list") == {
        "epoch": [0, 1],
        "train_loss": [0.9, 0.8],
        "val_loss": [0.7, 0.6],
        "pseudo_dice": [0.1, 0.2],
        "ema_pseudo_dice": [0.1, 0.11],
        "lr": [0.01, 0.009],
        "seconds": [8.0, 9.0],
    }


@pytest.mark.parametrize("key", LOG)
def test_an_epoch_that_was_cut_off_is_left_out(key: str) -> None:
    curves = curves_of(LOG | {key: LOG[key][:1]})
    assert curves["epoch"].tolist() == [0]
    assert curves["seconds"].tolist() == [8.0]


def test_without_a_log_there_are_no_epochs() -> None:
    assert curves_of({}).empty
    assert tuple(curves_of({})) == COLUMNS


def test_text_logs_tell_the_same() -> None:
    epochs = epochs_of([TEXT])
    assert epochs[0] == {"lr": 0.01, "train_loss": 0.9, "val_loss": -0.7, "pseudo_dice": 0.375, "seconds": 8.5}
    assert epochs[1] == pytest.approx(
        {"lr": 0.009, "train_loss": nan, "val_loss": 1.5e-5, "pseudo_dice": nan, "seconds": 9}, nan_ok=True
    )
    assert epochs[2] == {"lr": 0.008}


def test_the_later_of_two_logs_counts() -> None:
    later = ": Epoch 1\n: train_loss 0.3\n: Epoch time: 1 s\n"
    epochs = epochs_of([TEXT, later])
    assert epochs[1] == {"train_loss": 0.3, "seconds": 1}
    assert epochs[0]["train_loss"] == 0.9


def write_logs(folder: Path) -> None:
    # the second in time is the first by its letters
    (folder / "training_log_2026_1_9_00_00_00.txt").write_text(TEXT + ": predicting case_1 \n")
    (folder / "training_log_2026_1_10_00_00_00.txt").write_text(
        ": Epoch 2\n: Pseudo dice [0.5]\n: Epoch time: 1 s\n: predicting case_3\n: predicting case_2\n"
        ": case_2, shape (1, 2)\n: predicting case_2\n"
    )


def test_logs_are_read_in_the_order_of_time(tmp_path: Path) -> None:
    write_logs(tmp_path)
    assert [path.name[18:22] for path in text_logs(tmp_path)] == ["1_9_", "1_10"]
    history = read_history(tmp_path)
    assert tuple(history) == COLUMNS
    assert history["epoch"].tolist() == [0, 1, 2]
    assert history["ema_pseudo_dice"].tolist() == pytest.approx([0.375, nan, 0.5], nan_ok=True)


def test_the_running_mean_is_that_of_nnunet(tmp_path: Path) -> None:
    lines = [f": Epoch {n}\n: Pseudo dice [{value}]\n: Epoch time: 1 s\n" for n, value in enumerate((0.5, 0.7, 0.2))]
    (tmp_path / "training_log_2026_1_1_00_00_00.txt").write_text("".join(lines))
    means = read_history(tmp_path)["ema_pseudo_dice"].tolist()
    assert means == pytest.approx([0.5, 0.9 * 0.5 + 0.1 * 0.7, 0.9 * (0.9 * 0.5 + 0.1 * 0.7) + 0.1 * 0.2])


def test_the_last_validation_counts(tmp_path: Path) -> None:
    assert validated_cases(tmp_path) == []
    write_logs(tmp_path)
    assert validated_cases(tmp_path) == ["case_2", "case_3"]
    (tmp_path / "training_log_2026_1_11_00_00_00.txt").write_text("nothing was predicted")
    assert validated_cases(tmp_path) == ["case_2", "case_3"]


@pytest.mark.parametrize(
    ("checkpoint", "epochs"),
    [("checkpoint_final.pth", 2), ("checkpoint_latest.pth", 3), ("checkpoint_best.pth", 3), (None, 3)],
)
def test_a_final_checkpoint_knows_best_and_otherwise_who_knows_more(
    tmp_path: Path, checkpoint: str | None, epochs: int
) -> None:
    write_logs(tmp_path)
    if checkpoint is not None:
        torch.save({"logging": LOG}, tmp_path / checkpoint)
    assert len(read_history(tmp_path)) == epochs


def test_a_checkpoint_that_knows_more_than_the_logs_is_taken_and_one_that_is_damaged_passed_over(
    tmp_path: Path,
) -> None:
    (tmp_path / "checkpoint_latest.pth").write_bytes(b"half")
    torch.save({"logging": LOG}, tmp_path / "checkpoint_best.pth")
    (tmp_path / "training_log_2026_1_1_00_00_00.txt").write_text(": Epoch 0\n: Epoch time: 1 s\n")
    assert read_history(tmp_path)["seconds"].tolist() == [8.0, 9.0]


# --- the row of jobs

CURVES = pd.DataFrame({name: [0.5, 0.25] for name in COLUMNS}).assign(seconds=[8.0, 9.0])


def test_the_cost_of_other_trainers_follows_from_what_they_leave(tmp_path: Path) -> None:
    (tmp_path / "debug.json").write_text(json.dumps({"device": "cuda:0", "gpu_name": "NVIDIA A100"}))
    job = job_row(tmp_path, CURVES, finished=True)
    for unknown in ("peak_memory_mb", "utilisation", "resumes", "queued_seconds"):
        assert np.isnan(job.pop(unknown))
    assert job == {
        "seconds": 17.0,
        "device": "cuda",
        "hardware": "NVIDIA A100",
        "epochs": 2,
        "status": RunStatus.COMPLETED,
        "collapsed": False,
    }


@pytest.mark.parametrize("debug", [None, "{", "[]"])
def test_what_nnunet_did_not_note_is_empty(tmp_path: Path, debug: str | None) -> None:
    if debug is not None:
        (tmp_path / "debug.json").write_text(debug)
    job = job_row(tmp_path, CURVES.iloc[:0], finished=False)
    assert (job["device"], job["hardware"], job["epochs"], job["status"]) == ("", "", 0, RunStatus.UNFINISHED)
    assert np.isnan(job["seconds"])


@pytest.mark.parametrize(
    ("status", "finished", "recorded"),
    [("completed", True, True), ("completed", False, False), ("diverged", False, True)],
)
def test_what_our_trainers_recorded_counts_unless_the_training_was_resumed_since(
    tmp_path: Path, status: str, finished: bool, recorded: bool
) -> None:
    (tmp_path / "jobs.json").write_text(json.dumps({"seconds": 3, "status": status, "versions": {}}))
    job = job_row(tmp_path, CURVES, finished=finished)
    assert "versions" not in job
    assert job["seconds"] == (3 if recorded else 17)
    assert job["status"] == (status if recorded else RunStatus.UNFINISHED)


def test_every_outcome_follows_from_the_curves(tmp_path: Path) -> None:
    for column, value, expected in (
        ("train_loss", nan, ("diverged", False)),
        ("pseudo_dice", 0.0, ("completed", True)),
    ):
        job = job_row(tmp_path, CURVES.assign(**{column: value}), finished=True)
        assert (job["status"], job["collapsed"]) == expected


@pytest.mark.parametrize(
    "record", [{"status": "collapsed"}, {"status": "completed", "collapsed": True}], ids=["earlier", "now"]
)
def test_a_collapse_is_read_as_it_was_recorded_then_and_now(tmp_path: Path, record: dict) -> None:
    (tmp_path / "jobs.json").write_text(json.dumps(record))
    job = job_row(tmp_path, CURVES, finished=True)
    assert (job["status"], job["collapsed"]) == ("completed", True)
