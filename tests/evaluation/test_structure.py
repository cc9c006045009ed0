"""What follows from one mask, against SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from nnunet_losses.evaluation.structure import Grid, Structure

masks = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7).flatmap(lambda shape: arrays(bool, shape))


def structure_of(mask: np.ndarray, connectivity: int = 26) -> Structure:
    return Structure(mask, Grid(mask.shape, (1.0,) * mask.ndim, 1.0), connectivity)


def scipy_components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    return ndimage.label(mask, np.ones((3,) * mask.ndim))


@given(masks)
def test_components_sizes_boxes_and_centres_are_scipys(mask: np.ndarray) -> None:
    ours = structure_of(mask)
    labels, count = scipy_components(mask)
    assert ours.size == mask.sum()
    assert len(ours.components) == count
    assert ours.components.sizes.tolist() == np.bincount(labels.ravel())[1:].tolist()
    np.testing.assert_array_equal(ours.components.ids, labels[mask])
    np.testing.assert_array_equal(np.flatnonzero(mask), ours.image_index)
    low, high = ours.boxes
    for number, box in enumerate(ndimage.find_objects(labels)):
        assert [s.start for s in box] == low[number].tolist()
        assert [s.stop for s in box] == high[number].tolist()
        edge = any(s.start == 0 or s.stop == n for s, n in zip(box, mask.shape, strict=True))
        assert ours.touches_border[number] == edge
    if count:
        centres = np.rint(ndimage.center_of_mass(mask, labels, range(1, count + 1))).astype(int)
        np.testing.assert_array_equal(np.stack(np.unravel_index(ours.centres, ours.frame.shape), 1) - 1, centres)


@given(masks)
def test_the_component_at_a_place_is_the_one_that_holds_it(mask: np.ndarray) -> None:
    ours = structure_of(mask)
    labels, _ = scipy_components(np.pad(mask, 1))
    everywhere = np.arange(ours.mask.size)
    np.testing.assert_array_equal(ours.component_at(everywhere), labels.ravel())


@given(masks)
def test_border_voxels_are_those_that_erosion_removes(mask: np.ndarray) -> None:
    ours = structure_of(mask)
    expected = np.pad(mask & ~ndimage.binary_erosion(mask), 1)
    np.testing.assert_array_equal(ours.border_voxels, np.flatnonzero(expected))


@pytest.mark.parametrize(("connectivity", "flat", "solid"), [(6, 3, 3), (18, 1, 2), (26, 1, 1)])
def test_connectivity_says_which_voxels_are_neighbours(connectivity: int, flat: int, solid: int) -> None:
    square = np.eye(3, dtype=bool)
    cube = np.zeros((3, 3, 3), bool)
    cube[0, 0, 0] = cube[1, 1, 1] = cube[1, 2, 2] = True  # neighbours at a corner, then at an edge
    assert len(structure_of(square, connectivity).components) == flat
    assert len(structure_of(cube, connectivity).components) == solid


@given(st.tuples(*[st.integers(1, 9)] * 3), st.tuples(*[st.floats(0.2, 5)] * 3))
def test_the_diagonal_joins_the_outermost_voxel_centres(shape: tuple[int, ...], spacing: tuple[float, ...]) -> None:
    corner = [(n - 1) * s for n, s in zip(shape, spacing, strict=True)]
    assert Grid(shape, spacing, 1.0).diagonal == pytest.approx(math.dist(corner, [0, 0, 0]))


def test_diameters_take_the_size_of_a_voxel() -> None:
    voxels = np.array([1, 100])
    volume = voxels * 0.5 * 2 * 3
    np.testing.assert_allclose(Grid((9, 9, 9), (0.5, 2, 3), 3.0).diameter(voxels) ** 3, 6 * volume / np.pi)
    np.testing.assert_allclose(Grid((9, 9), (0.5, 2), 3.0).diameter(voxels) ** 2, 4 * voxels / np.pi)
