import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.losses import combo_loss, cross_entropy_loss, dice_loss
from nnunet_losses.losses.combo import log_complements

from .problems import LABELS, LOGITS, SEEDS, random_problem

TRUTHS = [0.8, 0.4, 0.5, 0.9]


def test_four_voxels_by_hand():
    # two classes: p of the truth and 1 − p of the other class are the same; Σpg = 1.2 + 1.4, Σp = Σg = 4
    entropy = -sum(0.7 * math.log(p) + 0.3 * math.log(p) for p in TRUTHS) / 8
    pooled = (2 * 2.6 + 1) / (8 + 1)
    assert combo_loss(LOGITS, LABELS, alpha=0.4, beta=0.7).item() == pytest.approx(0.4 * entropy - 0.6 * pooled)
    per_class = ((2 * 1.2 + 1) / (3.8 + 1) + (2 * 1.4 + 1) / (4.2 + 1)) / 2
    assert combo_loss(LOGITS, LABELS, alpha=0, per_class=True).item() == pytest.approx(-per_class)
    # the foreground alone: .8, .4 are to be high, .5, .1 low
    entropy = -(0.7 * (math.log(0.8) + math.log(0.4)) + 0.3 * (math.log(0.5) + math.log(0.9))) / 4
    assert combo_loss(LOGITS, LABELS, alpha=1, beta=0.7, include_background=False).item() == pytest.approx(entropy)


@given(SEEDS, st.booleans())
def test_positives_alone_are_cross_entropy(seed: int, weighted: bool):
    logits, labels = random_problem(seed)
    weight = torch.randint(0, 3, (2, 1, 2, 2, 3), generator=torch.Generator().manual_seed(seed)) if weighted else None
    expected = cross_entropy_loss(logits, labels, weight) / 3  # one of the three terms of a voxel is positive
    torch.testing.assert_close(combo_loss(logits, labels, weight, alpha=1, beta=1), expected)


@given(SEEDS)
def test_equal_weights_are_half_the_binary_cross_entropy(seed: int):
    logits, target = random_problem(seed, regions=True)
    expected = cross_entropy_loss(logits, target, regions=True) / 2
    torch.testing.assert_close(combo_loss(logits, target, alpha=1, regions=True), expected)


@given(SEEDS, st.booleans(), st.booleans())
def test_without_cross_entropy_it_is_dice(seed: int, regions: bool, batch: bool):
    problem = random_problem(seed, regions=regions)
    modes = {"regions": regions, "include_background": True, "batch": batch, "smooth": 1.0}
    torch.testing.assert_close(combo_loss(*problem, alpha=0, per_class=True, **modes), dice_loss(*problem, **modes) - 1)


@given(SEEDS, st.sampled_from([2, 3, 20]), st.floats(0.1, 50))
def test_logarithm_of_the_complement_is_exact(seed: int, classes: int, size: float):
    generator = torch.Generator().manual_seed(seed)
    logits = size * torch.randn(2, classes, 7, generator=generator)
    others = [torch.cat([logits[:, :c], logits[:, c + 1 :]], 1).double() for c in range(classes)]
    expected = torch.stack([x.logsumexp(1) for x in others], 1) - logits.double().logsumexp(1, keepdim=True)
    torch.testing.assert_close(log_complements(logits).double(), expected, rtol=1e-5, atol=1e-5)
    assert torch.autograd.gradcheck(log_complements, logits.double().requires_grad_(), fast_mode=True)


def test_a_sure_mistake_has_the_slope_of_its_logit():
    logits = torch.tensor([6e4, -6e4, 0.0]).view(1, 3, 1).requires_grad_()
    value = log_complements(logits)
    torch.testing.assert_close(value.flatten(), torch.tensor([-6e4, 0.0, 0.0]))
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    torch.testing.assert_close(gradient.flatten(), torch.tensor([-1.0, 0.0, 1.0]))


def test_a_false_positive_costs_unlike_in_the_authors_code():
    wrong, right = (torch.tensor([-x, x]).view(1, 2, 1, 1) for x in (3.0, -3.0))
    nothing = torch.zeros(1, 1, 1, 1, dtype=torch.int16)
    foreground = {"alpha": 1, "beta": 0.3, "include_background": False}
    assert combo_loss(wrong, nothing, **foreground) > combo_loss(right, nothing, **foreground) > 0
