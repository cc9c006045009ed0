import pytest
import torch
from hypothesis import given, settings
from monai.losses import HausdorffDTLoss as MonaiHausdorff

from nnunet_losses.losses import hausdorff_loss

from .line_of_voxels import LABELS, LOGITS, REACH, REACH_OF_PREDICTION, P
from .problems import SEEDS, random_problem


def by_hand(reach: list[float]) -> float:
    errors = [(p - g) ** 2 for p, g in zip(P.tolist(), LABELS.flatten().tolist(), strict=True)]
    return sum(error * far for error, far in zip(errors, reach, strict=True)) / 6


def test_six_voxels_by_hand():
    pairs = list(zip(REACH, REACH_OF_PREDICTION, strict=True))
    both = by_hand([of_g**2 + of_s**2 for of_g, of_s in pairs])
    assert hausdorff_loss(LOGITS, LABELS).item() == pytest.approx(both)
    assert hausdorff_loss(LOGITS, LABELS, spacing=(5.0, 3.0)).item() == pytest.approx(9 * both)
    assert hausdorff_loss(LOGITS, LABELS, alpha=1).item() == pytest.approx(by_hand([sum(pair) for pair in pairs]))


def test_the_one_sided_forms_by_hand():
    reference = by_hand([of_g**2 for of_g in REACH])
    assert hausdorff_loss(LOGITS, LABELS, distances="reference").item() == pytest.approx(reference)
    # inside: voxels 1 to 3 of the reference, 1 to 4 of the prediction
    inside = by_hand([0, 1 + 1, 4 + 4, 1 + 4, 0 + 1, 0])
    assert hausdorff_loss(LOGITS, LABELS, distances="inside").item() == pytest.approx(inside)


def test_a_voxel_of_probability_one_half_is_not_predicted():
    # p is 1/2 everywhere, so nothing is predicted and only the distances of the reference count
    zeros = torch.zeros_like(LOGITS)
    assert hausdorff_loss(zeros, LABELS).item() == pytest.approx(sum(of_g**2 for of_g in REACH) / 4 / 6)
    one_predicted = zeros.clone()
    one_predicted[:, 1, :, 0] = 1e-3
    assert hausdorff_loss(one_predicted, LABELS) > hausdorff_loss(zeros, LABELS) + 1


@pytest.mark.parametrize("alpha", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("include_background", [False, True])
@settings(max_examples=30)
@given(SEEDS)
def test_labels_equal_monai(include_background: bool, alpha: float, seed: int):
    logits, labels = random_problem(seed)
    form = {"alpha": alpha, "include_background": include_background}
    monai = MonaiHausdorff(**form, softmax=True, to_onehot_y=True)
    ours = hausdorff_loss(logits, labels, **form)
    torch.testing.assert_close(ours, monai(logits, labels), rtol=1e-5, atol=1e-6)  # MONAI's distances are float32


@given(SEEDS)
def test_regions_equal_monai_in_value_and_gradient(seed: int):
    logits, regions = random_problem(seed, regions=True)
    logits.requires_grad_()
    ours, theirs = hausdorff_loss(logits, regions, regions=True), MonaiHausdorff(include_background=True, sigmoid=True)
    expected = theirs(logits, regions.double())
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-6)
    gradients = (torch.autograd.grad(value, logits)[0] for value in (ours, expected))
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)


def test_monai_knows_no_spacing():
    logits, labels = random_problem(4)
    monai = MonaiHausdorff(softmax=True, to_onehot_y=True)(logits, labels)
    torch.testing.assert_close(hausdorff_loss(logits, labels), monai)
    assert hausdorff_loss(logits, labels, spacing=(1.0, 1.0, 5.0)) > 1.1 * monai


def diagonal_problem() -> tuple[torch.Tensor, torch.Tensor]:
    """A region of one voxel, and a prediction of nothing: each distance is one to that voxel."""
    region = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    region[0, 0, 0, 0] = True
    return torch.full((1, 1, 4, 4), -1.0), region


def test_monai_cuts_distances_to_whole_numbers_where_the_regions_are_integers():
    logits, region = diagonal_problem()
    monai = MonaiHausdorff(include_background=True, sigmoid=True)
    ours = hausdorff_loss(logits, region, regions=True)
    torch.testing.assert_close(ours, monai(logits, region.float()))
    assert monai(logits, region.long()) < 0.95 * ours


def test_monai_rounds_distances_to_the_type_of_the_regions():
    _, region = diagonal_problem()
    logits = torch.where(region, 30.0, -30.0).double()
    logits[0, 0, 3, 1] = -1.0  # the only error, √10 away: 3.16 in bfloat16
    monai = MonaiHausdorff(include_background=True, sigmoid=True)
    ours = hausdorff_loss(logits, region, regions=True)
    torch.testing.assert_close(ours, monai(logits, region.double()), rtol=1e-6, atol=0)
    assert monai(logits, region.bfloat16()) < 0.999 * ours


def test_an_ignored_prediction_reaches_no_other_voxel():
    weight = torch.ones(1, 1, 1, 6, dtype=torch.float64)
    weight[..., 4] = 0
    # without voxel 4, {p > 1/2} is voxels 1 to 3 and its nearest other side behind is voxel 5
    errors = [(p - g) ** 2 for p, g in zip(P.tolist(), LABELS.flatten().tolist(), strict=True)]
    expected = sum(e * 2 * d**2 for e, d in zip(errors, [1, 1, 2, 2, 0, 2], strict=True)) / 5
    for label in (0, 1, 255):
        labels = LABELS.clone()
        labels[..., 4] = label
        assert hausdorff_loss(LOGITS, labels, weight).item() == pytest.approx(expected)


@given(SEEDS)
def test_a_slice_in_3d_is_an_image_in_2d(seed: int):
    logits, labels = (x[:, :, :1] for x in random_problem(seed))
    flat = hausdorff_loss(logits[:, :, 0], labels[:, :, 0], spacing=(2.0, 0.5))
    torch.testing.assert_close(hausdorff_loss(logits, labels, spacing=(9.0, 2.0, 0.5)), flat)
