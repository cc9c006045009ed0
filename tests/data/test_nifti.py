"""Volumes read and written piece by piece are those that nibabel reads and writes."""

import gzip
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nnunet_losses.data.nifti import read_nifti, save_nifti

SHAPE = (270, 20, 35)  # larger than a tile along each axis


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


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_volume_is_read_as_nibabel_reads_it(tmp_path: Path, ending: str, scaled: bool) -> None:
    voxels = np.random.default_rng(0).integers(-500, 500, SHAPE).astype(np.int16)
    image = nib.Nifti1Image(voxels * 0.5 if scaled else voxels, np.diag([1, 2, 3, 1]))
    image.set_data_dtype(np.int16)
    nib.save(image, tmp_path / f"a{ending}")
    expected = np.asanyarray(nib.load(tmp_path / f"a{ending}").dataobj)
    found, affine = read_nifti(tmp_path / f"a{ending}")
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(affine, np.diag([1, 2, 3, 1]))


def test_a_fourth_axis_of_length_1_is_left_out(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.zeros((3, 4, 5, 1), np.int16), np.eye(4)), tmp_path / "a.nii.gz")
    assert read_nifti(tmp_path / "a.nii.gz")[0].shape == (3, 4, 5)


def test_a_volume_is_in_memory_once(tmp_path: Path) -> None:
    voxels = np.zeros((320, 256, 256), np.int16, order="F").transpose(2, 1, 0)
    tracemalloc.start()
    save_nifti(voxels, np.eye(4), tmp_path / "a.nii.gz")
    _, peak = tracemalloc.get_traced_memory()
    assert peak < 0.15 * voxels.nbytes
    tracemalloc.reset_peak()
    read_nifti(tmp_path / "a.nii.gz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * voxels.nbytes, "nibabel alone takes 2"


@pytest.mark.parametrize("damage", ["cut short", "promises 64 TB"])
def test_a_damaged_volume_is_an_error_and_takes_no_memory(tmp_path: Path, damage: str) -> None:
    image = nib.Nifti1Image(np.random.default_rng(0).integers(0, 99, SHAPE).astype(np.int16), np.eye(4))
    if damage == "cut short":
        nib.save(image, tmp_path / "a.nii.gz")
        content = (tmp_path / "a.nii.gz").read_bytes()
        (tmp_path / "a.nii.gz").write_bytes(content[: len(content) // 2])
    else:
        header = image.header.copy()
        header.set_data_shape((32767, 32767, 32767))
        with gzip.open(tmp_path / "a.nii.gz", "wb") as file:
            file.write(header.binaryblock + bytes(100))
    tracemalloc.start()
    with pytest.raises((EOFError, OSError, ValueError, MemoryError)):
        read_nifti(tmp_path / "a.nii.gz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 2**20
