"""What a finished training leaves."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.preparation.folders import dataset_folder, nnunet_folder, parallel_environment
from nnunet_losses.nnunet.results.outcome import identity, predict_out_of_fold, publish_training
from nnunet_losses.nnunet.training.checkpoint import read_checkpoint

NAME = "DiceTrainer_1epochs_1iters_seed2"


def test_a_seed_is_a_column_not_a_part_of_the_trainer() -> None:
    assert identity("D", "3d", "TverskyTrainer_iw_seed3", 1) == {
        "dataset": "D", "configuration": "3d", "trainer": "TverskyTrainer_iw", "fold": 1, "seed": 3,
    }  # fmt: skip
    assert identity("D", "3d", "nnUNetTrainer", 0)["seed"] == 0


@pytest.mark.slow
def test_a_training_is_published_and_its_cases_are_predicted_even_if_the_work_folder_is_gone(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnunetv2.run.run_training import run_training

    run_training(
        "Dataset901_Labels", "3d_tiny", 1, NAME, export_validation_probabilities=True, device=torch.device("cpu")
    )
    arguments = ("Dataset901_Labels", "3d_tiny", NAME, "nnUNetPlans", 1)
    published = tmp_path / "model"
    publish_training(*arguments, published)
    curves, jobs = (pd.read_parquet(published / f"{name}.parquet") for name in ("training", "jobs"))
    assert curves[["trainer", "seed", "fold", "epoch"]].to_numpy().tolist() == [["DiceTrainer_1epochs_1iters", 2, 1, 0]]
    assert np.isfinite(curves["train_loss"]).all()
    assert jobs.loc[0, "status"] in ("completed", "collapsed")
    assert jobs.loc[0, "peak_memory_mb"] > 100
    assert jobs.loc[0, "hardware"]

    def predict(name: str) -> set[str]:
        predict_out_of_fold(
            *arguments,
            segmentations=tmp_path / name,
            probabilities=tmp_path / f"{name}_p",
            model=published / "checkpoint_final.pth",
            device="cpu",
        )
        assert {p.name for p in (tmp_path / f"{name}_p").iterdir()} == {"case_0.npz", "case_1.npz"}
        return {p.name for p in (tmp_path / name).iterdir()}

    assert predict("first") == {"case_0.nii.gz", "case_1.nii.gz"}
    work = tmp_path / "results/Dataset901_Labels" / f"{NAME}__nnUNetPlans__3d_tiny" / "fold_1"
    assert not list((work / "validation").glob("*.npz"))  # moved, not copied
    (work / "checkpoint_final.pth").unlink()
    assert predict("again") == {"case_0.nii.gz", "case_1.nii.gz"}
    first, again = (np.load(tmp_path / f"{name}_p/case_0.npz")["probabilities"] for name in ("first", "again"))
    np.testing.assert_array_equal(first, again)


def test_an_unfinished_training_is_not_published(world: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with pytest.raises(UserError, match="this training is not finished"):
        publish_training("Dataset901_Labels", "3d_tiny", NAME, "nnUNetPlans", 0, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_fold_that_is_not_in_the_splits_is_refused(world: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with pytest.raises(UserError, match="has 2 folds; there is no fold 7"):
        predict_out_of_fold(
            "Dataset901_Labels", "3d_tiny", NAME, "nnUNetPlans", 7,
            segmentations=tmp_path / "a", probabilities=tmp_path / "b",
        )  # fmt: skip


class Evil:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (Path.touch, (Path("evil"),))  # type: ignore[return-value]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", pickle.dumps({"logging": Evil()})])
def test_checkpoints_are_read_without_running_what_they_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "checkpoint_final.pth"
    file.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        read_checkpoint(file)
    torch.save({"logging": Evil()}, file)
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        read_checkpoint(file)
    assert not (tmp_path / "evil").exists()


def test_variables_and_data_sets_that_are_not_there_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("nnUNet_raw", raising=False)
    with pytest.raises(UserError, match="nnUNet_raw is not set"):
        nnunet_folder("nnUNet_raw")
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"points to .*nowhere, which is not a folder"):
        nnunet_folder("nnUNet_raw")
    (tmp_path / "Dataset004_Hippocampus").mkdir()
    assert dataset_folder(tmp_path, "4").name == dataset_folder(tmp_path, "Dataset004_Hippocampus").name
    with pytest.raises(UserError, match="There is no data set 5 in .*; there are: Dataset004_Hippocampus"):
        dataset_folder(tmp_path, 5)


def test_a_training_never_gets_more_workers_than_threads() -> None:
    assert parallel_environment("cpu", 2) == "nnUNet_n_proc_DA=0 nnUNet_def_n_proc=1 OMP_NUM_THREADS=2"
    assert parallel_environment("cuda", 12) == "nnUNet_n_proc_DA=11 nnUNet_def_n_proc=3 OMP_NUM_THREADS=1"
    assert json.dumps(parallel_environment("cuda", 1)) == '"nnUNet_n_proc_DA=1 nnUNet_def_n_proc=1 OMP_NUM_THREADS=1"'
