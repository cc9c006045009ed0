import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.losses import FocalLoss as MonaiFocal

from nnunet_losses.losses import cross_entropy_loss, focal_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem


def test_four_voxels_by_hand():
    foreground = 0.2**2 * math.log(0.8) + 0.6**2 * math.log(0.4)
    background = 0.5**2 * math.log(0.5) + 0.1**2 * math.log(0.9)
    assert focal_loss(LOGITS, LABELS).item() == pytest.approx(-(0.25 * foreground + 0.75 * background) / 4)
    assert focal_loss(LOGITS, LABELS, alpha=None).item() == pytest.approx(-(foreground + background) / 4)


@given(SEEDS)
def test_without_gamma_and_alpha_it_is_cross_entropy(seed: int):
    problem = random_problem(seed)
    torch.testing.assert_close(focal_loss(*problem, gamma=0, alpha=None), cross_entropy_loss(*problem))


@given(SEEDS, st.floats(0, 5))
def test_it_never_exceeds_cross_entropy_and_falls_with_gamma(seed: int, gamma: float):
    problem = random_problem(seed)
    loss = focal_loss(*problem, gamma=gamma, alpha=None)
    assert 0 <= focal_loss(*problem, gamma=gamma + 0.5, alpha=None) <= loss + 1e-12
    assert loss <= cross_entropy_loss(*problem) + 1e-12


@pytest.mark.parametrize("alpha", [0.25, None])
def test_regions_equal_monai(alpha: float | None):
    logits, regions = random_problem(5, regions=True, dtype=torch.float32)
    monai = MonaiFocal(gamma=2.0, alpha=alpha)
    ours = focal_loss(logits, regions, alpha=alpha, regions=True)
    torch.testing.assert_close(ours, monai(logits, regions.float()))


def test_labels_equal_monai_but_for_its_mean_over_the_zeros_of_the_other_classes():
    logits, labels = random_problem(6, dtype=torch.float32)
    monai = MonaiFocal(gamma=2.0, to_onehot_y=True, use_softmax=True)
    torch.testing.assert_close(focal_loss(logits, labels, alpha=None), 3 * monai(logits, labels))
