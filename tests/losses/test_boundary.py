import pytest
import torch
from hypothesis import given
from scipy.ndimage import distance_transform_edt

from nnunet_losses.losses import BoundaryLoss, boundary_loss

from .line_of_voxels import LABELS, LOGITS
from .problems import SEEDS, random_problem


def test_six_voxels_by_hand():
    paper = 0.1 - 0.8 - 2 * 0.9 - 0.6 + 0.7 + 2 * 0.2
    assert boundary_loss(LOGITS, LABELS).item() == pytest.approx(paper / 6)
    assert boundary_loss(LOGITS, LABELS, spacing=(7.0, 0.25)).item() == pytest.approx(0.25 * paper / 6)


def test_the_shift_is_one_voxel_inside():
    code = 0.1 - 0.9 + 0.7 + 2 * 0.2
    assert boundary_loss(LOGITS, LABELS, shifted=True).item() == pytest.approx(code / 6)
    # with the 1 mm of the code, a voxel of 0.25 mm on the inner border would be rewarded for being missed
    small = boundary_loss(LOGITS, LABELS, shifted=True, spacing=(7.0, 0.25)).item()
    assert small == pytest.approx(0.25 * code / 6)


def one_hot2dist(mask, spacing):
    """The map of the authors' code for one class."""
    if not mask.any():
        return 0.0 * mask
    outside, inside = distance_transform_edt(~mask, sampling=spacing), distance_transform_edt(mask, sampling=spacing)
    return outside * ~mask - (inside - 1) * mask


def test_it_is_the_formula_of_the_authors_code():
    logits, labels = random_problem(3)
    p = logits.softmax(1)[:, 1:]
    expected = []
    for sample in range(2):
        for c in (1, 2):
            level = torch.from_numpy(one_hot2dist((labels[sample, 0] == c).numpy(), (1.0, 2.0, 1.0)))
            expected.append((p[sample, c - 1] * level).mean())
    found = boundary_loss(logits, labels, shifted=True, spacing=(1.0, 2.0, 1.0))
    torch.testing.assert_close(found, torch.stack(expected).mean())


def test_a_class_without_a_border_costs_nothing():
    empty = torch.zeros_like(LABELS)
    assert boundary_loss(LOGITS, empty).item() == 0
    assert boundary_loss(LOGITS, empty + 1).item() == 0


@given(SEEDS)
def test_a_slice_in_3d_is_an_image_in_2d(seed: int):
    logits, labels = (x[:, :, :1] for x in random_problem(seed))
    flat = boundary_loss(logits[:, :, 0], labels[:, :, 0], spacing=(2.0, 0.5))
    torch.testing.assert_close(boundary_loss(logits, labels, spacing=(9.0, 2.0, 0.5)), flat)


@given(SEEDS)
def test_it_grows_with_the_unit_of_length(seed: int):
    problem = random_problem(seed)
    small = boundary_loss(*problem, spacing=(1.0, 2.0, 3.0))
    torch.testing.assert_close(boundary_loss(*problem, spacing=(10.0, 20.0, 30.0)), 10 * small)


@pytest.mark.parametrize("shifted", [False, True])
@given(SEEDS)
def test_no_prediction_is_better_than_the_perfect_one_whatever_the_spacing(shifted: bool, seed: int):
    logits, labels = random_problem(seed)
    perfect = 60 * torch.nn.functional.one_hot(labels[:, 0].long(), 3).movedim(-1, 1).double()
    for spacing in ((0.3, 0.7, 0.9), (4.0, 0.2, 1.0)):
        best = boundary_loss(perfect, labels, shifted=shifted, spacing=spacing)
        assert boundary_loss(logits, labels, shifted=shifted, spacing=spacing) >= best - 1e-12


def test_it_asks_for_the_spacing():
    assert BoundaryLoss().needs == {"spacing"}
