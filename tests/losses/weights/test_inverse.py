import nibabel
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from nnunet_losses.losses import WEIGHTINGS, inverse_weights, label_components


def components_by_scipy(mask: NDArray[np.generic]) -> NDArray[np.int64]:
    """Neighbours share a face, an edge or a corner."""
    ids, _ = ndimage.label(mask, np.ones((3,) * mask.ndim))
    return ids


def release_weights(ids: NDArray[np.integer]) -> NDArray[np.float64]:
    """The paper's release, component by component: N / ((K + 1)·n_k), clipped to [1, 2e5]."""
    weights = np.zeros(ids.shape)
    present = np.unique(ids)
    for k in present:
        weights[ids == k] = ids.size / (len(present) * np.sum(ids == k))
    return np.clip(weights, 1, 2e5)


def positive_weights(ids: NDArray[np.integer]) -> NDArray[np.float64]:
    """The code before the release: N₊ / (K·n_k) on lesions, 1 on the background."""
    weights = np.ones(ids.shape)
    lesions = [k for k in np.unique(ids) if k > 0]
    for k in lesions:
        weights[ids == k] = np.sum(ids > 0) / (len(lesions) * np.sum(ids == k))
    return weights


SLOW = {"iw": release_weights, "iwpos": positive_weights}


def test_every_weighting_has_a_slow_reference():
    assert set(SLOW) == set(WEIGHTINGS)


def weights_of(ids: NDArray[np.integer], definition: str) -> NDArray[np.float32]:
    return inverse_weights(torch.from_numpy(ids)[None, None], definition=definition)[0, 0].numpy()


@pytest.mark.slow
@pytest.mark.parametrize("definition", SLOW)
def test_patches_of_real_lesions_are_weighted_as_in_the_paper(shared_data, definition: str):
    masks = sorted((shared_data / "ms_lesion_masks").glob("*.nii.gz"))
    assert masks
    generator = np.random.default_rng(0)
    for path in masks:
        mask = np.asarray(nibabel.load(path).dataobj) > 0
        centre = generator.permutation(np.argwhere(mask))[0]
        corner = [int(np.clip(c - 32, 0, n - 64)) for c, n in zip(centre, mask.shape, strict=True)]
        patch = mask[tuple(slice(c, c + 64) for c in corner)]
        expected = SLOW[definition](components_by_scipy(patch))
        np.testing.assert_allclose(
            weights_of(label_components(patch.astype(np.int16)), definition), expected, rtol=1e-6
        )


@given(st.integers(0, 2**31 - 1), st.sampled_from(sorted(SLOW)), st.sampled_from([(6, 7), (4, 5, 6)]), st.floats(0, 1))
def test_random_patches_are_weighted_as_in_the_paper(
    seed: int, definition: str, space: tuple[int, ...], fraction: float
):
    mask = np.random.default_rng(seed).random(space) < fraction
    ids = label_components(mask.astype(np.uint8))
    np.testing.assert_allclose(weights_of(ids, definition), SLOW[definition](components_by_scipy(mask)), rtol=1e-6)


def test_six_voxels_by_hand():
    ids = torch.tensor([0, 0, 0, 1, 1, 2]).view(1, 1, 2, 3)
    # N = 6, three components of 3, 2 and 1 voxels
    assert inverse_weights(ids).flatten().tolist() == pytest.approx([1, 1, 1, 1, 1, 2])
    assert inverse_weights(ids, definition="iwpos").flatten().tolist() == pytest.approx([1, 1, 1, 0.75, 0.75, 1.5])


def test_ignored_voxels_weigh_nothing_and_are_not_counted():
    ids = torch.tensor([0, 0, 0, 1, 1, 2]).view(1, 1, 2, 3)
    valid = torch.tensor([True, True, False, True, False, False]).view(1, 1, 2, 3)
    # N = 3, two components of 2 and 1 voxels; component 2 is not there any more
    assert inverse_weights(ids, valid).flatten().tolist() == pytest.approx([1, 1, 0, 1.5, 0, 0])
    positive = inverse_weights(ids, valid, definition="iwpos")
    assert positive.flatten().tolist() == pytest.approx([1, 1, 0, 1, 0, 0])


def test_a_number_that_no_voxel_has_is_no_component():
    # coarse levels of deep supervision lose small components, not only the last ones
    ids = torch.tensor([0, 0, 0, 3, 3, 5]).view(1, 1, 2, 3)
    for definition, expected in (("iw", [1, 1, 1, 1, 1, 2]), ("iwpos", [1, 1, 1, 0.75, 0.75, 1.5])):
        assert inverse_weights(ids, definition=definition).flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize(("voxels", "weight"), [(300_000, 150_000), (500_000, 200_000)])
def test_weights_of_the_release_end_at_200000(voxels: int, weight: float):
    ids = torch.zeros(1, 1, voxels, 1, dtype=torch.int16)
    ids[0, 0, 7] = 1
    weights = inverse_weights(ids)
    assert weights[0, 0, 7].item() == weight
    assert weights[0, 0, 0].item() == 1


@pytest.mark.parametrize("definition", SLOW)
@pytest.mark.parametrize("dtype", [torch.int16, torch.int32, torch.int64, torch.uint8])
def test_samples_and_regions_are_weighted_each_by_itself(definition: str, dtype: torch.dtype):
    ids = torch.randint(0, 5, (3, 2, 4, 5, 6), generator=torch.Generator().manual_seed(0)).to(dtype)
    together = inverse_weights(ids, definition=definition)
    assert together.dtype == torch.float32
    for sample in range(3):
        for region in range(2):
            alone = inverse_weights(ids[sample, region][None, None], definition=definition)
            assert torch.equal(together[sample, region], alone[0, 0])


@pytest.mark.parametrize("definition", SLOW)
@pytest.mark.parametrize("number", [0, 1])
def test_empty_full_and_ignored_patches_have_finite_weights(definition: str, number: int):
    ids = torch.full((2, 1, 3, 3), number, dtype=torch.int16)
    assert (inverse_weights(ids, definition=definition) == 1).all()
    nothing = torch.zeros(2, 1, 3, 3, dtype=torch.bool)
    assert not inverse_weights(ids, nothing, definition=definition).any()


def test_all_components_weigh_the_same_in_all():
    mask = (np.random.default_rng(0).random((12, 12, 12)) < 0.03).astype(np.uint8)
    ids = torch.from_numpy(label_components(mask))[None, None]
    weights = inverse_weights(ids, definition="iwpos")
    totals = [weights[ids == k].sum().item() for k in ids.unique() if k > 0]
    assert totals == pytest.approx([totals[0]] * len(totals), rel=1e-5)


def test_wrong_input_is_refused_with_one_sentence():
    ids = torch.zeros(2, 1, 3, 3, dtype=torch.int16)
    with pytest.raises(ValueError, match="no weighting 'iv'; there are: iw, iwpos"):
        inverse_weights(ids, definition="iv")
    with pytest.raises(ValueError, match="valid must have shape"):
        inverse_weights(ids, torch.ones(2, 3, 3, dtype=torch.bool))


@pytest.mark.parametrize("definition", sorted(WEIGHTINGS))
def test_a_slice_of_a_larger_tensor_weighs_as_its_copy(definition: str):
    target = torch.zeros(2, 3, 6, 7, dtype=torch.int16)
    target[:, 1, :2, :2], target[:, 1, 4, 5] = 1, 2
    ids = target[:, 1:2]
    assert not ids.is_contiguous()
    weights = inverse_weights(ids, definition=definition)
    assert torch.equal(
        weights, inverse_weights(ids.clone(memory_format=torch.contiguous_format), definition=definition)
    )
