"""A full disk ends a training in one sentence; with space, the same command finishes it with the same result."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from nnunetv2.run.run_training import run_training

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.preparation.folders import fold_folder
from nnunet_losses.nnunet.results import predictions
from nnunet_losses.nnunet.results.predictions import predict_out_of_fold
from nnunet_losses.nnunet.training.errors import StopTraining
from nnunet_losses.nnunet.training.trainer import LossTrainer

from ...conftest import SmallDisk
from ..conftest import TRAINED
from .test_reproducible import same, weights

RUN = ("Dataset901_Labels", "3d_tiny", TRAINED, "nnUNetPlans", 0)
SENTENCE = r"There is not enough space for .*fold_0: (\d.* needed, )?.* free. Free some and run the same command again"


@pytest.fixture
def small_results(world: Path, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> SmallDisk:
    """nnU-Net's results are on a small disk."""
    monkeypatch.setenv("nnUNet_results", str(small_disk.folder))
    monkeypatch.setattr("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.sleep", lambda _: None)  # as it retries to log
    return small_disk


def train(**options: Any) -> Path:
    dataset, configuration, trainer, plans, fold = RUN
    run_training(dataset, configuration, fold, trainer, plans, device=torch.device("cpu"), **options)
    return fold_folder(dataset, configuration, trainer, plans, fold)


def fill_at(monkeypatch: pytest.MonkeyPatch, method: str, disk: SmallDisk, free: int) -> None:
    """Fill the disk when the trainer comes to a method."""
    original: Callable[..., Any] = getattr(LossTrainer, method)

    def filling(self: LossTrainer, *arguments: Any) -> Any:
        disk.fill(free)
        return original(self, *arguments)

    monkeypatch.setattr(LossTrainer, method, filling)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "free"), [("on_train_start", 0), ("save_checkpoint", 0), ("save_checkpoint", 20_000)]
)
def test_a_training_on_a_full_disk_goes_on_when_there_is_space(
    small_results: SmallDisk, trained_once: Path, monkeypatch: pytest.MonkeyPatch, method: str, free: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(LossTrainer, "perform_actual_validation", lambda *_: None)
        with patch.context() as full:
            fill_at(full, method, small_results, free)
            with pytest.raises(StopTraining, match=SENTENCE) as stop:
                train()
        assert "\n" not in str(stop.value.code)
        assert not list(small_results.folder.rglob("checkpoint_*.pth"))
        assert not list(small_results.folder.rglob(".*.pth"))
        small_results.grow()
        folder = train(continue_training=True)
    assert same(weights(folder), weights(trained_once))


@pytest.fixture
def trained_there(small_results: SmallDisk, trained_once: Path) -> Path:
    """A finished training on the small disk, without its predictions."""
    small_results.grow()
    results = trained_once.parents[2]
    shutil.copytree(results, small_results.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("validation"))
    return small_results.folder / trained_once.relative_to(results)


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 2000])
def test_a_validation_on_a_full_disk_is_repeated_when_there_is_space(
    small_results: SmallDisk, trained_there: Path, trained_once: Path, free: int
) -> None:
    small_results.fill(free)
    with pytest.raises(StopTraining, match=SENTENCE):
        train(only_run_validation=True)
    (small_results.folder / "filler").unlink()
    train(only_run_validation=True)
    for case in ("case_4", "case_5"):
        one, other = (f / "validation" / f"{case}.nii.gz" for f in (trained_there, trained_once))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 2000])
def test_a_prediction_on_a_full_disk_is_repeated_when_there_is_space(
    small_results: SmallDisk, trained_there: Path, trained_once: Path, tmp_path: Path, free: int
) -> None:
    small_results.fill(free)
    out = {name: tmp_path / name for name in ("segmentations", "probabilities")}
    with pytest.raises(UserError, match=SENTENCE):
        predict_out_of_fold(*RUN, **out, device="cpu")
    assert not any(folder.exists() for folder in out.values())
    (small_results.folder / "filler").unlink()
    predict_out_of_fold(*RUN, **out, device="cpu")
    for case in ("case_4", "case_5"):
        expected = (trained_once / "validation" / f"{case}.nii.gz").read_bytes()
        assert (out["segmentations"] / f"{case}.nii.gz").read_bytes() == expected


def test_other_trainers_end_in_the_same_sentence(
    small_results: SmallDisk, trained_there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(*_: Any, **__: Any) -> None:
        small_results.fill(0)  # SimpleITK says nothing

    monkeypatch.setattr("nnunetv2.run.run_training.run_training", cut_short)
    with pytest.raises(UserError, match=SENTENCE):
        predictions._validate_again(*RUN, "cpu", trained_there / "checkpoint_final.pth")
