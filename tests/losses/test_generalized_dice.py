import pytest
import torch
from hypothesis import given
from monai.losses import GeneralizedDiceLoss as MonaiGeneralizedDice

from nnunet_losses.losses import GeneralizedDiceLoss, dice_loss, generalized_dice_loss
from nnunet_losses.losses.generalized_dice import class_weights

from .problems import LABELS, LOGITS, SEEDS, random_problem


def test_four_voxels_by_hand():
    # both classes have two voxels, hence equal weights: background TP = .5 + .9, Σp = 2.2
    assert generalized_dice_loss(LOGITS, LABELS, smooth=0).item() == pytest.approx(1 - 2 * (1.2 + 1.4) / (4 + 4))


def test_three_voxels_of_one_class_weigh_a_ninth_of_one_of_the_other():
    labels = torch.tensor([1, 0, 0, 0]).view(1, 1, 2, 2)
    # foreground: TP = .8, Σp + Σg = 1.8 + 1; background: TP = .6 + .5 + .9, Σp + Σg = 2.2 + 3
    expected = 1 - 2 * (0.8 + 2.0 / 9) / (2.8 + 5.2 / 9)
    assert generalized_dice_loss(LOGITS, labels, smooth=0).item() == pytest.approx(expected)


@given(SEEDS)
def test_loss_lies_between_0_and_1(seed: int):
    assert 0 <= generalized_dice_loss(*random_problem(seed)) <= 1


def test_weights_do_not_cancel():
    logits, labels = random_problem(0)
    labels = torch.where(labels == 2, 1, labels)
    labels[:, :, 0, 0, 0] = 2
    assert generalized_dice_loss(logits, labels).item() != pytest.approx(
        dice_loss(logits, labels, include_background=True).item(), rel=1e-3
    )


def test_an_absent_class_gets_the_largest_finite_weight():
    weights = class_weights(torch.tensor([[100.0, 0.0, 5.0], [0.0, 0.0, 0.0]]))
    torch.testing.assert_close(weights, torch.tensor([[0.0025, 1.0, 1.0], [1.0, 1.0, 1.0]]))


def test_equals_monai_where_no_class_is_absent_and_smooth_does_not_matter():
    logits, labels = random_problem(7)
    assert all(len(sample.unique()) == 3 for sample in labels)
    monai = MonaiGeneralizedDice(to_onehot_y=True, softmax=True, smooth_nr=0, smooth_dr=0)
    torch.testing.assert_close(generalized_dice_loss(logits, labels, smooth=0), monai(logits, labels))


def test_smooth_does_not_hide_a_missed_organ_as_it_does_in_monai():
    labels = torch.zeros(1, 1, 64, 64, 64, dtype=torch.int16)
    labels[:, :, :32] = 1
    logits = torch.where(torch.arange(2).view(1, 2, 1, 1, 1) == 0, 20.0, -20.0).expand(1, 2, 64, 64, 64)
    monai = MonaiGeneralizedDice(include_background=False, to_onehot_y=True, softmax=True)
    assert monai(logits, labels).item() < 0.5  # 1/V² is 1e-10, its smooth 1e-5
    assert generalized_dice_loss(logits, labels, include_background=False).item() == pytest.approx(1, abs=1e-5)


def test_weights_of_the_training_cases_by_hand():
    # shares .75, .25: weights 1/9 and 1 whatever the patch holds; TP = 1.2 and 1.4, Σp = 1.8 and 2.2, Σg = 2
    expected = 1 - 2 * (1.2 + 1.4 / 9) / (3.8 + 4.2 / 9)
    shares = torch.tensor([0.75, 0.25])
    loss = generalized_dice_loss(LOGITS, LABELS, fold=True, smooth=0, class_frequencies=shares)
    assert loss.item() == pytest.approx(expected)
    foreground = generalized_dice_loss(
        LOGITS, LABELS, fold=True, smooth=0, include_background=False, class_frequencies=shares
    )
    assert foreground.item() == pytest.approx(1 - 2 * 1.2 / 3.8)


@given(SEEDS)
def test_without_training_cases_fold_means_the_batch(seed: int):
    problem = random_problem(seed)
    torch.testing.assert_close(
        generalized_dice_loss(*problem, fold=True, batch=True), generalized_dice_loss(*problem, batch=True)
    )


def test_class_frequencies_are_needed_for_fold_alone():
    assert "class_frequencies" in GeneralizedDiceLoss(fold=True).needs
    assert not GeneralizedDiceLoss().needs
    patch = GeneralizedDiceLoss()(LOGITS, LABELS, class_frequencies=torch.tensor([0.75, 0.25]))
    assert patch.item() == generalized_dice_loss(LOGITS, LABELS).item()
