"""Both distance transforms equal SciPy's, and what is ignored does not matter."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from nnunet_losses.losses.distances import transforms
from nnunet_losses.losses.distances.transforms import (
    distances_to,
    distances_to_others,
    largest_of_label,
    signed_distances,
    squared_by_edt,
    squared_by_torch,
)

from ..problems import SEEDS

SPACES = st.lists(st.integers(1, 9), min_size=2, max_size=3).map(tuple)
STEPS = st.lists(st.floats(0.1, 8), min_size=3, max_size=3)
SHARES = st.sampled_from([0.02, 0.3, 0.7, 0.98])


def random_masks(seed: int, space: tuple[int, ...], share: float) -> np.ndarray:
    return np.random.default_rng(seed).random((2, 2, *space)) < share


def by_scipy(sources: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Distance to the nearest source, 0 in maps without one."""
    found = np.zeros(sources.shape)
    for place in np.ndindex(sources.shape[:2]):
        if sources[place].any():
            found[place] = distance_transform_edt(~sources[place], sampling=spacing)
    return found


def by_torch(sources: torch.Tensor, spacing: tuple[float, ...]) -> torch.Tensor:
    return squared_by_torch(sources, spacing)


def by_edt(sources: torch.Tensor, spacing: tuple[float, ...]) -> torch.Tensor:
    return squared_by_edt(~sources, spacing)


@pytest.mark.parametrize("squared", [by_edt, by_torch])
@given(SEEDS, SPACES, STEPS, SHARES)
@example(0, (1, 1), [1.0, 1.0, 1.0], 0.02)
@example(0, (40, 33), [0.7, 3.1, 1.0], 0.02)
@example(0, (17, 30, 21), [2.5, 0.4, 1.0], 0.02)
def test_each_transform_equals_scipy(squared, seed, space, steps, share):
    sources, spacing = random_masks(seed, space, share), tuple(steps[: len(space)])
    found = squared(torch.from_numpy(sources), spacing).numpy()
    empty = ~sources.any(tuple(range(2, sources.ndim)))
    assert np.isinf(found[empty]).all()
    np.testing.assert_allclose(np.sqrt(found[~empty]), by_scipy(sources, spacing)[~empty], atol=1e-4, rtol=1e-5)


@given(SEEDS, SPACES, STEPS, SHARES)
def test_distance_to_sources_equals_scipy(seed, space, steps, share):
    sources, spacing = random_masks(seed, space, share), tuple(steps[: len(space)])
    found = distances_to(torch.from_numpy(sources), spacing)
    np.testing.assert_allclose(found.numpy(), by_scipy(sources, spacing), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("ignoring", [False, True])
@given(SEEDS, SPACES, STEPS, st.integers(2, 4))
def test_distance_to_other_labels_equals_scipy_label_by_label(ignoring, seed, space, steps, classes):
    generator, spacing = np.random.default_rng(seed), tuple(steps[: len(space)])
    labels = generator.integers(0, classes, (2, 1, *space)).astype(np.int16)
    valid = generator.random((2, 1, *space)) < (0.6 if ignoring else 1)
    expected = np.zeros(labels.shape)
    for label in range(classes):
        here = (labels == label) & valid
        expected[here] = by_scipy((labels != label) & valid, spacing)[here]
    given_valid = torch.from_numpy(valid) if ignoring else None
    found = distances_to_others(torch.from_numpy(labels), given_valid, spacing, classes=classes)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4, rtol=1e-5)


def test_two_hundred_and_sixty_labels_are_told_apart():
    labels = torch.arange(260).view(1, 1, 13, 20)
    assert (distances_to_others(labels, classes=260) == 1).all()


def test_distances_are_those_of_pythagoras_at_unit_spacing():
    sources = torch.zeros(1, 1, 5, 7, dtype=torch.bool)
    sources[0, 0, 1, 2] = True
    found = distances_to(sources, dtype=torch.float64)
    assert found[0, 0, 4, 6].item() == 5
    assert found[0, 0, 2, 3].item() == pytest.approx(math.sqrt(2), rel=1e-15)  # roots are rounded as MKL does


def test_five_voxels_by_hand_with_sign_and_spacing():
    mask = torch.tensor([[0, 1, 1, 1, 0, 0]], dtype=torch.bool).view(1, 1, 1, 6)
    assert signed_distances(mask, spacing=(9.0, 0.5)).flatten().tolist() == [0.5, -0.5, -1, -0.5, 0.5, 1]


def test_an_ignored_voxel_is_no_border_whatever_its_label():
    mask = torch.tensor([[0, 1, 1, 1, 0, 0]], dtype=torch.bool).view(1, 1, 1, 6)
    valid = torch.ones_like(mask)
    valid[..., 4] = False
    other = mask.clone()
    other[..., 4] = True
    for labels in (mask, other):
        assert signed_distances(labels, valid).abs().flatten().tolist() == [1, 1, 2, 2, 0, 2]


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("ignoring", [False, True])
def test_an_empty_and_a_full_mask_have_distance_zero(value: bool, ignoring: bool):
    mask = torch.full((2, 1, 3, 4), value)
    valid = torch.ones_like(mask)
    if ignoring:
        valid[0, 0, 1] = False
        mask = torch.where(valid, mask, ~mask)
    assert not signed_distances(mask, valid).any()


@given(SEEDS, SPACES, SHARES)
def test_signed_distances_have_the_sign_of_their_side_and_are_at_least_one_voxel(seed, space, share):
    masks = torch.from_numpy(random_masks(seed, space, share))
    found = signed_distances(masks)
    mixed = masks.any(-1).flatten(2).any(-1) & ~masks.flatten(2).all(-1)
    assert (found[mixed].sign() == torch.where(masks[mixed], -1, 1)).all()
    assert (found[mixed].abs() >= 1).all()


@given(SEEDS)
def test_blocks_do_not_change_the_transform(seed):
    sources = torch.from_numpy(random_masks(seed, (5, 6, 7), 0.1))
    whole = squared_by_torch(sources, (1.5, 1.0, 2.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transforms, "CPU_BLOCK", 100)
        assert torch.equal(squared_by_torch(sources, (1.5, 1.0, 2.0)), whole)


def test_no_block_of_the_torch_transform_is_larger_than_said(monkeypatch):
    largest = 0
    lowest = transforms._lowest

    def watched(lines, costs):
        nonlocal largest
        largest = max(largest, lines.numel() * len(costs))
        return lowest(lines, costs)

    monkeypatch.setattr(transforms, "_lowest", watched)
    monkeypatch.setattr(transforms, "CPU_BLOCK", 5000)
    squared_by_torch(torch.rand(2, 3, 20, 20, 20) < 0.1, (1.0, 1.0, 1.0))
    assert 0 < largest <= 5000


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_they_stay_there_and_equal_those_of_the_cpu():
    labels, valid = torch.randint(0, 3, (2, 2, 20, 30, 25)), torch.rand(2, 1, 20, 30, 25) < 0.8
    for ignored in (None, valid):
        on_device = None if ignored is None else ignored.cuda()
        found = distances_to_others(labels.cuda(), on_device, (0.5, 1.0, 3.0), classes=3)
        assert found.device.type == "cuda"
        expected = distances_to_others(labels, ignored, (0.5, 1.0, 3.0), classes=3)
        torch.testing.assert_close(found.cpu(), expected, atol=1e-4, rtol=1e-5)


def test_the_largest_of_a_label_is_looked_for_in_its_own_map():
    labels = torch.tensor([[[0, 1, 1], [0, 0, 1]]])
    values = torch.tensor([[[3.0, 1.0, 2.0], [5.0, 4.0, 6.0]]])
    assert largest_of_label(values, labels, 2).tolist() == [[[3, 2, 2], [5, 5, 6]]]


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0), (1.0, -1.0), (1.0, math.nan), (1.0, math.inf), (1.0,) * 3])
def test_a_spacing_that_does_not_fit_is_refused(spacing):
    with pytest.raises(ValueError, match="spacing must be 2 positive numbers, one per axis of the patch, got"):
        distances_to(torch.ones(1, 1, 2, 2, dtype=torch.bool), spacing)
