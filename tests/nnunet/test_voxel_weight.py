"""Voxel weights of a user's own: a trainer in a folder of the user's, which nnU-Net finds before ours."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nnunet_losses._door import VARIABLE
from nnunet_losses.losses import CrossEntropyLoss, TverskyLoss, inverse_weights
from nnunet_losses.nnunet.adapter import LossAdapter
from nnunet_losses.nnunet.stop import StopTraining
from nnunet_losses.nnunet.target import TargetFormat
from nnunet_losses.nnunet.trainer import LossTrainer
from nnunet_losses.nnunet.transforms import AppendInstanceIds

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "voxel-weights.md"


def example() -> str:
    """The code of the how-to page."""
    return PAGE.read_text().split("```python\n")[1].split("```")[0]


@pytest.fixture
def own_trainer(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's trainer where the page says to put it."""
    folder = tmp_path / "my_trainers"
    folder.mkdir()
    (folder / "border_trainer.py").write_text(example())
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(folder), os.environ[VARIABLE]]))
    return folder / "border_trainer.py"


@pytest.mark.usefixtures("own_trainer")
@pytest.mark.parametrize(
    ("dataset", "configuration"),
    [("Dataset901_Labels", "3d_deep"), ("Dataset903_RegionsIgnore", "2d_tiny"), ("Dataset904_Ignore", "3d_tiny")],
)
def test_the_example_of_the_page_trains_and_validates(
    make: Callable[..., LossTrainer], dataset: str, configuration: str
) -> None:
    trainer = make("BorderTrainer", dataset, configuration)
    assert (trainer.num_epochs, type(trainer).__name__) == (200, "BorderTrainer")
    trainer.on_train_start()
    trainer.on_epoch_start()
    trainer.on_train_epoch_start()
    assert np.isfinite(trainer.train_step(next(trainer.dataloader_train))["loss"])
    trainer.on_validation_epoch_start()
    batch = next(trainer.dataloader_val)
    with torch.no_grad():
        validated = trainer.validation_step(batch)
        assert validated["tp_hard"].shape == (2,)
        # without the weights, the same network has another loss
        trainer.adapter.voxel_weight = None
        assert float(trainer.validation_step(batch)["loss"]) != float(validated["loss"])


def test_other_weights_under_the_same_name_are_another_experiment(own_trainer: Path, run: Callable[..., Path]) -> None:
    text = own_trainer.read_text().replace("_200epochs", "_1epochs_1iters")
    own_trainer.write_text(text)
    folder = run("BorderTrainer")
    assert "def voxel_weight" in (folder / "experiment.json").read_text()
    run("BorderTrainer", continue_training=True)
    assert "1 + 4 *" in text
    own_trainer.write_text(text.replace("1 + 4 *", "1 + 5 *"))
    import linecache

    linecache.checkcache()
    with pytest.raises(StopTraining, match=r"trainer\.voxel_weight was"):
        run("BorderTrainer", continue_training=True)


@pytest.fixture
def problem() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (2, 1, 6, 5, 4), generator=generator, dtype=torch.int16)
    ids = AppendInstanceIds(0, 3)
    target = torch.stack([ids._apply_to_segmentation(sample) for sample in labels])
    return torch.randn(2, 3, 6, 5, 4, generator=generator), target


@pytest.mark.parametrize("channels", [1, 3])
def test_own_weights_are_multiplied_with_the_others(problem: tuple[Tensor, Tensor], channels: int) -> None:
    logits, target = problem
    layout = TargetFormat(0, 3, instances=True)
    own = torch.rand(2, channels, 6, 5, 4)
    valid = target[:, :1] != 3
    inverse = inverse_weights(target[:, 1:], valid)
    for weighting, expected in ((None, own * valid), ("iw", own * inverse)):
        adapter = LossAdapter(TverskyLoss(), layout, weighting, voxel_weight=lambda *_: own)
        assert torch.equal(adapter(logits, target), TverskyLoss()(logits, target[:, :1], expected))


def test_they_get_the_reference_and_its_components(problem: tuple[Tensor, Tensor]) -> None:
    logits, target = problem
    got: list[Tensor] = []

    def only_first_class(reference: Tensor, instances: Tensor) -> Tensor:
        got.extend((reference, instances))
        return reference == 1

    layout = TargetFormat(0, None, instances=True)
    adapter = LossAdapter(CrossEntropyLoss(), layout, voxel_weight=only_first_class)
    target = target.where(target[:, :1] != 3, 0)
    value = adapter(logits, target)
    assert torch.equal(torch.cat(got, 1), target)
    surprise = -logits.log_softmax(1)[:, 1:2][target[:, :1] == 1]
    torch.testing.assert_close(value, surprise.mean())


@pytest.mark.parametrize(
    ("weight", "complaint"),
    [
        (torch.ones(2, 6, 5, 4), r"of shape \(2, 1, 6, 5, 4\) or \(2, 3, 6, 5, 4\), but gave \(2, 6, 5, 4\)"),
        (torch.ones(2, 2, 6, 5, 4), r"but gave \(2, 2, 6, 5, 4\)"),
        (1.0, "but gave float"),
        (None, "but gave NoneType"),
        (-torch.ones(2, 1, 6, 5, 4), "finite weights from 0 on, but gave -1 to -1"),
        (torch.full((2, 1, 6, 5, 4), torch.nan), "finite weights from 0 on, but gave nan"),
        (torch.full((2, 1, 6, 5, 4), torch.inf), "but gave inf to inf"),
    ],
)
def test_impossible_weights_end_the_training(problem: tuple[Tensor, Tensor], weight: Any, complaint: str) -> None:
    adapter = LossAdapter(TverskyLoss(), TargetFormat(0, 3, instances=True), voxel_weight=lambda *_: weight)
    with pytest.raises(StopTraining, match=complaint) as stop:
        adapter(*problem)
    assert "\n" not in str(stop.value.code)
