"""A loss of another package trains through nnU-Net like ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..losses.test_plugins import ROOT, install_example

CODE = """
import torch
from nnunetv2.run.run_training import run_training
from nnunet_losses.nnunet.training.trainer import LossTrainer
LossTrainer.perform_actual_validation = lambda *_: None
run_training("Dataset901_Labels", "3d_tiny", 0, "HingeTrainer_margin2_iw_1epochs_1iters", device=torch.device("cpu"))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("world")
def test_its_trainer_trains_an_epoch_with_inverse_weights(tmp_path: Path) -> None:
    install_example(tmp_path / "site")
    ran = subprocess.run(
        [sys.executable, "-c", CODE],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(ROOT)])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    [fold] = tmp_path.glob("results/Dataset901_Labels/HingeTrainer_margin2_iw_1epochs_1iters__*/fold_0")
    assert (fold / "checkpoint_final.pth").is_file()
    assert "HingeLoss(margin=2.0" in (fold / "debug.json").read_text()
