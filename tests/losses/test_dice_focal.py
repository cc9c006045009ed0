import torch
from hypothesis import given

from nnunet_losses.losses import dice_cross_entropy_loss, dice_focal_loss, dice_loss, focal_loss

from .problems import SEEDS, random_problem


@given(SEEDS)
def test_it_is_the_sum_of_its_parts(seed: int):
    problem = random_problem(seed)
    torch.testing.assert_close(dice_focal_loss(*problem), dice_loss(*problem) + focal_loss(*problem, alpha=0.5))


@given(SEEDS)
def test_without_gamma_and_alpha_it_is_dice_and_cross_entropy(seed: int):
    problem = random_problem(seed)
    expected = 1 + dice_cross_entropy_loss(*problem)
    torch.testing.assert_close(dice_focal_loss(*problem, gamma=0, alpha=None), expected)
