"""A data set of nnU-Net on disk."""

from pathlib import Path

import pytest

from nnunet_losses.base.dataset import DATASET_NAME, find_dataset, read_dataset_json, write_dataset_json
from nnunet_losses.base.errors import UserError


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name in ("Dataset042_Small", "Dataset007_Other.One", "notes"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_data_sets_are_found_by_number_or_name(base: Path) -> None:
    for wanted in (42, "42", "042", "Dataset042_Small"):
        assert find_dataset(base, wanted) == base / "Dataset042_Small"
    assert find_dataset(base, 7).name == "Dataset007_Other.One"


def test_what_is_not_found_names_what_exists(base: Path) -> None:
    with pytest.raises(UserError, match=r"no data set 8 in .*; it holds Dataset007_Other.One, Dataset042_Small\."):
        find_dataset(base, 8)
    with pytest.raises(UserError, match="did you mean Dataset042_Small"):
        find_dataset(base, "Dataset042_Smal")
    with pytest.raises(UserError, match="no data set notes"):
        find_dataset(base, "notes")
    with pytest.raises(UserError, match=r"nowhere does not exist"):
        find_dataset(base / "nowhere", 42)
    (base / "Dataset042_Twin").mkdir()
    with pytest.raises(UserError, match="the number 42: Dataset042_Small, Dataset042_Twin"):
        find_dataset(base, 42)


@pytest.mark.parametrize("name", ["MSLesions", "Dataset1_MSLesions", "Dataset001_", "Dataset001_a/b", "dataset001_x"])
def test_the_name_of_a_new_data_set_is_one_that_nnunet_finds(name: str) -> None:
    assert DATASET_NAME.fullmatch("Dataset001_My-Data_2")
    assert not DATASET_NAME.fullmatch(name)


def test_dataset_json_is_read_from_its_folder_or_as_a_file(tmp_path: Path) -> None:
    content = {"labels": {"background": 0, "lesion": 1}, "file_ending": ".nii.gz"}
    write_dataset_json(tmp_path, content)
    assert read_dataset_json(tmp_path) == content
    assert read_dataset_json(tmp_path / "dataset.json", required=("labels",)) == content
    with pytest.raises(UserError, match=r"dataset\.json has no 'numTraining'; add it"):
        read_dataset_json(tmp_path, required=("labels", "numTraining"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"labels": {"background": 0, "lesion": 1, "lesion": 2}}', "the key 'lesion' occurs in it twice"),
        ("{", "cannot be read as JSON"),
        ("[]", "must hold a table"),
    ],
)
def test_a_broken_dataset_json_is_refused_by_name(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(UserError, match=rf"dataset\.json.*{sentence}"):
        read_dataset_json(tmp_path)


def test_a_missing_dataset_json_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "dataset.json"):
        with pytest.raises(UserError, match=rf"{tmp_path} has no dataset\.json"):
            read_dataset_json(path)
