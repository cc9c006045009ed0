"""Components against SciPy's, which numbers them in raster order too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from nnunet_losses.base.components import (
    bounding_box,
    component_sizes,
    connected_components,
    equivalent_diameter,
)

RANK = {6: 1, 18: 2, 26: 3}  # SciPy's word for the neighbourhoods: along how many axes neighbours may differ
shapes = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9)


def masks() -> st.SearchStrategy[np.ndarray]:
    return shapes.flatmap(lambda shape: arrays(bool, shape, elements=st.booleans()))


def scipy_components(mask: np.ndarray, connectivity: int) -> tuple[np.ndarray, int]:
    return ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, RANK[connectivity]))


@given(masks(), st.sampled_from(sorted(RANK)))
def test_a_mask_of_any_shape_is_split_and_numbered_as_by_scipy(mask: np.ndarray, connectivity: int) -> None:
    numbers, count = connected_components(mask, connectivity)
    expected, n = scipy_components(mask, connectivity)
    assert count == n
    np.testing.assert_array_equal(numbers, expected)


@pytest.mark.parametrize("shape", [(60, 60), (1, 60, 60), (15, 15, 16)])
def test_dense_masks_are_split_as_by_scipy(shape: tuple[int, ...]) -> None:
    # cc3d 4.1 splits a component of such masks in two in 2D when it is given bool.
    mask = np.random.default_rng(0).random(shape) < 0.4
    numbers, count = connected_components(mask)
    expected, n = scipy_components(mask, 26)
    assert count == n
    np.testing.assert_array_equal(numbers, expected)


@given(shapes.flatmap(lambda shape: arrays(np.int16, shape, elements=st.integers(0, 3))))
def test_each_class_has_components_of_its_own(labels: np.ndarray) -> None:
    numbers, count = connected_components(labels)
    assert sorted(np.unique(numbers[labels > 0])) == list(range(1, count + 1))
    assert not numbers[labels == 0].any()
    for value in (1, 2, 3):
        expected, _ = scipy_components(labels == value, 26)
        here = labels == value
        pairs = set(zip(numbers[here].tolist(), expected[here].tolist(), strict=True))
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@given(masks())
def test_sizes_are_those_of_scipys_components(mask: np.ndarray) -> None:
    expected, _ = scipy_components(mask, 26)
    assert component_sizes(mask).tolist() == np.bincount(expected.ravel())[1:].tolist()


@given(masks())
def test_the_bounding_box_is_scipys(mask: np.ndarray) -> None:
    found = ndimage.find_objects(mask.astype(int))
    assert bounding_box(mask) == (found[0] if found else None)


def test_the_order_of_memory_decides_the_order_of_numbers_and_nothing_else() -> None:
    mask = np.random.default_rng(1).random((8, 9, 10)) < 0.1
    numbers, count = connected_components(np.asfortranarray(mask))
    expected, n = scipy_components(mask.T, 26)
    assert count == n
    np.testing.assert_array_equal(numbers, expected.T)


def test_a_diameter_gives_the_volume_of_its_sphere_and_the_area_of_its_disc() -> None:
    size = np.array([1.0, 18.0, 500.0])
    np.testing.assert_allclose(np.pi / 6 * equivalent_diameter(size, 3) ** 3, size)
    np.testing.assert_allclose(np.pi / 4 * equivalent_diameter(size, 2) ** 2, size)


def test_other_shapes_and_neighbourhoods_are_refused() -> None:
    with pytest.raises(ValueError, match="2D or 3D"):
        connected_components(np.zeros((2, 2, 2, 2), bool))
    with pytest.raises(ValueError, match="6, 18 or 26"):
        connected_components(np.zeros((2, 2), bool), 8)
