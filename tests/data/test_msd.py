"""Tasks of the Medical Segmentation Decathlon."""

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.inspection import inspect_dataset

from .prepared import described, fingerprint, prepare

THREE_CHANNELS = nib.Nifti1Image(np.ones((3, 3, 3, 3), np.int16), np.eye(4))


def test_a_decathlon_task_is_converted(decathlon: Path, tmp_path: Path) -> None:
    before = fingerprint(decathlon)
    folder = prepare(described({"path": str(decathlon)}), tmp_path, cases=2, workers=2)
    summary = inspect_dataset(folder)
    assert summary.channel_names == ("FLAIR", "T1")
    assert summary.labels == {"tumour": 1}
    assert [case.case for case in summary.cases] == ["toy_001", "toy_002"]
    assert summary.cases[0].spacing_mm == (2, 1, 1)
    whole = nib.load(decathlon / "imagesTr/toy_002.nii.gz")
    second = nib.load(folder / "imagesTr/toy_002_0001.nii.gz")
    np.testing.assert_array_equal(np.asarray(second.dataobj), np.asarray(whole.dataobj)[..., 1])
    np.testing.assert_array_equal(second.affine, whole.affine)
    assert second.get_data_dtype() == np.int16
    assert fingerprint(decathlon) == before


def test_an_image_of_one_channel_is_brought_in_as_it_is(decathlon: Path, tmp_path: Path) -> None:
    content = json.loads((decathlon / "dataset.json").read_text())
    (decathlon / "dataset.json").write_text(json.dumps({**content, "modality": {"0": "FLAIR"}}))
    for path in (decathlon / "imagesTr").glob("toy*"):
        nib.save(nib.load(path).slicer[..., 0], path)
    folder = prepare(described({"path": str(decathlon)}), tmp_path)
    brought, source = folder / "imagesTr/toy_001_0000.nii.gz", decathlon / "imagesTr/toy_001.nii.gz"
    assert brought.read_bytes() == source.read_bytes()
    assert not brought.samefile(source)


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda f: (f / "labelsTr/toy_002.nii.gz").unlink(), "labelsTr has no label of 'toy_002', which has an image"),
        (lambda f: (f / "labelsTr").rename(f / "labels"), "without imagesTr or labelsTr"),
        (lambda f: (f / "imagesTr/toy_002.nii.gz").write_bytes(b"no image"), r"toy_002\.nii\.gz cannot be read"),
        (
            lambda f: nib.save(
                nib.Nifti1Image(np.ones((3, 3, 3, 3), np.int16), np.eye(4)), f / "imagesTr/toy_001.nii.gz"
            ),
            r"has shape \(3, 3, 3, 3\), but dataset\.json names 2 modalities",
        ),
    ],
)
def test_a_broken_task_is_refused_by_name(
    decathlon: Path, tmp_path: Path, break_it: Callable[[Path], object], sentence: str
) -> None:
    break_it(decathlon)
    with pytest.raises(UserError, match=sentence):
        prepare(described({"path": str(decathlon)}), tmp_path)
    assert not (tmp_path / "prepared/Dataset077_Prepared").exists()
