"""A described data set is made once, and only from its description."""

from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.raw import prepare_raw

from .prepared import SMALL_PHANTOM, described, fingerprint, prepare


def test_a_phantom_is_prepared_once(tmp_path: Path) -> None:
    folder = prepare(described(SMALL_PHANTOM), tmp_path)
    assert len(inspect_dataset(folder).cases) == 3
    before = fingerprint(folder)
    assert prepare(described(SMALL_PHANTOM), tmp_path) == folder
    assert fingerprint(folder) == before


def test_a_change_of_the_description_is_noticed_and_named(tmp_path: Path) -> None:
    prepare(described(SMALL_PHANTOM), tmp_path)
    changed = {"phantom": {**SMALL_PHANTOM["phantom"], "seed": 9}}
    with pytest.raises(UserError, match=r"made from another description \(source\.seed differ\)"):
        prepare(described(changed), tmp_path)
    with pytest.raises(UserError, match=r"\(cases differ\)"):
        prepare(described(SMALL_PHANTOM), tmp_path, cases=2)


def test_licence_and_description_may_change_without_making_it_anew(tmp_path: Path) -> None:
    folder = prepare(described(SMALL_PHANTOM), tmp_path)
    assert prepare(described(SMALL_PHANTOM, description="said better"), tmp_path) == folder


def test_a_subset_of_a_phantom_holds_the_same_cases(tmp_path: Path) -> None:
    whole = prepare(described(SMALL_PHANTOM), tmp_path / "whole")
    part = prepare(described(SMALL_PHANTOM), tmp_path / "part", cases=["phantom_002"])
    assert [path.name for path in (part / "labelsTr").iterdir()] == ["phantom_002.nii.gz"]
    name = "imagesTr/phantom_002_0000.nii.gz"
    assert (part / name).read_bytes() == (whole / name).read_bytes()


def test_a_data_set_that_lies_there_already_is_used_as_it_is(raw_dataset: Path) -> None:
    description = {"name": raw_dataset.name, "source": {"path": str(raw_dataset)}}
    before = fingerprint(raw_dataset)
    assert prepare_raw(description, raw_dataset.parent) == raw_dataset
    assert fingerprint(raw_dataset) == before
    with pytest.raises(UserError, match="is its own source"):
        prepare_raw(description, raw_dataset.parent, cases=2)


def test_a_folder_of_somebody_else_is_not_overwritten(raw_dataset: Path) -> None:
    with pytest.raises(UserError, match="was not made by nnunet-losses"):
        prepare_raw({"name": raw_dataset.name, "source": SMALL_PHANTOM}, raw_dataset.parent)


def test_labels_can_be_renamed_and_grouped(raw_dataset: Path, tmp_path: Path) -> None:
    labels = {"background": 0, "whole": [1, 2], "core": 2}
    description = described({"path": str(raw_dataset)}, labels=labels, regions_class_order=[1, 2])
    summary = inspect_dataset(prepare(description, tmp_path))
    assert summary.cases[2].voxels == {"whole": 7, "core": 2}


def test_labels_with_other_values_are_refused(raw_dataset: Path, tmp_path: Path) -> None:
    description = described({"path": str(raw_dataset)}, labels={"background": 0, "lesion": 1})
    with pytest.raises(UserError, match=r"label values \[0, 1, 2\], but the data-set file names \[0, 1\]"):
        prepare(description, tmp_path)
    assert not (tmp_path / "prepared/Dataset077_Prepared").exists()


def test_an_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "prepared").write_text("a file, no folder")
    with pytest.raises(UserError, match="Cannot write to"):
        prepare(described(SMALL_PHANTOM), tmp_path)
