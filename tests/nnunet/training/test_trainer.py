"""Trainings of a few steps, in process, found through the door."""

import inspect
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_losses.base.errors import UserError
from nnunet_losses.losses import CATALOGUE
from nnunet_losses.nnunet.training.trainer import LossTrainer, make_trainer

pytestmark = pytest.mark.usefixtures("world")
Make = Callable[..., LossTrainer]


def start(trainer: LossTrainer) -> LossTrainer:
    """Bring a trainer to where its first epoch begins."""
    trainer.on_train_start()
    trainer.on_epoch_start()
    trainer.on_train_epoch_start()
    return trainer


def one_step_of_each(trainer: LossTrainer) -> tuple[float, dict[str, Any]]:
    start(trainer)
    trained = trainer.train_step(next(trainer.dataloader_train))
    trainer.on_validation_epoch_start()
    with torch.no_grad():
        validated = trainer.validation_step(next(trainer.dataloader_val))
    return float(trained["loss"]), validated


@pytest.mark.parametrize(
    ("dataset", "configuration", "channels", "classes"),
    [
        ("Dataset901_Labels", "3d_tiny", 2, 2),
        ("Dataset902_Regions", "3d_tiny", 4, 2),
        ("Dataset903_RegionsIgnore", "3d_tiny", 5, 2),
        ("Dataset904_Ignore", "3d_tiny", 2, 2),
        ("Dataset901_Labels", "2d_tiny", 2, 2),
        ("Dataset903_RegionsIgnore", "2d_tiny", 5, 2),
        ("Dataset901_Labels", "3d_single_scale", 2, 2),
    ],
)
@pytest.mark.parametrize("deep_supervision", [True, False])
def test_every_mode_of_nnunet_trains_and_validates_with_inverse_weights(
    make: Make, dataset: str, configuration: str, channels: int, classes: int, deep_supervision: bool
) -> None:
    trainer = make("TverskyTrainer_fp0.1_fn0.9_iw", dataset, configuration)
    trainer.enable_deep_supervision = deep_supervision
    loss, validated = one_step_of_each(trainer)
    assert 0 < loss < 1
    assert 0 < float(validated["loss"]) < 1
    for counts in ("tp_hard", "fp_hard", "fn_hard"):
        assert validated[counts].shape == (classes,)
        assert (validated[counts] >= 0).all()
    target = next(trainer.dataloader_train)["target"]
    assert isinstance(target, list) == deep_supervision
    finest = target[0] if deep_supervision else target
    assert finest.dtype == torch.int16
    assert finest.shape[1] == channels


@pytest.mark.parametrize("loss", sorted(CATALOGUE))
@pytest.mark.parametrize("dataset", ["Dataset901_Labels", "Dataset903_RegionsIgnore"])
def test_every_loss_of_the_catalogue_trains_with_and_without_weights(make: Make, loss: str, dataset: str) -> None:
    for weighting in ("", "_iw", "_iwpos"):
        trained, validated = one_step_of_each(make(f"{loss}Trainer{weighting}", dataset))
        assert np.isfinite(trained)
        assert np.isfinite(float(validated["loss"]))


@pytest.mark.parametrize("dataset", ["Dataset901_Labels", "Dataset902_Regions", "Dataset903_RegionsIgnore"])
def test_the_pseudo_dice_is_that_of_nnunet(make: Make, dataset: str) -> None:
    counts = []
    for name in ("TverskyTrainer_seed1", "TverskyTrainer_iw_seed1"):
        trainer = start(make(name, dataset))
        trainer.on_validation_epoch_start()
        with torch.no_grad():
            counts.append(trainer.validation_step(next(trainer.dataloader_val)))
    for key in ("tp_hard", "fp_hard", "fn_hard"):
        np.testing.assert_array_equal(counts[0][key], counts[1][key])
    assert float(counts[0]["loss"]) != float(counts[1]["loss"])


@pytest.mark.parametrize("dataset", ["Dataset901_Labels", "Dataset902_Regions", "Dataset904_Ignore"])
def test_dice_cross_entropy_is_the_default_loss_of_nnunet(make: Make, dataset: str) -> None:
    ours = start(make("DiceCrossEntropyTrainer_seed1", dataset))
    stock = nnUNetTrainer._build_loss(ours)
    batch = next(ours.dataloader_train)
    outputs = [o.detach().requires_grad_() for o in ours.network(batch["data"])]
    losses = [loss(outputs, batch["target"]) for loss in (ours.loss, stock)]
    gradients = [torch.autograd.grad(loss, outputs[0])[0] for loss in losses]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-8)
    torch.testing.assert_close(*losses, rtol=1e-5, atol=1e-5)


def test_deep_supervision_keeps_the_weights_of_nnunet(make: Make) -> None:
    trainer = make("DiceTrainer")
    trainer.initialize()
    stock = nnUNetTrainer._build_loss(trainer)
    assert isinstance(trainer.loss, DeepSupervisionWrapper)
    assert trainer.loss.weight_factors == stock.weight_factors


def test_a_network_of_a_single_scale_gets_weight_one(make: Make) -> None:
    trainer = make("DiceTrainer", configuration="3d_single_scale")
    trainer.initialize()
    assert trainer.loss.weight_factors == (1.0,)


def test_the_defaults_are_the_recipe_of_nnunet(make: Make) -> None:
    trainer = make("DiceTrainer")
    assert (trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch) == (
        1000,
        250,
        50,
    )
    assert trainer.save_every == 10


@pytest.mark.parametrize(
    ("name", "lengths"),
    [
        ("DiceTrainer_20epochs", (20, 250, 50, 2)),
        ("DiceTrainer_20epochs_10iters", (20, 10, 2, 2)),
        ("DiceTrainer_1epochs_1iters", (1, 1, 1, 1)),
    ],
)
def test_the_name_says_how_long(make: Make, name: str, lengths: tuple[int, ...]) -> None:
    trainer = make(name)
    assert lengths == (
        trainer.num_epochs,
        trainer.num_iterations_per_epoch,
        trainer.num_val_iterations_per_epoch,
        trainer.save_every,
    )


def test_batch_dice_follows_the_plans(make: Make) -> None:
    trainer = make("DiceTrainer", configuration="2d_tiny")
    trainer.initialize()
    assert trainer.configuration_manager.batch_dice is True
    assert trainer.adapter.loss.batch is True


def test_classes_have_the_name_and_the_signature_that_nnunet_reads() -> None:
    trainer = make_trainer("TverskyTrainer_fp0.1_iw")
    assert trainer.__name__ == "TverskyTrainer_fp0.1_iw"
    assert list(inspect.signature(trainer).parameters) == ["plans", "configuration", "fold", "dataset_json", "device"]
    assert make_trainer("TverskyTrainer_fp0.1_iw") is trainer


def test_the_allotted_threads_are_respected(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(2)
    make("DiceTrainer")
    assert torch.get_num_threads() == 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    torch.set_num_threads(2)
    make("DiceTrainer")
    assert torch.get_num_threads() == 2


def test_a_loss_that_is_not_finite_ends_the_training_and_leaves_the_checkpoints(make: Make) -> None:
    trainer = start(make("DiceTrainer_5epochs_2iters"))
    good = Path(trainer.output_folder, "checkpoint_latest.pth")
    trainer.save_checkpoint(str(good))
    saved = good.read_bytes()
    batch = next(trainer.dataloader_train)
    trainer.train_step(batch)
    batch["data"][:] = float("nan")
    with pytest.raises(SystemExit) as stop:
        trainer.train_step(batch)
    text = str(stop.value.code)
    assert isinstance(stop.value, UserError)
    assert "nan in epoch 0, step 1" in text
    assert all(case in text for case in batch["keys"])
    assert "DiceLoss(" in text
    assert good.read_bytes() == saved
    assert json.loads(good.with_name("jobs.json").read_text())["status"] == "diverged"


def test_a_collapse_is_told_once(make: Make) -> None:
    trainer = make("DiceTrainer")
    trainer.initialize()
    counts = {"tp_hard": np.zeros(2), "fp_hard": np.zeros(2), "fn_hard": np.ones(2), "loss": np.float32(1)}
    for epoch in range(13):
        trainer.on_epoch_start()
        trainer.logger.log("lrs", 0.01, epoch)
        trainer.on_train_epoch_end([{"loss": np.float32(1)}])
        trainer.on_validation_epoch_end([counts])
        trainer.on_epoch_end()
    assert Path(trainer.log_file).read_text().count("has collapsed to background") == 1


def test_worker_processes_train_with_instance_ids(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_n_proc_DA", "2")
    trainer = make("DiceTrainer_iw")
    try:
        trained, validated = one_step_of_each(trainer)
        assert 0 < trained < 1
        assert 0 < float(validated["loss"]) < 1
    finally:
        trainer.dataloader_train._finish()
        trainer.dataloader_val._finish()


def test_what_workers_are_given_survives_pickling(make: Make) -> None:
    # macOS, Windows and Python 3.14 start workers afresh and send them the loader
    trainer = start(make("DiceTrainer_iw"))
    loader = pickle.loads(pickle.dumps(trainer.dataloader_train.data_loader))
    assert repr(loader.transforms) == repr(trainer.dataloader_train.data_loader.transforms)
    assert next(loader)["target"][0].shape[1] == 2


def test_the_cascade_trains_on_what_the_stage_before_it_predicted(make: Make) -> None:
    trainer = make("DiceTrainer_iw", configuration="3d_after")
    before = Path(trainer.folder_with_segs_from_previous_stage)
    before.mkdir(parents=True)
    plain = nnUNetDatasetBlosc2(trainer.preprocessed_dataset_folder)
    for case in plain.identifiers:
        _, seg, _, _ = plain.load_case(case)
        nnUNetDatasetBlosc2.save_seg(seg[0], str(before / case))
    trained, validated = one_step_of_each(trainer)
    batch = next(trainer.dataloader_train)
    assert batch["data"].shape[1] == 3  # the image and one channel a label
    assert batch["target"][0].shape[1] == 2
    assert np.isfinite([trained, float(validated["loss"])]).all()
