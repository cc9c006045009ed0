import math

import pytest
import torch
from hypothesis import given

from nnunet_losses.losses import cross_entropy_loss, tversky_loss, unified_focal_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem

FOREGROUND = 1.2 / (1.2 + 0.4 * 0.6 + 0.6 * 0.8)
BACKGROUND = 1.4 / (1.4 + 0.4 * 0.8 + 0.6 * 0.6)


def test_four_voxels_by_hand_asymmetric():
    overlap = ((1 - BACKGROUND) + (1 - FOREGROUND) ** 0.5) / 2
    entropy = -0.6 * (math.log(0.8) + math.log(0.4))
    entropy -= 0.4 * (0.5**0.5 * math.log(0.5) + 0.1**0.5 * math.log(0.9))
    loss = unified_focal_loss(LOGITS, LABELS, smooth=0)
    assert loss.item() == pytest.approx(0.5 * overlap + 0.5 * entropy / 4)


def test_four_voxels_by_hand_symmetric():
    overlap = ((1 - BACKGROUND) ** 0.5 + (1 - FOREGROUND) ** 0.5) / 2
    entropy = -0.6 * (0.2**0.5 * math.log(0.8) + 0.6**0.5 * math.log(0.4))
    entropy -= 0.4 * (0.5**0.5 * math.log(0.5) + 0.1**0.5 * math.log(0.9))
    loss = unified_focal_loss(LOGITS, LABELS, form="symmetric", smooth=0)
    assert loss.item() == pytest.approx(0.5 * overlap + 0.5 * entropy / 4)


@given(SEEDS)
def test_without_focus_it_is_tversky_and_half_the_cross_entropy(seed: int):
    problem = random_problem(seed)
    tversky = tversky_loss(*problem, fp_weight=0.5, fn_weight=0.5, smooth=1e-6, include_background=True)
    for form in ("symmetric", "asymmetric"):
        settings = {"form": form, "gamma": 0, "delta": 0.5}
        torch.testing.assert_close(unified_focal_loss(*problem, balance=1, **settings), tversky)
        entropy = unified_focal_loss(*problem, balance=0, **settings)
        torch.testing.assert_close(entropy, 0.5 * cross_entropy_loss(*problem))
