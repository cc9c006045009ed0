import math

import pytest
import torch
from hypothesis import given

from nnunet_losses.losses import focal_loss, focal_tversky_loss, mixed_focal_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem


def test_four_voxels_by_hand():
    # foreground: TP 1.2, FP .6, FN .8; background: TP 1.4, FP .8, FN .6
    foreground, background = 1.2 / (1.2 + 0.3 * 0.6 + 0.7 * 0.8), 1.4 / (1.4 + 0.3 * 0.8 + 0.7 * 0.6)
    overlap = ((1 - foreground) ** 0.75 + (1 - background) ** 0.75) / 2
    truths = [0.8, 0.4, 0.5, 0.9]
    focal = -sum((1 - p) ** 2 * math.log(p) for p in truths) / 4
    assert mixed_focal_loss(LOGITS, LABELS, smooth=0).item() == pytest.approx(overlap + focal)
    balanced = mixed_focal_loss(LOGITS, LABELS, balance=0.7, smooth=0)
    assert balanced.item() == pytest.approx(0.7 * overlap + 0.3 * focal)


@given(SEEDS)
def test_its_ends_are_its_parts(seed: int):
    problem = random_problem(seed)
    overlap = focal_tversky_loss(*problem, smooth=1e-6, include_background=True)
    torch.testing.assert_close(mixed_focal_loss(*problem, balance=1), overlap)
    torch.testing.assert_close(mixed_focal_loss(*problem, balance=0), focal_loss(*problem, alpha=None))
