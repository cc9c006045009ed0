import torch
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.losses import DiceBoundaryLoss, boundary_loss, dice_boundary_loss, dice_loss, generalized_dice_loss

from .problems import SEEDS, random_problem


@given(SEEDS, st.integers(0, 300))
def test_it_is_the_weighted_sum_of_its_parts(seed: int, epoch: int):
    problem, alpha = random_problem(seed), min(0.01 + 0.01 * epoch, 0.99)
    expected = (1 - alpha) * dice_loss(*problem) + alpha * boundary_loss(*problem, spacing=(1.0, 2.0, 3.0))
    torch.testing.assert_close(dice_boundary_loss(*problem, epoch=epoch, spacing=(1.0, 2.0, 3.0)), expected)


@given(SEEDS)
def test_the_sum_of_ma_and_the_start_of_kervadec(seed: int):
    problem = random_problem(seed)
    ma = dice_boundary_loss(*problem, balance="increase", start=1, cap=1)
    torch.testing.assert_close(ma, dice_loss(*problem) + boundary_loss(*problem))
    kervadec = dice_boundary_loss(*problem, overlap="generalized", balance="steal", shifted=True)
    expected = generalized_dice_loss(*problem) + 0.01 * boundary_loss(*problem, shifted=True)
    torch.testing.assert_close(kervadec, expected)


def test_it_asks_for_spacing_and_epoch():
    loss = DiceBoundaryLoss()
    assert loss.needs == {"spacing", "epoch"}
    problem = random_problem(0)
    torch.testing.assert_close(loss(*problem, epoch=5), dice_boundary_loss(*problem, epoch=5))
    assert loss(*problem, epoch=5) != loss(*problem, epoch=6)
