import pytest
import torch
from hypothesis import given

from nnunet_losses.losses import dice_loss, iou_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem


def test_four_voxels_by_hand():
    assert iou_loss(LOGITS, LABELS, smooth=0).item() == pytest.approx(1 - 1.2 / 2.6)


@given(SEEDS)
def test_iou_follows_from_dice_where_there_is_one_ratio(seed: int):
    logits, labels = random_problem(seed, classes=2)
    labels[:, :, 0, 0, 0] = 1
    dice = 1 - dice_loss(logits, labels, smooth=0, batch=True)
    torch.testing.assert_close(1 - iou_loss(logits, labels, smooth=0, batch=True), dice / (2 - dice))
