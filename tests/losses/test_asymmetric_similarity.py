import pytest
import torch
from hypothesis import given

from nnunet_losses.losses import asymmetric_similarity_loss, dice_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem


def test_four_voxels_by_hand():
    # F_β = (1 + β²) TP / ((1 + β²) TP + β² FN + FP) with β² = 2.25
    expected = 1 - 3.25 * 1.2 / (3.25 * 1.2 + 2.25 * 0.8 + 0.6)
    assert asymmetric_similarity_loss(LOGITS, LABELS, smooth=0).item() == pytest.approx(expected)


@given(SEEDS)
def test_beta_one_is_dice(seed: int):
    problem = random_problem(seed)
    ours = asymmetric_similarity_loss(*problem, beta=1, smooth=1)
    torch.testing.assert_close(ours, dice_loss(*problem, smooth=2))
