"""From nnU-Net's output and target to the call of a loss."""

from typing import Any

import pytest
import torch
from torch import Tensor

from nnunet_losses.losses import CrossEntropyLoss, TverskyLoss, inverse_weights
from nnunet_losses.nnunet.training.adapter import LossAdapter
from nnunet_losses.nnunet.training.errors import StopTraining
from nnunet_losses.nnunet.training.target import TargetFormat
from nnunet_losses.nnunet.training.transforms import AppendInstanceIds

IGNORE = 3


@pytest.fixture
def problem() -> tuple[Tensor, Tensor]:
    """Logits of three classes, and a target with ignored voxels and instance ids."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (2, 1, 6, 5, 4), generator=generator, dtype=torch.int16)
    ids = AppendInstanceIds(0, IGNORE)
    target = torch.stack([ids._apply_to_segmentation(sample) for sample in labels])
    return torch.randn(2, 3, 6, 5, 4, generator=generator), target


class Told(torch.nn.Module):
    """Stands for a loss, and keeps what it is told."""

    def forward(self, logits: Tensor, target: Tensor, weight: Tensor | None, **told: Any) -> Tensor:
        self.told = {"logits": logits, "target": target, "weight": weight} | told
        return logits.sum()


def test_the_loss_is_told_everything(problem: tuple[Tensor, Tensor]) -> None:
    logits, target = problem
    frequencies = torch.tensor([0.9, 0.08, 0.02])
    adapter = LossAdapter(
        Told(),
        TargetFormat(0, IGNORE, instances=True),
        patch_size=(12, 10, 4),
        spacing=(3.0, 1.0, 0.5),
        class_frequencies=frequencies,
    )
    adapter.epoch = 7
    assert torch.equal(adapter(logits, target), logits.sum())
    told = adapter.loss.told
    assert torch.equal(told["logits"], logits)
    assert torch.equal(told["target"], target[:, :1])
    assert torch.equal(told["weight"], (target[:, :1] != IGNORE).float())
    assert torch.equal(told["instances"], target[:, 1:])
    assert told["spacing"] == (6.0, 2.0, 0.5)  # half the resolution along two axes
    assert told["epoch"] == 7
    assert told["class_frequencies"] is frequencies


def test_what_nobody_gives_is_none(problem: tuple[Tensor, Tensor]) -> None:
    logits, target = problem
    adapter = LossAdapter(Told(), TargetFormat(0, None, instances=False))
    adapter(logits, target[:, :1])
    told = adapter.loss.told
    assert [told[key] for key in ("weight", "instances", "spacing", "class_frequencies")] == [None] * 4
    assert told["epoch"] == 0


@pytest.mark.parametrize("weighting", [None, "iw", "iwpos"])
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("ignore", [None, IGNORE])
def test_all_weights_are_multiplied(
    problem: tuple[Tensor, Tensor], weighting: str | None, own: bool, stored: bool, ignore: int | None
) -> None:
    logits, target = problem
    if ignore is None:
        target = target.where(target[:, :1] != IGNORE, 0)
    valid = None if ignore is None else target[:, :1] != ignore
    expected = torch.ones(2, 1, 6, 5, 4) if valid is None else valid.float()
    if weighting is not None:
        expected = inverse_weights(target[:, 1:].contiguous(), valid, definition=weighting)
    generator = torch.Generator().manual_seed(1)
    factors = torch.rand(2, 2, 1, 6, 5, 4, generator=generator)
    expected = expected * (factors[0] if own else 1) * (factors[1] if stored else 1)
    if stored:
        target = torch.cat((target.float(), factors[1]), 1)
    layout = TargetFormat(0, ignore, instances=True, weights=stored)
    adapter = LossAdapter(Told(), layout, weighting, voxel_weight=(lambda *_: factors[0]) if own else None)
    adapter(logits, target)
    weight = adapter.loss.told["weight"]
    if weight is None:
        assert (expected == 1).all()
    else:
        torch.testing.assert_close(weight, expected)


def test_own_weights_for_each_class_reach_the_loss(problem: tuple[Tensor, Tensor]) -> None:
    logits, target = problem
    own = torch.rand(2, 3, 6, 5, 4)
    adapter = LossAdapter(TverskyLoss(), TargetFormat(0, IGNORE, instances=True), voxel_weight=lambda *_: own)
    valid = target[:, :1] != IGNORE
    assert torch.equal(adapter(logits, target), TverskyLoss()(logits, target[:, :1], own * valid))


def test_own_weights_follow_from_the_reference_and_its_components(problem: tuple[Tensor, Tensor]) -> None:
    logits, target = problem
    got: list[Tensor] = []

    def only_first_class(reference: Tensor, instances: Tensor) -> Tensor:
        got.extend((reference, instances))
        return reference == 1

    adapter = LossAdapter(CrossEntropyLoss(), TargetFormat(0, None, instances=True), voxel_weight=only_first_class)
    target = target.where(target[:, :1] != IGNORE, 0)
    value = adapter(logits, target)
    assert torch.equal(torch.cat(got, 1), target)
    surprise = -logits.log_softmax(1)[:, 1:2][target[:, :1] == 1]
    torch.testing.assert_close(value, surprise.mean())


@pytest.mark.parametrize(
    ("weight", "complaint"),
    [
        (torch.ones(2, 6, 5, 4), r"of shape \(2, 1, 6, 5, 4\) or \(2, 3, 6, 5, 4\), but returned \(2, 6, 5, 4\)"),
        (torch.ones(2, 2, 6, 5, 4), r"but returned \(2, 2, 6, 5, 4\)"),
        (1.0, "but returned float"),
        (None, "but returned NoneType"),
        (-torch.ones(2, 1, 6, 5, 4), "finite weights ≥ 0, but returned -1 to -1"),
        (torch.full((2, 1, 6, 5, 4), torch.nan), "finite weights ≥ 0, but returned nan"),
        (torch.full((2, 1, 6, 5, 4), torch.inf), "but returned inf to inf"),
    ],
)
def test_impossible_weights_end_the_training(problem: tuple[Tensor, Tensor], weight: Any, complaint: str) -> None:
    adapter = LossAdapter(TverskyLoss(), TargetFormat(0, IGNORE, instances=True), voxel_weight=lambda *_: weight)
    with pytest.raises(StopTraining, match=complaint) as stop:
        adapter(*problem)
    assert "\n" not in str(stop.value.code)


def test_a_weight_of_0_is_possible(problem: tuple[Tensor, Tensor]) -> None:
    own = torch.zeros(2, 1, 6, 5, 4, dtype=torch.int64)
    adapter = LossAdapter(Told(), TargetFormat(0, None, instances=True), voxel_weight=lambda *_: own)
    adapter(*problem)
    weight = adapter.loss.told["weight"]
    assert weight.dtype == torch.float32
    assert (weight == 0).all()


def test_the_adapter_says_what_it_does() -> None:
    text = repr(LossAdapter(TverskyLoss(fp_weight=0.1), TargetFormat(0, None, instances=True), "iw"))
    assert "fp_weight=0.1" in text
    assert "weighting='iw'" in text
    assert "TargetFormat(regions=0" in text
