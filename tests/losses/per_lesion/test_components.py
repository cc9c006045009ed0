import numpy as np
import pytest
from scipy import ndimage

from nnunet_losses.losses import label_components


@pytest.mark.parametrize("space", [(9, 10), (7, 8, 9)])
def test_labels_are_split_class_by_class_as_scipy_does(space: tuple[int, ...]):
    labels = np.random.default_rng(0).choice(3, size=space, p=[0.7, 0.2, 0.1]).astype(np.int16)
    ids = label_components(labels)
    assert ids.dtype == np.int16
    assert ((ids > 0) == (labels > 0)).all()
    components = 0
    for label in (1, 2):
        expected, count = ndimage.label(labels == label, np.ones((3,) * len(space)))
        pairs = set(zip(expected[labels == label].tolist(), ids[labels == label].tolist(), strict=True))
        assert len(pairs) == count
        components += count
    assert sorted(np.unique(ids[ids > 0]).tolist()) == list(range(1, components + 1))


def test_touching_corners_are_neighbours():
    square = np.eye(4, dtype=np.uint8)
    assert label_components(square).max() == 1
    cube = np.zeros((2, 2, 2), dtype=np.uint8)
    cube[0, 0, 0] = cube[1, 1, 1] = 1
    assert label_components(cube).max() == 1


def test_regions_are_split_each_by_itself():
    regions = np.zeros((2, 5, 5), dtype=bool)
    regions[0, 0, 0] = regions[0, 4, 4] = regions[1, 2, 2] = True
    ids = label_components(regions)
    assert ids.shape == (2, 5, 5)
    assert ids[0].max() == 2
    assert ids[1].max() == 1


def test_the_order_of_memory_does_not_matter():
    labels = (np.random.default_rng(1).random((8, 9, 10)) < 0.1).astype(np.int16)
    assert (label_components(np.asfortranarray(labels)) > 0).tolist() == (label_components(labels) > 0).tolist()
    assert label_components(labels[::2, ::-1]).max() == label_components(labels[::2, ::-1].copy()).max()


def test_numbers_that_do_not_fit_are_shared():
    labels = np.zeros((400, 400), dtype=np.uint8)
    labels[::2, ::2] = 1  # 40,000 components
    ids = label_components(labels)
    assert ids.max() == 32767
    assert (ids > 0).sum() == 40_000


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="2D or 3D"):
        label_components(np.zeros((2, 2, 2, 2), dtype=np.int16))
    with pytest.raises(ValueError, match=r"regions must have shape \(R, \*S\)"):
        label_components(np.zeros((2, 2), dtype=bool))


def test_regions_that_are_one_voxel_thick_are_split():
    corners = np.zeros((1, 3, 1, 3), dtype=bool)
    corners[0, [0, 0, 2, 2], 0, [0, 2, 0, 2]] = True
    assert sorted(label_components(corners)[corners].tolist()) == [1, 2, 3, 4]
