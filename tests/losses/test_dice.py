import pytest
import torch
from hypothesis import given
from monai.losses import DiceLoss as MonaiDice
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from nnunetv2.utilities.helpers import softmax_helper_dim1

from nnunet_losses.losses import dice_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem


def test_four_voxels_by_hand():
    # 2·1.2 / (1.8 + 2)
    assert dice_loss(LOGITS, LABELS, smooth=0).item() == pytest.approx(1 - 2.4 / 3.8)


def test_four_voxels_squared_by_hand():
    # 2·1.2 / (1.06 + 2)
    assert dice_loss(LOGITS, LABELS, squared=True, smooth=0).item() == pytest.approx(1 - 2.4 / 3.06)


@given(SEEDS)
def test_loss_lies_between_0_and_1(seed: int):
    for squared in (False, True):
        assert 0 <= dice_loss(*random_problem(seed), squared=squared) <= 1


def test_an_absent_class_costs_nothing_with_smooth_and_all_without():
    logits = torch.tensor([60.0, -60.0]).view(1, 2, 1, 1).expand(1, 2, 3, 3)
    labels = torch.zeros(1, 1, 3, 3, dtype=torch.int16)
    assert dice_loss(logits, labels).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(logits, labels, smooth=0).item() == 1


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("include_background", [False, True])
def test_labels_equal_monai(include_background: bool, squared: bool, batch: bool):
    logits, labels = random_problem(3)
    monai = MonaiDice(
        include_background=include_background,
        to_onehot_y=True,
        softmax=True,
        squared_pred=squared,
        smooth_nr=1e-5,
        smooth_dr=1e-5,
        batch=batch,
    )
    ours = dice_loss(logits, labels, squared=squared, include_background=include_background, batch=batch)
    torch.testing.assert_close(ours, monai(logits, labels))


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("smooth", [0, 1e-5, 1.0])
def test_labels_equal_nnunet(smooth: float, batch: bool):
    logits, labels = random_problem(4)
    nnunet = MemoryEfficientSoftDiceLoss(softmax_helper_dim1, batch_dice=batch, do_bg=False, smooth=smooth, ddp=False)
    ours = dice_loss(logits, labels, smooth=smooth, batch=batch)
    torch.testing.assert_close(ours.float() - 1, nnunet(logits, labels).float())
