import torch
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.losses import DiceHausdorffLoss, dice_hausdorff_loss, dice_loss, hausdorff_loss

from .problems import SEEDS, random_problem


@given(SEEDS, st.integers(0, 300))
def test_it_is_the_weighted_sum_of_its_parts(seed: int, epoch: int):
    problem, share = random_problem(seed), min(0.01 + 0.01 * epoch, 0.99)
    dice, hausdorff = dice_loss(*problem), hausdorff_loss(*problem, spacing=(1.0, 2.0, 3.0))
    found = dice_hausdorff_loss(*problem, epoch=epoch, spacing=(1.0, 2.0, 3.0))
    torch.testing.assert_close(found, (1 - share) * dice + share * hausdorff)
    increased = dice_hausdorff_loss(*problem, balance="increase", epoch=epoch, spacing=(1.0, 2.0, 3.0))
    torch.testing.assert_close(increased, dice + share * hausdorff)


@given(SEEDS)
def test_the_ratio_makes_both_parts_equal_and_counts_as_fixed_in_the_gradient(seed: int):
    logits, labels = random_problem(seed)
    logits.requires_grad_()
    dice, hausdorff = dice_loss(logits, labels), hausdorff_loss(logits, labels, distances="inside")
    found = dice_hausdorff_loss(logits, labels, balance="ratio", distances="inside")
    torch.testing.assert_close(found, 2 * hausdorff, rtol=1e-3, atol=1e-9)
    (of_dice,) = torch.autograd.grad(dice, logits)
    (of_hausdorff,) = torch.autograd.grad(hausdorff, logits)
    (gradient,) = torch.autograd.grad(found, logits)
    ratio = (hausdorff / (dice + 1e-5)).item()
    torch.testing.assert_close(gradient, ratio * of_dice + of_hausdorff)


def test_it_asks_for_spacing_and_epoch():
    assert DiceHausdorffLoss().needs == {"spacing", "epoch"}
