"""A finished training is copied out of nnU-Net's results."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.tables.results import JOBS, TRAINING
from nnunet_losses.nnunet.results.publishing import publish_training

from ..conftest import TRAINED
from ..training.test_checkpoint import Evil

REST = ("3d_tiny", TRAINED, "nnUNetPlans", 0)


@pytest.mark.parametrize("dataset", ["Dataset901_Labels", "901"])
def test_model_curves_and_cost_are_published(
    trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str
) -> None:
    monkeypatch.setenv("nnUNet_results", str(trained_once.parents[2]))
    publish_training(dataset, *REST, tmp_path)
    names = ["checkpoint_final.pth", "experiment.json", "jobs.parquet", "model.json", "training.parquet"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for name in names[:2]:
        assert (tmp_path / name).read_bytes() == (trained_once / name).read_bytes()
    curves = TRAINING.check(pd.read_parquet(tmp_path / "training.parquet"))
    job = JOBS.check(pd.read_parquet(tmp_path / "jobs.parquet"))
    for table in (curves, job):
        assert set(table["dataset"]) == {"Dataset901_Labels"}
        assert set(table["trainer"]) == {TRAINED.removesuffix("_seed7")}
        assert set(table["seed"]) == {7}
    log = torch.load(trained_once / "checkpoint_final.pth", weights_only=False)["logging"]
    assert curves["epoch"].tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(curves["train_loss"], log["train_losses"])
    np.testing.assert_array_equal(curves["pseudo_dice"], log["mean_fg_dice"])
    assert job["status"].tolist() == ["completed"]
    assert job["seconds"].tolist() == pytest.approx([curves["seconds"].sum()])


@pytest.mark.usefixtures("world")
def test_an_unfinished_training_is_not_published(tmp_path: Path) -> None:
    (tmp_path / "results" / "Dataset901_Labels").mkdir(parents=True)
    with pytest.raises(UserError, match="this training is not finished; resume it with --c"):
        publish_training("Dataset901_Labels", *REST, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_code_in_a_checkpoint_is_not_run_and_nothing_is_published(trained: Path, tmp_path: Path) -> None:
    checkpoint = torch.load(trained / "checkpoint_final.pth", weights_only=False)
    torch.save(checkpoint | {"more": Evil(tmp_path / "trace")}, trained / "checkpoint_final.pth")
    with pytest.raises(UserError, match="was not loaded"):
        publish_training("Dataset901_Labels", *REST, tmp_path / "out")
    assert not (tmp_path / "trace").exists()
    assert not (tmp_path / "out").exists()
