import pytest
import torch
from hypothesis import given

from nnunet_losses.losses import generalized_dice_loss, penalty_generalized_dice_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem


def test_four_voxels_by_hand():
    dice = 2 * (1.2 + 1.4) / (4 + 4)
    expected = (1 - dice) / (1 + 2.5 * dice)
    assert penalty_generalized_dice_loss(LOGITS, LABELS, smooth=0).item() == pytest.approx(expected)


@given(SEEDS)
def test_without_penalty_it_is_generalized_dice(seed: int):
    problem = random_problem(seed)
    torch.testing.assert_close(penalty_generalized_dice_loss(*problem, penalty=0), generalized_dice_loss(*problem))


@given(SEEDS)
def test_it_lies_between_0_and_generalized_dice(seed: int):
    problem = random_problem(seed)
    assert 0 <= penalty_generalized_dice_loss(*problem) <= generalized_dice_loss(*problem)
