"""Images in nnU-Net's formats: where they lie, and what they hold."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnunet_losses.base import images
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import Geometry, read_geometry, read_segmentation, read_voxels

SHAPE = (5, 4, 3)
VOXELS = np.arange(60, dtype=np.uint8).reshape(SHAPE)
TURNED = np.array([[0, -2.0, 0, 7], [0.5, 0, 0, -3], [0, 0, 3.0, 1], [0, 0, 0, 1]])


def save(path: Path, voxels: np.ndarray = VOXELS, affine: np.ndarray = TURNED) -> Path:
    """Write an image with nibabel, and convert it with SimpleITK if the path says so."""
    nifti = path if path.name.endswith((".nii", ".nii.gz")) else path.with_suffix(".nii")
    nib.save(nib.Nifti1Image(voxels, affine), nifti)
    if nifti != path:
        sitk.WriteImage(sitk.ReadImage(str(nifti)), str(path))
    return path


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".mha", ".nrrd"])
def test_every_format_gives_the_same_voxels_and_place(tmp_path: Path, ending: str) -> None:
    path = save(tmp_path / f"image{ending}")
    geometry = read_geometry(path)
    assert geometry.shape == SHAPE
    assert geometry.spacing_mm == pytest.approx((0.5, 2, 3))
    assert geometry.channels == 1
    np.testing.assert_allclose(geometry.affine, TURNED, atol=1e-6)
    np.testing.assert_array_equal(read_voxels(path), VOXELS)


def test_nifti_2_is_read(tmp_path: Path) -> None:
    nib.save(nib.Nifti2Image(VOXELS, TURNED), tmp_path / "a.nii.gz")
    assert read_geometry(tmp_path / "a.nii.gz").shape == SHAPE
    np.testing.assert_array_equal(read_voxels(tmp_path / "a.nii.gz"), VOXELS)


def test_a_grey_picture_is_read_columns_first(tmp_path: Path) -> None:
    rows = np.arange(12, dtype=np.uint8).reshape(3, 4)
    sitk.WriteImage(sitk.GetImageFromArray(rows), str(tmp_path / "a.png"))
    geometry = read_geometry(tmp_path / "a.png")
    assert (geometry.shape, geometry.spacing_mm, geometry.channels) == ((4, 3), (1, 1), 1)
    np.testing.assert_array_equal(read_voxels(tmp_path / "a.png"), rows.T)


def test_a_colour_picture_has_channels_last_and_is_no_segmentation(tmp_path: Path) -> None:
    rows = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    sitk.WriteImage(sitk.GetImageFromArray(rows, isVector=True), str(tmp_path / "a.png"))
    assert read_geometry(tmp_path / "a.png").shape == (4, 3)
    assert read_geometry(tmp_path / "a.png").channels == 3
    np.testing.assert_array_equal(read_voxels(tmp_path / "a.png"), rows.transpose(1, 0, 2))
    with pytest.raises(UserError, match="colour picture of 3 channels"):
        read_segmentation(tmp_path / "a.png")


def test_the_offset_is_that_of_the_worst_corner_in_edges_of_the_smallest_voxel(tmp_path: Path) -> None:
    one = read_geometry(save(tmp_path / "one.nii"))
    assert one.offset_voxels(one) == 0
    moved, scaled = TURNED.copy(), TURNED.copy()
    moved[1, 3] += 0.2
    scaled[2, 2] *= 1.05  # 0.15 mm per voxel, over 2 steps
    for affine, offset in ((moved, 0.2 / 0.5), (scaled, 2 * 0.15 / 0.5)):
        other = read_geometry(save(tmp_path / "other.nii", affine=affine))
        assert one.offset_voxels(other) == pytest.approx(offset, abs=1e-5)
        assert other.offset_voxels(one) == pytest.approx(offset, abs=1e-5)


@given(
    st.tuples(*[st.integers(1, 9)] * 3),
    arrays(float, (2, 3, 4), elements=st.floats(-9, 9)),
    st.tuples(*[st.floats(0.1, 3)] * 3),
)
def test_no_voxel_is_off_by_more_than_the_worst_corner(
    shape: tuple[int, ...], affines: np.ndarray, spacing: tuple[float, ...]
) -> None:
    one, two = (Geometry(shape, spacing, np.vstack([affine, [0, 0, 0, 1]])) for affine in affines)
    indices = np.vstack([np.indices(shape).reshape(3, -1), np.ones((1, np.prod(shape)))])
    apart = np.linalg.norm((affines[0] - affines[1]) @ indices, axis=0)
    assert one.offset_voxels(two) == pytest.approx(apart.max() / min(spacing), abs=1e-9)


def test_flat_images_are_compared_as_one_slice(tmp_path: Path) -> None:
    for ending in (".nii", ".png"):
        flat = VOXELS[..., 0]
        paths = [tmp_path / f"{name}{ending}" for name in "ab"]
        if ending == ".nii":
            moved = np.eye(4)
            moved[0, 3] = 3
            for path, affine in zip(paths, (np.eye(4), moved), strict=True):
                nib.save(nib.Nifti1Image(flat, affine), path)
        else:
            for path in paths:
                sitk.WriteImage(sitk.GetImageFromArray(flat), str(path))
        one, two = map(read_geometry, paths)
        assert one.offset_voxels(two) == (3 if ending == ".nii" else 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whole_numbers_stored_as_floats_are_labels(tmp_path: Path, dtype: type) -> None:
    found = read_segmentation(save(tmp_path / "a.nii", VOXELS.astype(dtype)))
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, VOXELS)
    large = np.where(VOXELS == 3, 100_000, 0).astype(dtype)
    np.testing.assert_array_equal(read_segmentation(save(tmp_path / "a.nii", large)), large)


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf])
def test_other_numbers_are_no_labels(tmp_path: Path, value: float) -> None:
    path = save(tmp_path / "a.nii", np.where(VOXELS < 2, value, 0).astype(np.float32))
    with pytest.raises(UserError, match=rf"a\.nii holds {value:g} \(2 voxels are not integers\)"):
        read_segmentation(path)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".mha"])
def test_what_is_no_image_is_refused_by_name(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"no image")
    for read in (read_geometry, read_voxels, read_segmentation):
        with pytest.raises(UserError, match=rf"a{ending} cannot be read as an image \(.*\); replace it"):
            read(path)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_file_cut_short_is_found_by_its_length_alone(tmp_path: Path, ending: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (12, 10, 8), np.uint8)
    path = save(tmp_path / f"a{ending}", noise)
    assert read_geometry(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match="shorter than its header promises|ended before the end-of-stream marker"):
        read_geometry(path)


def test_an_intact_compressed_file_is_not_decompressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.nii.gz")
    monkeypatch.setattr(images.gzip, "open", lambda *_: pytest.fail("it was decompressed"))
    assert read_geometry(path).shape == SHAPE


def test_a_file_of_several_gzip_members_is_complete(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz")
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:400]) + gzip.compress(content[400:]))
    assert read_geometry(path).shape == SHAPE


def test_four_axes_or_an_affine_without_numbers_are_refused(tmp_path: Path) -> None:
    sentence = "has 4 dimensions, but nnU-Net takes one 3D file per channel; store each volume as a file of its own"
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS[None].astype(np.int16), isVector=False), str(tmp_path / "a.nrrd"))
    for path in (save(tmp_path / "a.nii", VOXELS[..., None]), tmp_path / "a.nrrd"):
        with pytest.raises(UserError, match=sentence):
            read_geometry(path)
    path = save(tmp_path / "b.nii")
    header = bytearray(path.read_bytes())
    header[280:284] = np.float32(np.nan).tobytes()  # srow_x
    path.write_bytes(header)
    with pytest.raises(UserError, match="affine holds NaN"):
        read_geometry(path)


@pytest.mark.parametrize("size", [float("nan"), float("inf")])
def test_voxels_without_a_size_are_refused(tmp_path: Path, size: float) -> None:
    image = nib.Nifti1Image(np.zeros((3, 4, 5), np.uint8), np.eye(4))
    image.header["pixdim"][2] = size
    (tmp_path / "a.nii").write_bytes(image.header.binaryblock + b"\0" * 100)
    with pytest.raises(UserError, match=r"a\.nii cannot be read as an image \(its voxels measure"):
        read_geometry(tmp_path / "a.nii")


@pytest.mark.parametrize("dtype", [np.complex64, [("R", "u1"), ("G", "u1"), ("B", "u1")]])
def test_voxels_that_are_no_real_numbers_are_refused(tmp_path: Path, dtype: object) -> None:
    nib.save(nib.Nifti1Image(np.zeros((3, 4, 5), dtype), np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(UserError, match=r"its voxels are of type .*, not real numbers"):
        read_segmentation(tmp_path / "a.nii.gz")


def test_a_label_too_large_for_a_whole_number_is_refused_and_does_not_turn_negative(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.full((2, 2, 2), 2.0**63, np.float32), np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(UserError, match="holds 9.22337e\\+18, which is not a label"):
        read_segmentation(tmp_path / "a.nii.gz")


def test_a_header_that_promises_more_than_the_memory_holds_is_refused(tmp_path: Path) -> None:
    header = nib.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4)).header
    header["dim"][1:4] = 32_767
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(header.binaryblock + b"\0" * 100))
    with pytest.raises(UserError, match="it is shorter than its header promises"):
        read_segmentation(tmp_path / "a.nii.gz")


def test_the_resolution_of_a_picture_is_no_spacing(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.zeros((3, 4), np.uint8))
    for ending, spacing in ((".png", 1.0), (".tif", 0.35), (".bmp", 0.26)):
        image.SetSpacing((spacing, spacing))
        sitk.WriteImage(image, str(tmp_path / f"a{ending}"))
        geometry = read_geometry(tmp_path / f"a{ending}")
        assert (geometry.spacing_mm, geometry.unit) == ((1, 1), "px")
        np.testing.assert_array_equal(geometry.affine, np.diag([-1.0, -1, 1, 1]))


@pytest.mark.parametrize(
    ("shape", "spacing", "unit"),
    [
        ((5, 4), (1, 1), "px"),
        ((5, 4), (0.5, 0.5), "mm"),
        ((5, 4, 1), (1, 1, 999), "px"),
        ((1, 5, 4), (999, 1, 1), "px"),
        ((5, 4, 1), (1, 1, 1), "mm"),
        ((5, 4, 1), (0.5, 0.5, 999), "mm"),
        ((5, 4, 3), (1, 1, 1), "mm"),
        ((5, 4, 3), (1, 1, 999), "mm"),
    ],
)
def test_two_dimensions_without_spacing_are_measured_in_pixels(shape: tuple, spacing: tuple, unit: str) -> None:
    assert Geometry(shape, spacing, np.eye(4)).unit == unit
