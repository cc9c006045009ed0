import pytest
import torch
from hypothesis import given
from monai.losses import TverskyLoss as MonaiTversky

from nnunet_losses.losses import asymmetric_similarity_loss, dice_loss, tversky_loss

from .problems import LABELS, LOGITS, SEEDS, WEIGHTS, random_problem


def test_four_voxels_by_hand():
    # 1.2 / (1.2 + .3·.6 + .7·.8) = 1.2 / 1.94
    assert tversky_loss(LOGITS, LABELS, smooth=0).item() == pytest.approx(1 - 1.2 / 1.94)


def test_four_voxels_with_one_ignored():
    # without the third: TP = 1.2, FP = .1, FN = .8
    weight = torch.tensor([1.0, 1.0, 0.0, 1.0]).view(1, 1, 2, 2)
    assert tversky_loss(LOGITS, LABELS, weight, smooth=0).item() == pytest.approx(1 - 1.2 / (1.2 + 0.03 + 0.56))


def test_smooth_is_added_above_and_below():
    assert tversky_loss(LOGITS, LABELS, smooth=1).item() == pytest.approx(1 - 2.2 / 2.94)


@given(SEEDS)
def test_halves_are_dice(seed: int):
    logits, labels = random_problem(seed)
    tversky = tversky_loss(logits, labels, fp_weight=0.5, fn_weight=0.5, smooth=1)
    torch.testing.assert_close(tversky, dice_loss(logits, labels, smooth=2))


@given(SEEDS, WEIGHTS, WEIGHTS)
def test_loss_lies_between_0_and_1(seed: int, fp: float, fn: float):
    assert -1e-12 <= tversky_loss(*random_problem(seed), fp_weight=fp, fn_weight=fn) <= 1 + 1e-12


@given(SEEDS, WEIGHTS, WEIGHTS)
def test_heavier_errors_cost_more(seed: int, fp: float, fn: float):
    problem = random_problem(seed)
    loss = tversky_loss(*problem, fp_weight=fp, fn_weight=fn)
    assert tversky_loss(*problem, fp_weight=fp + 0.5, fn_weight=fn) >= loss - 1e-12
    assert tversky_loss(*problem, fp_weight=fp, fn_weight=fn + 0.5) >= loss - 1e-12


@given(SEEDS)
def test_asymmetric_similarity_is_tversky_with_weights_by_beta(seed: int):
    problem = random_problem(seed)
    for beta in (0.5, 1.5, 2.0):
        fp, fn = 1 / (1 + beta**2), beta**2 / (1 + beta**2)
        torch.testing.assert_close(
            asymmetric_similarity_loss(*problem, beta=beta), tversky_loss(*problem, fp_weight=fp, fn_weight=fn)
        )


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("include_background", [False, True])
def test_labels_equal_monai(include_background: bool, batch: bool):
    logits, labels = random_problem(1)
    monai = MonaiTversky(
        include_background=include_background,
        to_onehot_y=True,
        softmax=True,
        alpha=0.3,
        beta=0.7,
        smooth_nr=1e-5,
        smooth_dr=1e-5,
        batch=batch,
    )
    ours = tversky_loss(logits, labels, include_background=include_background, batch=batch)
    torch.testing.assert_close(ours, monai(logits, labels.double()))


def test_regions_equal_monai():
    logits, regions = random_problem(2, regions=True)
    monai = MonaiTversky(sigmoid=True, alpha=0.3, beta=0.7, smooth_nr=1e-5, smooth_dr=1e-5)
    torch.testing.assert_close(tversky_loss(logits, regions, regions=True), monai(logits, regions.double()))
