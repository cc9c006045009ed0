"""What the trainer changes in nnU-Net's: the loss, its weights, and the target they need."""

import inspect
import pickle
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import Tensor

from nnunet_losses.losses import CATALOGUE, TverskyLoss, inverse_weights
from nnunet_losses.nnunet.training.errors import StopTraining
from nnunet_losses.nnunet.training.trainer import LossTrainer, make_trainer

from ...losses.catalogue.test_plugins import install_example
from ..steps import begin, copied, step_of_each, validate

pytestmark = pytest.mark.usefixtures("world")
Make = Callable[..., LossTrainer]
Run = Callable[..., Path]


# --- the value of a step

LEVELS = {  # nnU-Net's weights of deep supervision, worked by hand: 1, 1/2, ... with 0 for the coarsest, of sum 1
    "3d_single_scale": [1],
    "3d_tiny": [1, 0],
    "2d_tiny": [1, 0],
    "3d_deep": [2 / 3, 1 / 3, 0],
}


def expected_loss(trainer: LossTrainer, batch: dict[str, Any], levels: list[float]) -> float:
    """The weighted Tversky loss of the trainer's network, from the parts of a target whose channels are known."""
    with torch.no_grad():
        outputs = trainer.network(batch["data"])
    targets = batch["target"]
    if not isinstance(targets, list):
        outputs, targets, levels = [outputs], [targets], [1]
    regions, ignore = trainer.label_manager.has_regions, trainer.label_manager.has_ignore_label
    total = 0.0
    for weight, output, target in zip(levels, outputs, targets, strict=True):
        if weight == 0:
            continue
        if regions:
            reference, ids = target[:, :2], target[:, -2:]
            valid = target[:, 2:3] == 0 if ignore else None
        else:
            reference, ids = target[:, :1], target[:, 1:]
            valid = reference != 3 if ignore else None
        batch_dice = trainer.configuration_manager.batch_dice
        loss = TverskyLoss(fp_weight=0.1, fn_weight=0.9, regions=regions, batch=batch_dice)
        total += weight * float(loss(output, reference, inverse_weights(ids.contiguous(), valid, definition="iw")))
    return total


@pytest.mark.parametrize(
    ("dataset", "configuration", "channels"),
    [
        ("Dataset901_Labels", "3d_deep", 2),
        ("Dataset902_Regions", "3d_tiny", 4),
        ("Dataset903_RegionsIgnore", "3d_tiny", 5),
        ("Dataset904_Ignore", "3d_tiny", 2),
        ("Dataset901_Labels", "2d_tiny", 2),
        ("Dataset903_RegionsIgnore", "2d_tiny", 5),
        ("Dataset901_Labels", "3d_single_scale", 2),
    ],
)
@pytest.mark.parametrize("deep_supervision", [True, False])
def test_in_every_mode_of_nnunet_a_step_has_the_weighted_loss_of_the_name(
    make: Make, dataset: str, configuration: str, channels: int, deep_supervision: bool
) -> None:
    trainer = make("TverskyTrainer_fp0.1_fn0.9_iw", dataset, configuration)
    trainer.enable_deep_supervision = deep_supervision
    begin(trainer)
    batch, other = next(trainer.dataloader_train), next(trainer.dataloader_val)
    assert isinstance(batch["target"], list) == deep_supervision
    finest = batch["target"][0] if deep_supervision else batch["target"]
    assert (finest.dtype, finest.shape[1]) == (torch.int16, channels)
    expected = expected_loss(trainer, batch, LEVELS[configuration])
    before = [parameter.clone() for parameter in trainer.network.parameters()]
    assert float(trainer.train_step(copied(batch))["loss"]) == pytest.approx(expected, rel=1e-5)
    assert any(not torch.equal(*pair) for pair in zip(before, trainer.network.parameters(), strict=True))
    validated = validate(trainer, copied(other))
    assert float(validated["loss"]) == pytest.approx(expected_loss(trainer, other, LEVELS[configuration]), rel=1e-5)
    for counts in ("tp_hard", "fp_hard", "fn_hard"):
        assert validated[counts].shape == (2,)
        assert (validated[counts] >= 0).all()


@pytest.fixture(scope="module")
def batches(world_once: Path) -> dict[str, dict[str, Any]]:
    """A batch of training with instance ids, by data set; filled by the first who needs it."""
    return {}


@pytest.mark.parametrize("loss", sorted(CATALOGUE))
@pytest.mark.parametrize("dataset", ["Dataset901_Labels", "Dataset903_RegionsIgnore"])
def test_every_loss_of_the_catalogue_trains(
    make: Make, loss: str, dataset: str, batches: dict[str, dict[str, Any]]
) -> None:
    trainer = make(f"{loss}Trainer_iw", dataset)
    if dataset not in batches:
        batches[dataset] = next(begin(trainer).dataloader_train)
    if not trainer.was_initialized:
        trainer.initialize()
    before = [parameter.clone() for parameter in trainer.network.parameters()]
    assert np.isfinite(trainer.train_step(copied(batches[dataset]))["loss"])
    after = list(trainer.network.parameters())
    assert all(torch.isfinite(parameter).all() for parameter in after)
    assert any(not torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert np.isfinite(validate(trainer, copied(batches[dataset]))["loss"])


@pytest.mark.parametrize("dataset", ["Dataset901_Labels", "Dataset902_Regions", "Dataset903_RegionsIgnore"])
def test_the_pseudo_dice_is_that_of_nnunet(make: Make, dataset: str) -> None:
    counts = []
    for name in ("TverskyTrainer_seed1", "TverskyTrainer_iw_seed1"):
        trainer = begin(make(name, dataset))
        counts.append(validate(trainer, next(trainer.dataloader_val)))
    for key in ("tp_hard", "fp_hard", "fn_hard"):
        np.testing.assert_array_equal(counts[0][key], counts[1][key])
    assert float(counts[0]["loss"]) != float(counts[1]["loss"])


def test_a_step_of_validation_leaves_the_loss_as_it_was_even_if_it_fails(make: Make) -> None:
    trainer = begin(make("DiceTrainer_iw"))
    loss = trainer.loss
    validate(trainer, next(trainer.dataloader_val))
    assert trainer.loss is loss
    with pytest.raises(RuntimeError):
        validate(trainer, next(trainer.dataloader_val) | {"data": torch.zeros(2, 5, 16, 16, 16)})
    assert trainer.loss is loss


@pytest.mark.parametrize("dataset", ["Dataset901_Labels", "Dataset902_Regions", "Dataset904_Ignore"])
def test_dice_cross_entropy_is_the_default_loss_of_nnunet(make: Make, dataset: str) -> None:
    ours = begin(make("DiceCrossEntropyTrainer_seed1", dataset))
    stock = nnUNetTrainer._build_loss(ours)
    batch = next(ours.dataloader_train)
    outputs = [o.detach().requires_grad_() for o in ours.network(batch["data"])]
    losses = [loss(outputs, batch["target"]) for loss in (ours.loss, stock)]
    gradients = [torch.autograd.grad(loss, outputs[0])[0] for loss in losses]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-8)
    torch.testing.assert_close(*losses, rtol=1e-5, atol=1e-5)


# --- how the loss is made


@pytest.mark.parametrize("configuration", ["3d_tiny", "3d_deep"])
def test_deep_supervision_keeps_the_weights_of_nnunet(make: Make, configuration: str) -> None:
    trainer = make("DiceTrainer", configuration=configuration)
    trainer.initialize()
    stock = nnUNetTrainer._build_loss(trainer)
    assert isinstance(trainer.loss, DeepSupervisionWrapper)
    assert trainer.loss.weight_factors == stock.weight_factors == pytest.approx(LEVELS[configuration])


def test_a_network_of_a_single_scale_gets_weight_one(make: Make) -> None:
    trainer = make("DiceTrainer", configuration="3d_single_scale")
    trainer.initialize()
    assert trainer.loss.weight_factors == (1.0,)


@pytest.mark.parametrize(("configuration", "pooled"), [("2d_tiny", True), ("3d_tiny", False)])
def test_batch_dice_follows_the_plans(make: Make, configuration: str, pooled: bool) -> None:
    trainer = make("DiceTrainer", configuration=configuration)
    trainer.initialize()
    assert trainer.configuration_manager.batch_dice is pooled
    assert trainer.adapter.loss.batch is pooled


class NoRegionsLoss(TverskyLoss):
    """Stands for a loss that is undefined for overlapping regions."""

    def __init__(self, *, regions: bool = False, **values: Any) -> None:
        if regions:
            raise ValueError("NoRegionsLoss needs classes that exclude each other, not regions")
        super().__init__(regions=regions, **values)


def test_a_loss_that_is_undefined_for_the_data_is_refused_before_anything_is_trained(
    make: Make, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CATALOGUE, "NoRegions", NoRegionsLoss)
    with pytest.raises(StopTraining) as stop:
        run("NoRegionsTrainer_fp0.1", "Dataset902_Regions")
    assert stop.value.code == (  # as the log of a job says it, so that it is not tried again
        "nnunet-losses: NoRegionsTrainer_fp0.1 cannot be trained on Dataset902_Regions: "
        "NoRegionsLoss needs classes that exclude each other, not regions."
    )
    make("NoRegionsTrainer_fp0.1").initialize()


def test_a_loss_of_another_package_trains_like_ours(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_example(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    before = dict(CATALOGUE)
    for module in ("my_losses.hinge", "my_losses"):  # another test may have imported the example
        sys.modules.pop(module, None)
    try:
        import_module("my_losses.hinge")  # as its entry point is imported when Python starts
        folder = run("HingeTrainer_margin2_iw_1epochs_1iters")
    finally:
        CATALOGUE.clear()
        CATALOGUE.update(before)
        for module in ("my_losses.hinge", "my_losses"):
            sys.modules.pop(module, None)
    assert (folder / "checkpoint_final.pth").is_file()
    assert "HingeLoss(margin=2.0" in (folder / "debug.json").read_text()


# --- classes


def test_classes_have_the_name_and_the_signature_that_nnunet_reads() -> None:
    trainer = make_trainer("TverskyTrainer_fp0.1_iw")
    assert trainer.__name__ == "TverskyTrainer_fp0.1_iw"
    assert list(inspect.signature(trainer).parameters) == ["plans", "configuration", "fold", "dataset_json", "device"]
    assert make_trainer("TverskyTrainer_fp0.1_iw") is trainer
    with pytest.raises(ValueError, match="nnUNetTrainer is not the name of a trainer of this package"):
        make_trainer("nnUNetTrainer")


@pytest.mark.parametrize(
    ("name", "needed"),
    [("DiceTrainer", False), ("DiceTrainer_iw", True), ("BlobTrainer", True), ("TopKTrainer", False)],
)
def test_components_are_looked_for_only_if_something_needs_them(name: str, needed: bool) -> None:
    assert make_trainer(name).needs_instances() is needed


# --- the target


def test_worker_processes_train_with_instance_ids(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_n_proc_DA", "2")
    trainer = make("DiceTrainer_iw")
    try:
        trained, validated = step_of_each(trainer)
        assert 0 < trained["loss"] < 1
        assert 0 < validated["loss"] < 1
    finally:
        trainer.dataloader_train._finish()
        trainer.dataloader_val._finish()


def test_what_workers_are_given_survives_pickling(make: Make) -> None:
    # macOS, Windows and Python 3.14 start workers afresh and send them the loader
    trainer = begin(make("DiceTrainer_iw"))
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
    trained, validated = step_of_each(trainer)
    batch = next(trainer.dataloader_train)
    assert batch["data"].shape[1] == 3  # the image and one channel a label
    assert batch["target"][0].shape[1] == 2
    assert np.isfinite([trained["loss"], validated["loss"]]).all()


def test_nothing_is_appended_that_nothing_needs(make: Make) -> None:
    target: Tensor = next(begin(make("DiceTrainer")).dataloader_train)["target"][0]
    assert (target.dtype, target.shape[1]) == (torch.int16, 1)
