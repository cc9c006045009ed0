"""What a loss is told besides logits and target: spacing, epoch, instances, class frequencies."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nnunet_losses.losses import CATALOGUE, Loss, label_components
from nnunet_losses.losses.catalogue import CIRCUMSTANCES
from nnunet_losses.nnunet.training.trainer import LossTrainer

from ..steps import step_of_each

pytestmark = pytest.mark.usefixtures("world")
Make = Callable[..., LossTrainer]
Run = Callable[..., Path]

CALLS: list[dict[str, Any]] = []


def recording_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    spacing: tuple[float, ...] | None = None,
    epoch: int = 0,
    instances: Tensor | None = None,
    class_frequencies: Tensor | None = None,
    regions: bool = False,
) -> Tensor:
    CALLS.append(
        {
            "target": target.clone(),
            "spacing": spacing,
            "epoch": epoch,
            "instances": instances,
            "class_frequencies": class_frequencies,
            "training": torch.is_grad_enabled(),
        }
    )
    return logits.float().square().mean()


class RecordingLoss(Loss):
    functional = staticmethod(recording_loss)


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    monkeypatch.setitem(CATALOGUE, "Recording", RecordingLoss)
    CALLS.clear()
    yield CALLS
    CALLS.clear()


def change_plans(preprocessed: Path, configuration: str, **values: Any) -> None:
    file = preprocessed / "nnUNetPlans.json"
    plans = json.loads(file.read_text())
    plans["configurations"][configuration] |= values
    file.write_text(json.dumps(plans))


@pytest.mark.parametrize(
    ("configuration", "spacing", "levels"),
    [
        ("3d_deep", [3.0, 1.0, 0.5], [(3.0, 1.0, 0.5), (6.0, 2.0, 1.0)]),
        ("2d_deep", [1.0, 0.5], [(1.0, 0.5), (2.0, 1.0)]),
        ("3d_single_scale", [3.0, 1.0, 0.5], [(3.0, 1.0, 0.5)]),
    ],
)
def test_the_size_of_a_voxel_is_known_at_every_level_of_deep_supervision(
    make: Make, own_world: Path, configuration: str, spacing: list[float], levels: list[tuple[float, ...]]
) -> None:
    change_plans(own_world, configuration, spacing=spacing)
    step_of_each(make("RecordingTrainer", configuration=configuration))
    assert [call["spacing"] for call in CALLS] == 2 * levels  # training, then validation


def test_without_deep_supervision_there_is_one_level(make: Make) -> None:
    trainer = make("RecordingTrainer", configuration="3d_deep")
    trainer.enable_deep_supervision = False
    step_of_each(trainer)
    assert [call["spacing"] for call in CALLS] == [(1.0, 1.0, 1.0)] * 2


def test_the_epoch_is_that_of_the_training_also_in_validation_and_after_an_interruption(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = LossTrainer.train_step

    def interrupted(self: LossTrainer, batch: dict[str, Any]) -> dict[str, Any]:
        if self.current_epoch == 2:
            raise KeyboardInterrupt
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(LossTrainer, "train_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run("RecordingTrainer_4epochs_2iters")
    assert [(call["epoch"], call["training"]) for call in CALLS] == [
        *[(0, True)] * 2,
        (0, False),
        *[(1, True)] * 2,
        (1, False),
    ]
    CALLS.clear()
    run("RecordingTrainer_4epochs_2iters", continue_training=True)
    assert [(call["epoch"], call["training"]) for call in CALLS] == [
        *[(2, True)] * 2,
        (2, False),
        *[(3, True)] * 2,
        (3, False),
    ]


@pytest.mark.parametrize("dataset", ["Dataset901_Labels", "Dataset903_RegionsIgnore", "Dataset904_Ignore"])
def test_the_components_of_the_patch_are_there_without_a_weighting(make: Make, dataset: str) -> None:
    step_of_each(make("RecordingTrainer", dataset))
    assert len(CALLS) == 2
    for call in CALLS:
        for reference, instances in zip(call["target"], call["instances"], strict=True):
            if reference.dtype == torch.bool or len(reference) > 1:
                expected = label_components(reference.bool().numpy())
            else:
                expected = label_components(reference[0].where(reference[0] != 3, 0).numpy())[None]
            np.testing.assert_array_equal(instances.numpy(), expected)


def test_a_loss_that_needs_nothing_is_told_nothing(make: Make) -> None:
    trainer = make("DiceTrainer")
    trainer.initialize()
    assert not trainer.adapter.loss.needs
    assert not trainer.adapter.target_format.instances
    assert trainer.class_frequencies is None
    trainer = make("RecordingTrainer")
    trainer.initialize()
    assert trainer.adapter.loss.needs == set(CIRCUMSTANCES)
