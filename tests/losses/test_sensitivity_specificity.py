import pytest
import torch

from nnunet_losses.losses import sensitivity_specificity_loss

from .problems import LABELS, LOGITS, four_voxels


def test_four_voxels_by_hand():
    on, off = (0.2**2 + 0.6**2) / 2, (0.5**2 + 0.1**2) / 2
    loss = sensitivity_specificity_loss(LOGITS, LABELS, sensitivity_weight=0.05)
    assert loss.item() == pytest.approx(0.05 * on + 0.95 * off)


def test_the_weight_is_that_of_the_missed_lesion():
    missed, invented = four_voxels([0.1, 0.1, 0.1, 0.1]), four_voxels([0.9, 0.9, 0.9, 0.9])
    for r in (0.1, 0.9):
        difference = sensitivity_specificity_loss(missed, LABELS, sensitivity_weight=r) - sensitivity_specificity_loss(
            invented, LABELS, sensitivity_weight=r
        )
        assert (difference > 0) == (r > 0.5)


def test_a_patch_without_lesion_is_judged_by_the_rest_alone():
    empty = torch.zeros_like(LABELS)
    loss = sensitivity_specificity_loss(LOGITS, empty, sensitivity_weight=0.05)
    assert loss.item() == pytest.approx(0.95 * (0.8**2 + 0.4**2 + 0.5**2 + 0.1**2) / 4)
