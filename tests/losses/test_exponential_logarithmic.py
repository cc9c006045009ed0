import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.losses import cross_entropy_loss, dice_loss, exponential_logarithmic_loss

from .problems import LOGITS, SEEDS, random_problem

# foreground on the first of four voxels, predicted .8 there and .4, .5, .1 elsewhere
UNEQUAL = torch.tensor([1, 0, 0, 0]).view(1, 1, 2, 2)
TRUTHS = [0.8, 0.6, 0.5, 0.9]


def test_four_voxels_by_hand():
    # foreground: Σpg .8, Σp 1.8, Σg 1; background: Σpg 2, Σp 2.2, Σg 3; ε 1
    dice = [(2 * 0.8 + 1) / (2.8 + 1), (2 * 2 + 1) / (5.2 + 1)]
    overlap = sum((-math.log(d)) ** 0.3 for d in dice) / 2
    for frequencies, weights in ((None, [2, *[(4 / 3) ** 0.5] * 3]), ([0.96, 0.04], [5, *[0.96**-0.5] * 3])):
        entropy = sum(w * (-math.log(p)) ** 0.3 for w, p in zip(weights, TRUTHS, strict=True)) / 4
        given_shares = None if frequencies is None else torch.tensor(frequencies, dtype=torch.float64)
        loss = exponential_logarithmic_loss(LOGITS, UNEQUAL, class_frequencies=given_shares)
        assert loss.item() == pytest.approx(0.8 * overlap + 0.2 * entropy)


@given(SEEDS, st.booleans())
def test_without_powers_it_is_log_dice_and_cross_entropy(seed: int, regions: bool):
    problem = random_problem(seed, regions=regions)
    plain = {"dice_gamma": 1, "ce_gamma": 1, "power": 0, "regions": regions}
    entropy = cross_entropy_loss(*problem, regions=regions)
    torch.testing.assert_close(exponential_logarithmic_loss(*problem, dice_weight=0, **plain), entropy)
    # of one sample and one class, log-Dice is the logarithm of Dice
    one = [x[:1, :2] if regions else x[:1] for x in problem]
    one = [one[0][:, :1], one[1][:, :1]] if regions else [one[0][:, :2], one[1].clamp_max(1)]
    modes = {"include_background": False, "smooth": 1.0, "regions": regions}
    log_dice = exponential_logarithmic_loss(*one, dice_weight=1, **(plain | modes))
    torch.testing.assert_close(log_dice, -(1 - dice_loss(*one, **modes)).log())


@given(SEEDS)
def test_its_ends_are_its_parts(seed: int):
    problem = random_problem(seed)
    first, second = (exponential_logarithmic_loss(*problem, dice_weight=share) for share in (1, 0))
    torch.testing.assert_close(exponential_logarithmic_loss(*problem), 0.8 * first + 0.2 * second)


@pytest.mark.parametrize("gamma", [0.1, 0.3, 1, 2])
def test_slopes_are_finite_where_all_is_right_and_where_nothing_is(gamma: float):
    one_hot = torch.nn.functional.one_hot(UNEQUAL[:, 0], 2).movedim(-1, 1)
    for dtype, size in itertools.product((torch.float32, torch.float64), (-6e4, -60, 20, 60, 6e4)):
        logits = (size * (2 * one_hot.to(dtype) - 1)).requires_grad_()
        loss = exponential_logarithmic_loss(logits, UNEQUAL, dice_gamma=gamma, ce_gamma=gamma, smooth=0)
        assert loss.isfinite()
        (gradient,) = torch.autograd.grad(loss, logits)
        assert gradient.isfinite().all()
        if size > 0 and dtype == torch.float64:
            assert gradient.abs().max() < 1e-6


def test_a_rare_class_counts_more_the_rarer_it_is():
    blind = torch.zeros(1, 2, 2, 2)
    losses = [
        exponential_logarithmic_loss(blind, UNEQUAL, class_frequencies=torch.tensor([1 - f, f])).item()
        for f in (0.5, 0.1, 0.001)
    ]
    assert losses == sorted(losses)
