import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.inspection import inspect_dataset

Write = Callable[..., None]


def edit(folder: Path, **changes: object) -> None:
    """Change keys of dataset.json; None removes one."""
    path = folder / "dataset.json"
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(UserError) as refusal:
        inspect_dataset(folder)
    return str(refusal.value).splitlines()[1:]


def the_problem_of(folder: Path) -> str:
    (problem,) = problems_of(folder)
    return problem


def test_a_sound_data_set_is_summarised(raw_dataset: Path) -> None:
    summary = inspect_dataset(raw_dataset, workers=2)
    assert summary.labels == {"lesion": 1, "other": 2}
    assert summary.channel_names == ("FLAIR", "T1")
    first, _, last = summary.cases
    assert first.lesion_voxels == {"lesion": (4, 1), "other": ()}
    assert last.voxels == {"lesion": 5, "other": 2}
    assert last.lesions == {"lesion": 2, "other": 1}
    assert last.foreground_fraction == pytest.approx(7 / 960)
    assert (last.shape, last.spacing_mm) == ((12, 10, 8), (1, 1, 1))
    assert "3 cases" in str(summary)
    assert json.loads(json.dumps(summary.as_dict()))["cases"][2]["case"] == "c"


def test_regions_are_counted_as_unions_and_the_ignore_label_is_no_foreground(
    raw_dataset: Path, write_image: Write
) -> None:
    edit(
        raw_dataset,
        labels={"background": 0, "whole": [1, 2], "core": 2, "ignore": 3},
        regions_class_order=[1, 2],
    )
    write_image(raw_dataset / "labelsTr/a.nii.gz", value=3)
    summary = inspect_dataset(raw_dataset)
    assert summary.ignore_label == 3
    assert summary.labels == {"whole": (1, 2), "core": 2}
    assert summary.cases[0].foreground_fraction == 0
    assert summary.cases[2].voxels == {"whole": 7, "core": 2}


def test_all_problems_are_listed_at_once_and_counted(raw_dataset: Path) -> None:
    (raw_dataset / "labelsTr/a.nii.gz").unlink()
    (raw_dataset / "imagesTr/b_0001.nii.gz").unlink()
    (raw_dataset / "imagesTr/c_0000.nii.gz").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"has 3 problems:") as refusal:
        inspect_dataset(raw_dataset)
    text = str(refusal.value)
    assert "Case 'a' has no label file labelsTr/a.nii.gz" in text
    assert "Case 'b' lacks channel 1 (b_0001.nii.gz)" in text
    assert "imagesTr/c_0000.nii.gz cannot be read as an image" in text


def test_a_long_list_of_problems_is_cut(raw_dataset: Path, write_image: Write) -> None:
    for number in range(25):
        write_image(raw_dataset / f"labelsTr/x{number}.nii.gz")
    with pytest.raises(UserError, match=r"has 25 problems \(the first 20\)") as refusal:
        inspect_dataset(raw_dataset)
    assert len(str(refusal.value).splitlines()) == 21


def test_a_label_that_lies_elsewhere_is_refused_once_for_each_channel(raw_dataset: Path, write_image: Write) -> None:
    affine = np.eye(4)
    affine[0, 3] = 0.09
    write_image(raw_dataset / "labelsTr/a.nii.gz", affine=affine)
    assert inspect_dataset(raw_dataset)
    affine[0, 3] = 0.5
    write_image(raw_dataset / "labelsTr/a.nii.gz", affine=affine)
    first, second = problems_of(raw_dataset)
    assert "the affines of image a_0000.nii.gz and its label differ (a corner by 0.5 voxels)" in first
    assert "a_0001.nii.gz" in second


def test_another_shape_is_refused(raw_dataset: Path, write_image: Write) -> None:
    write_image(raw_dataset / "labelsTr/a.nii.gz", np.ones((12, 10, 9), np.uint8))
    for line in problems_of(raw_dataset):
        assert "has shape (12, 10, 8), its label (12, 10, 9)" in line


@pytest.mark.parametrize(
    ("value", "dtype", "sentence"),
    [
        (7, np.uint8, "holds the value 7, which dataset.json does not name"),
        (-1, np.int16, "holds the value -1, which dataset.json does not name"),
        (0.5, np.float32, "holds 0.5 (1 voxels are not integers)"),
        (np.nan, np.float32, "holds nan (1 voxels are not integers)"),
    ],
)
def test_a_label_value_that_means_nothing_is_refused(
    raw_dataset: Path, write_image: Write, value: float, dtype: type, sentence: str
) -> None:
    voxels = np.zeros((12, 10, 8), dtype)
    voxels[1, 1, 1] = value
    write_image(raw_dataset / "labelsTr/a.nii.gz", voxels)
    assert sentence in the_problem_of(raw_dataset)


@pytest.mark.parametrize("name", ["imagesTr/b_0000.nii.gz", "labelsTr/b.nii.gz"])
def test_a_file_cut_short_is_found_though_its_header_is_intact(
    raw_dataset: Path, write_image: Write, name: str
) -> None:
    path = raw_dataset / name
    write_image(path, np.random.default_rng(0).integers(0, 2, (12, 10, 8), np.uint8))
    path.write_bytes(path.read_bytes()[:-30])
    assert f"{name} cannot be read" in the_problem_of(raw_dataset)


def test_a_data_set_without_any_foreground_is_refused(raw_dataset: Path, write_image: Write) -> None:
    for case in "abc":
        write_image(raw_dataset / f"labelsTr/{case}.nii.gz", value=0)
    assert "nothing to learn" in the_problem_of(raw_dataset)


def test_one_case_is_too_few(raw_dataset: Path) -> None:
    for case in "bc":
        for path in raw_dataset.rglob(f"{case}*.nii.gz"):
            path.unlink()
    edit(raw_dataset, numTraining=1)
    assert "at least 2 are needed" in the_problem_of(raw_dataset)


def test_files_with_another_ending_or_without_channel_or_image_are_named(raw_dataset: Path, write_image: Write) -> None:
    write_image(raw_dataset / "imagesTr/d_0000.nii")
    write_image(raw_dataset / "imagesTr/e.nii.gz")
    write_image(raw_dataset / "labelsTr/f.nii.gz")
    write_image(raw_dataset / "imagesTr/.hidden_0000.nii.gz")
    lines = problems_of(raw_dataset)
    assert [line.split()[1] for line in lines] == ["imagesTr/d_0000.nii", "imagesTr/e.nii.gz", "labelsTr/f.nii.gz"]
    assert "does not end in '.nii.gz'" in lines[0]
    assert "has no channel number" in lines[1]
    assert "has no image" in lines[2]


def test_names_that_differ_in_case_alone_are_refused(raw_dataset: Path, write_image: Write) -> None:
    for name in ("imagesTr/A_0000", "imagesTr/A_0001", "labelsTr/A"):
        write_image(raw_dataset / f"{name}.nii.gz")
    edit(raw_dataset, numTraining=4)
    assert "'A' and 'a' differ in case alone" in the_problem_of(raw_dataset)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"labels": None}, "has no 'labels'"),
        ({"file_ending": None}, "has no 'file_ending'"),
        ({"file_ending": "nii.gz"}, "file_ending must be text such as"),
        ({"numTraining": 5}, "numTraining 5, but there are 3 cases"),
        ({"labels": {"background": 0, "lesion": 1, "other": 3}}, "without a gap, got [0, 1, 3]"),
        ({"labels": {"background": 0, "whole": [1, 2], "core": 2}}, "regions_class_order must list 2"),
        ({"channel_names": {"1": "FLAIR"}}, 'keys "0", "1"'),
    ],
)
def test_a_wrong_dataset_json_is_refused(raw_dataset: Path, changes: dict[str, object], sentence: str) -> None:
    edit(raw_dataset, **changes)
    assert any(sentence in line for line in problems_of(raw_dataset))


def test_images_listed_in_dataset_json_may_lie_anywhere(raw_dataset: Path, tmp_path: Path) -> None:
    (raw_dataset / "imagesTr").rename(tmp_path / "elsewhere")
    edit(
        raw_dataset,
        dataset={
            case: {
                "images": [str(tmp_path / "elsewhere" / f"{case}_{c:04d}.nii.gz") for c in range(2)],
                "label": f"labelsTr/{case}.nii.gz",
            }
            for case in "abc"
        },
    )
    assert len(inspect_dataset(raw_dataset).cases) == 3


def test_other_formats_are_read_by_simpleitk(raw_dataset: Path) -> None:
    for path in raw_dataset.rglob("*.nii.gz"):
        sitk.WriteImage(sitk.ReadImage(str(path)), str(path).replace(".nii.gz", ".mha"))
        path.unlink()
    edit(raw_dataset, file_ending=".mha")
    first, _, last = inspect_dataset(raw_dataset).cases
    assert first.lesion_voxels["lesion"] == (4, 1)
    assert last.shape == (12, 10, 8)
    shifted = sitk.ReadImage(str(raw_dataset / "labelsTr/a.mha"))
    shifted.SetOrigin((0, 3, 0))
    sitk.WriteImage(shifted, str(raw_dataset / "labelsTr/a.mha"))
    assert "a corner by 3 voxels" in problems_of(raw_dataset)[0]


def test_colour_pictures_hold_three_channels_in_one_file(tmp_path: Path) -> None:
    for sub in ("imagesTr", "labelsTr"):
        (tmp_path / sub).mkdir()
    for case in "ab":
        picture = sitk.GetImageFromArray(np.zeros((9, 7, 3), np.uint8), isVector=True)
        sitk.WriteImage(picture, str(tmp_path / f"imagesTr/{case}_0000.png"))
        sitk.WriteImage(sitk.GetImageFromArray(np.eye(9, 7, dtype=np.uint8)), str(tmp_path / f"labelsTr/{case}.png"))
    content = {
        "channel_names": {"0": "R", "1": "G", "2": "B"},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": 2,
        "file_ending": ".png",
    }
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    assert inspect_dataset(tmp_path).cases[0].lesion_voxels == {"lesion": (7,)}


@pytest.mark.slow
def test_real_hippocampus_is_sound_and_inspected_within_seconds(shared_data: Path) -> None:
    start = time.process_time()
    summary = inspect_dataset(shared_data / "Dataset004_Hippocampus")
    assert time.process_time() - start < 15
    assert len(summary.cases) == 60
    assert summary.labels == {"anterior": 1, "posterior": 2}
    assert all(0.01 < case.foreground_fraction < 0.1 for case in summary.cases)


def test_real_ms_lesions_are_counted_as_their_readme_says(shared_data: Path) -> None:
    summary = inspect_dataset(shared_data / "Dataset030_MSLesions")
    assert [case.voxels["lesion"] for case in summary.cases] == [1300, 49769, 8227]
    assert [case.lesions["lesion"] for case in summary.cases] == [37, 98, 19]
    assert max(max(case.lesion_voxels["lesion"]) for case in summary.cases) == 46870
