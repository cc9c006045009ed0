"""A training on a machine without locks, home, place for temporary files, or any locale but C, under a strict umask."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from nnunet_losses.nnunet.start_up import VARIABLE, door_folder

JOB = ("Dataset901_Labels", "3d_tiny", "0")
TRAINER = "TverskyTrainer_iw_1epochs_1iters_seed1"
TRAIN = """
import multiprocessing
multiprocessing.cpu_count = lambda: 1
from nnunetv2.run.run_training import run_training_entry
run_training_entry()
"""
OURS = "from nnunet_losses.cli import app; app()"


@pytest.mark.slow
def test_a_training_ends_and_is_published(hostile: dict[str, str], world_once: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    folders = {
        "nnUNet_raw": world_once / "raw",
        "nnUNet_preprocessed": world_once / "preprocessed",
        "nnUNet_results": tmp_path / "results",
    }
    environment = hostile | {name: str(folder) for name, folder in folders.items()}
    environment |= {"nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", VARIABLE: str(door_folder())}

    def run(code: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=environment, cwd=tmp_path, umask=0o077, capture_output=True, timeout=250, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout + done.stderr).decode("ascii", "replace")

    run(TRAIN, *JOB, "-tr", TRAINER, "-device", "cpu")
    fold = tmp_path / "results" / JOB[0] / f"{TRAINER}__nnUNetPlans__3d_tiny" / "fold_0"
    assert (fold / "checkpoint_final.pth").is_file()
    assert Path(hostile["REFUSED_LOCKS"]).is_file(), "it asked for a lock of the system"
    run(TRAIN, *JOB, "-tr", TRAINER, "-device", "cpu", "--c")  # what took the lock's place was given back
    run(OURS, "publish", *JOB, "--trainer", TRAINER, "--plans", "nnUNetPlans", "--out", tmp_path / "published")
    assert len(pd.read_parquet(tmp_path / "published" / "training.parquet")) == 1
    written = [Path(folder) / name for folder, _, names in os.walk(tmp_path) for name in names]
    assert {path.stat().st_mode & 0o077 for path in written if "site" not in path.parts} == {0}
