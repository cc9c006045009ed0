"""NaN and infinity become a number where a data-set file says so, and nothing else changes."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import read_voxels
from nnunet_losses.data.description import load_dataset_description
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.raw import data_fingerprint, depends_on, prepare_raw

from .prepared import described, fingerprint, prepare


@pytest.fixture
def holes() -> np.ndarray:
    """Real numbers with NaN outside and two infinities within."""
    voxels = np.random.default_rng(1).normal(size=(12, 10, 8)).astype(np.float32)
    voxels[:2] = np.nan
    voxels[5, 5, :2] = np.inf, -np.inf
    return voxels


def test_a_data_set_with_nan_is_prepared_and_sound(
    raw_dataset: Path, tmp_path: Path, holes: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    image = nib.Nifti1Image(holes, np.diag([-1, 1, 2, 1]))
    image.set_qform(image.affine, "scanner")
    image.set_sform(image.affine, "mni")
    for case in "abc":
        for folder, ending in (("imagesTr", "_0000"), ("imagesTr", "_0001"), ("labelsTr", "")):
            path = raw_dataset / folder / f"{case}{ending}.nii.gz"
            voxels = np.asanyarray(nib.load(path).dataobj)
            nib.save(nib.Nifti1Image(voxels, image.affine), path)
    nib.save(image, raw_dataset / "imagesTr/b_0001.nii.gz")
    before = fingerprint(raw_dataset)

    folder = prepare(described({"path": str(raw_dataset)}, not_finite=-3), tmp_path)

    assert caplog.messages == ["NaN and infinity became -3 in 1 of 6 images."]
    inspect_dataset(folder)
    changed = nib.load(folder / "imagesTr/b_0001.nii.gz")
    np.testing.assert_array_equal(changed.get_fdata(), np.where(np.isfinite(holes), holes, -3))
    assert changed.get_data_dtype() == np.float32
    assert [int(changed.header[form]) for form in ("qform_code", "sform_code")] == [1, 4]
    np.testing.assert_array_equal(changed.affine, image.affine)
    untouched = "imagesTr/a_0000.nii.gz"
    assert (folder / untouched).read_bytes() == (raw_dataset / untouched).read_bytes()
    assert fingerprint(raw_dataset) == before
    assert prepare(described({"path": str(raw_dataset)}, not_finite=-3), tmp_path) == folder


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_other_formats_keep_their_place(tmp_path: Path, holes: np.ndarray, ending: str) -> None:
    image = sitk.GetImageFromArray(holes)
    image.SetSpacing((0.5, 0.5, 3))
    image.SetOrigin((-10, 20, 5))
    label = sitk.GetImageFromArray((holes > 1).astype(np.uint8))
    label.CopyInformation(image)
    sitk.WriteImage(image, str(tmp_path / f"x{ending}"))
    sitk.WriteImage(label, str(tmp_path / f"x_label{ending}"))
    (tmp_path / "cases.csv").write_text(f"case,image,label\nx,x{ending},x_label{ending}\n")
    table = {"table": {"file": str(tmp_path / "cases.csv")}}

    folder = prepare(described(table, labels={"background": 0, "lesion": 1}, not_finite=0), tmp_path)

    changed = sitk.ReadImage(str(folder / f"imagesTr/x_0000{ending}"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(changed), np.where(np.isfinite(holes), holes, 0))
    assert (changed.GetSpacing(), changed.GetOrigin()) == (image.GetSpacing(), image.GetOrigin())
    np.testing.assert_array_equal(read_voxels(tmp_path / f"x{ending}"), holes.transpose())  # the source stays


def test_another_number_is_another_data_set(raw_dataset: Path, tmp_path: Path) -> None:
    source = {"path": str(raw_dataset)}
    plain = prepare(described(source), tmp_path / "plain")
    filled = prepare(described(source, not_finite=0), tmp_path)
    assert data_fingerprint(filled) != data_fingerprint(plain)
    states = [depends_on(load_dataset_description(described(source, **more))) for more in ({}, {"not_finite": 0})]
    assert states[0] != states[1]
    for other in ({"not_finite": 1}, {}):
        with pytest.raises(UserError, match=r"made from another description \(not_finite differ\)"):
            prepare(described(source, **other), tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "zero"])
def test_only_a_finite_number_can_take_their_place(value: object) -> None:
    with pytest.raises(UserError, match="not_finite"):
        load_dataset_description(described({"phantom": {}}, not_finite=value))


def test_a_data_set_that_is_its_own_source_is_not_written(raw_dataset: Path) -> None:
    content = {"name": raw_dataset.name, "source": {"path": str(raw_dataset)}, "not_finite": 0}
    before = fingerprint(raw_dataset)
    with pytest.raises(UserError, match="nor values replaced; give it another name"):
        prepare_raw(content, raw_dataset.parent)
    assert fingerprint(raw_dataset) == before
