import math

import pytest
import torch
from hypothesis import given
from torch.nn import functional as F

from nnunet_losses.losses import cross_entropy_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem


def test_four_voxels_by_hand():
    expected = -(math.log(0.8) + math.log(0.4) + math.log(0.5) + math.log(0.9)) / 4
    assert cross_entropy_loss(LOGITS, LABELS).item() == pytest.approx(expected)


def test_weights_multiply_and_only_voxels_that_count_are_counted():
    weight = torch.tensor([3.0, 0.0, 1.0, 0.0]).view(1, 1, 2, 2)
    expected = -(3 * math.log(0.8) + math.log(0.5)) / 2
    assert cross_entropy_loss(LOGITS, LABELS, weight).item() == pytest.approx(expected)


@given(SEEDS)
def test_labels_equal_torch(seed: int):
    logits, labels = random_problem(seed)
    torch.testing.assert_close(cross_entropy_loss(logits, labels), F.cross_entropy(logits, labels[:, 0].long()))


@given(SEEDS)
def test_regions_equal_torch(seed: int):
    logits, regions = random_problem(seed, regions=True)
    expected = F.binary_cross_entropy_with_logits(logits, regions.double())
    torch.testing.assert_close(cross_entropy_loss(logits, regions, regions=True), expected)


def test_a_confident_right_answer_keeps_its_digits():
    # log(1 − σ(−20)) = −2e-9 drowns in float32 if it is computed as a difference of numbers near 20
    logits = torch.tensor([20.0, -20.0]).view(1, 2, 1, 1)
    regions = torch.tensor([True, False]).view(1, 2, 1, 1)
    loss = cross_entropy_loss(logits, regions, regions=True)
    assert loss.item() == pytest.approx(math.log1p(math.exp(-20)), rel=1e-5)
