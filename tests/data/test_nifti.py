"""Volumes written piece by piece are those that nibabel writes."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nnunet_losses.data.nifti import save_nifti

SHAPE = (70, 66, 35)  # larger than a tile along each axis


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", "<f4", "u2"])
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_any_order_in_memory_makes_nibabel_s_file(tmp_path: Path, dtype: str, axes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 200, [SHAPE[axes.index(n)] for n in range(3)]).astype(dtype, order="F")
    voxels = stored.transpose(axes)[::-1]
    affine = np.array([[0, 0, -0.7, 3], [0, -0.8, 0, 4], [-3, 0, 0, 5], [0, 0, 0, 1.0]])
    save_nifti(voxels, affine, tmp_path / "ours.nii.gz")
    image = nib.Nifti1Image(voxels.astype(np.dtype(dtype).newbyteorder("=")), affine)
    image.header.set_xyzt_units("mm")
    nib.save(image, tmp_path / "theirs.nii.gz")
    ours, theirs = (nib.load(tmp_path / f"{name}.nii.gz") for name in ("ours", "theirs"))
    assert ours.header == theirs.header
    np.testing.assert_array_equal(np.asanyarray(ours.dataobj), voxels)
    assert np.asanyarray(ours.dataobj).dtype == np.asanyarray(theirs.dataobj).dtype
    np.testing.assert_array_equal(ours.affine, theirs.affine)


def test_a_volume_is_not_copied_as_a_whole(tmp_path: Path) -> None:
    import tracemalloc

    voxels = np.zeros((320, 256, 256), np.int16, order="F").transpose(2, 1, 0)
    tracemalloc.start()
    save_nifti(voxels, np.eye(4), tmp_path / "a.nii")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.3 * voxels.nbytes
