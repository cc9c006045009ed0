"""A user's own data, as they lie, in nnU-Net's raw layout: voxels, places and label values stay."""

import json
import locale
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.description import load_dataset_description
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.label_maps import merge_labels
from nnunet_losses.data.raw import prepare_raw, source_state

LABELS = {"background": 0, "lesion": 1}
SHAPE = (5, 7, 6)  # z, y, x


def volume(voxels: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((0.5, 1.0, 2.0))
    image.SetOrigin((3.0, -4.0, 5.0))
    image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    return image


def write(path: Path, voxels: np.ndarray) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(volume(voxels) if voxels.ndim == 3 else sitk.GetImageFromArray(voxels), str(path))
    return voxels


def lesion(number: int) -> np.ndarray:
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[1:3, 2:4, 1 + number : 3 + number] = 1
    return voxels


def table(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / "cases.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def prepare(tmp_path: Path, source: dict[str, Any], **changes: Any) -> Path:
    content = {"name": "Dataset055_Own", "source": source, "labels": LABELS, **changes}
    folder = prepare_raw(content, tmp_path / "raw", progress=False)
    inspect_dataset(folder)
    return folder


def stored(path: Path) -> sitk.Image:
    return sitk.ReadImage(str(path))


def write_dicom(folder: Path, voxels: np.ndarray) -> None:
    """A series of slices, as a scanner stores them, in files whose names are in no order."""
    folder.mkdir(parents=True)
    # writing DICOM (not reading it) leaves the locale changed for the whole process
    before = locale.setlocale(locale.LC_ALL)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    image = volume(voxels)
    direction = np.reshape(image.GetDirection(), (3, 3))
    for number in range(image.GetSize()[2]):
        piece = image[:, :, number]
        cosines = "\\".join(f"{x:g}" for x in (*direction[:, 0], *direction[:, 1]))
        place = image.TransformIndexToPhysicalPoint((0, 0, number))
        for tag, value in {
            "0008|0060": "CT",
            "0020|000e": "1.2.826.0.1.3680043.2.1125.1",
            "0020|000d": "1.2.826.0.1.3680043.2.1125.2",
            "0008|0018": f"1.2.826.0.1.3680043.2.1125.3.{number + 1}",
            "0020|0037": cosines,
            "0020|0032": "\\".join(f"{x:g}" for x in place),
            "0020|0013": str(number + 1),
            "0018|0050": "2",
        }.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{(number * 7) % 11:02d}.dcm"))
        writer.Execute(piece)
    locale.setlocale(locale.LC_ALL, before)


def test_volumes_of_many_formats_become_one_data_set(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows, images = [], {}
    for number, ending in enumerate((".nrrd", ".mha", ".nii.gz", "")):
        case = f"p{number}"
        images[case] = rng.integers(-1000, 1000, SHAPE).astype(np.int16)
        if ending:
            write(tmp_path / f"in/{case}{ending}", images[case])
        else:
            write_dicom(tmp_path / f"in/{case}", images[case])
        write(tmp_path / f"in/{case}_seg.nrrd", lesion(number % 2))
        rows.append(
            {"case": case, "image": f"in/{case}{ending}", "label": f"in/{case}_seg.nrrd", "patient": "x" * number}
        )
    folder = prepare(tmp_path, {"table": {"file": str(table(tmp_path, rows))}})
    assert json.loads((folder / "dataset.json").read_text())["channel_names"] == {"0": "image"}
    like = volume(lesion(0))
    for number, (case, voxels) in enumerate(images.items()):
        image = stored(folder / f"imagesTr/{case}_0000.nii.gz")
        assert np.array_equal(sitk.GetArrayFromImage(image), voxels)
        assert np.array_equal(sitk.GetArrayFromImage(stored(folder / f"labelsTr/{case}.nii.gz")), lesion(number % 2))
        for index in ((0, 0, 0), (5, 6, 4), (2, 0, 3)):
            assert image.TransformIndexToPhysicalPoint(index) == pytest.approx(
                like.TransformIndexToPhysicalPoint(index), abs=1e-5
            )
    kept = pd.read_csv(folder / "cases.csv", keep_default_na=False)
    assert kept.columns.tolist() == ["case", "patient"]
    assert kept["patient"].tolist() == ["", "x", "xx", "xxx"]


def test_files_of_one_kind_are_copied_as_they_are(tmp_path: Path) -> None:
    rows = []
    for case in ("a", "b"):
        for name in ("FLAIR", "T1"):
            write(tmp_path / f"{case}_{name}.nrrd", np.full(SHAPE, len(name), np.int16) + lesion(case == "b"))
        write(tmp_path / f"{case}_seg.nrrd", lesion(0))
        rows.append(
            {
                "case": case,
                "image_T1": f"{case}_T1.nrrd",
                "image_FLAIR": f"{case}_FLAIR.nrrd",
                "label": f"{case}_seg.nrrd",
            }
        )
    source = {"table": {"file": str(table(tmp_path, rows)), "images": {"FLAIR": "image_FLAIR", "T1": "image_T1"}}}
    folder = prepare(tmp_path, source)
    assert json.loads((folder / "dataset.json").read_text())["channel_names"] == {"0": "FLAIR", "1": "T1"}
    assert (folder / "imagesTr/a_0001.nrrd").read_bytes() == (tmp_path / "a_T1.nrrd").read_bytes()


def test_colour_pictures_become_png_with_three_channels_and_values_are_replaced(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for case, ending in (("a", ".tif"), ("b", ".jpg"), ("c", ".png")):
        picture = rng.integers(0, 255, (9, 8, 3), np.uint8)
        sitk.WriteImage(sitk.GetImageFromArray(picture, isVector=True), str(tmp_path / f"{case}{ending}"))
        mask = np.zeros((9, 8), np.uint8)
        mask[2:4, 3 : 5 + len(rows)] = 255
        write(tmp_path / f"{case}_mask.png", mask)
        rows.append({"case": case, "image": f"{case}{ending}", "label": f"{case}_mask.png"})
    folder = prepare(tmp_path, {"table": {"file": str(table(tmp_path, rows)), "values": {255: 1}}})
    assert json.loads((folder / "dataset.json").read_text())["channel_names"] == {"0": "R", "1": "G", "2": "B"}
    (summary,) = {case.unit for case in inspect_dataset(folder).cases}
    assert summary == "px"
    assert np.array_equal(
        sitk.GetArrayFromImage(stored(folder / "imagesTr/a_0000.png")),
        sitk.GetArrayFromImage(stored(tmp_path / "a.tif")),
    )
    assert set(np.unique(sitk.GetArrayFromImage(stored(folder / "labelsTr/a.png")))) == {0, 1}


@pytest.mark.parametrize(
    ("how", "merged"),
    [
        ("masks", [0, 3, 3, 2, 1]),
        ("values", [0, 2, 2, 1, 1]),
        ("majority", [0, 1, 2, 1, 0]),
        ("union", [0, 1, 2, 1, 1]),
        ("intersection", [0, 0, 2, 0, 0]),
    ],
)
def test_label_maps_are_merged_by_rule(how: str, merged: list[int]) -> None:
    maps = [np.array(one) for one in ([0, 1, 2, 1, 1], [0, 1, 2, 1, 0], [0, 2, 2, 0, 0])]
    assert merge_labels(maps, how).tolist() == merged


def test_masks_of_several_files_become_one_label_map(tmp_path: Path) -> None:
    rows = []
    for case in ("a", "b"):
        write(tmp_path / f"{case}.nii.gz", np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16) + (case == "b"))
        write(tmp_path / f"{case}_whole.nii.gz", lesion(0) * 255)
        core = lesion(0)
        core[1] = 0
        write(tmp_path / f"{case}_core.nii.gz", core)
        rows.append(
            {
                "case": case,
                "image": f"{case}.nii.gz",
                "label_whole": f"{case}_whole.nii.gz",
                "label_core": f"{case}_core.nii.gz",
            }
        )
    source = {"file": str(table(tmp_path, rows))}
    with pytest.raises(UserError, match="'a' has 2 label maps .* say with 'merge' how they become one"):
        prepare(tmp_path, {"table": source})
    regions = {"background": 0, "whole": [1, 2], "core": 2}
    folder = prepare(tmp_path, {"table": {**source, "merge": "masks"}}, labels=regions, regions_class_order=[1, 2])
    label = sitk.GetArrayFromImage(stored(folder / "labelsTr/a.nii.gz"))
    assert (int((label == 1).sum()), int((label == 2).sum())) == (4, 4)
    assert inspect_dataset(folder).cases[0].voxels == {"whole": 8, "core": 4}


@pytest.fixture
def bids(tmp_path: Path) -> Path:
    root = tmp_path / "bids"
    rng = np.random.default_rng(0)
    for case, place in (("sub-01_ses-a", "sub-01/ses-a"), ("sub-01_ses-b", "sub-01/ses-b"), ("sub-02", "sub-02")):
        for suffix in ("FLAIR", "T1w", "ce-gd_T1w"):
            write(root / place / f"anat/{case}_{suffix}.nii.gz", rng.integers(0, 99, SHAPE).astype(np.int16))
        write(
            root / f"derivatives/raters/{place}/anat/{case}_space-orig_label-lesion_mask.nii.gz", lesion(len(case) % 2)
        )
    write(root / "sub-03/anat/sub-03_FLAIR.nii.gz", np.ones(SHAPE, np.int16))
    (root / "participants.tsv").write_text("participant_id\tage\tsite\nsub-01\t40\tX\nsub-02\t50\tY\n")
    return root


def of_bids(root: Path, **changes: Any) -> dict[str, Any]:
    keys = {
        "folder": str(root),
        "channels": {"FLAIR": "FLAIR"},
        "derivatives": "raters",
        "label": ["label-lesion_mask"],
    }
    return {"bids": keys | changes}


def test_a_bids_folder_is_read_by_its_names(tmp_path: Path, bids: Path) -> None:
    folder = prepare(tmp_path, of_bids(bids, channels={"FLAIR": "FLAIR", "T1ce": "ce-gd_T1w"}))
    assert sorted(path.name for path in (folder / "imagesTr").iterdir()) == [
        f"{case}_000{channel}.nii.gz" for case in ("sub-01_ses-a", "sub-01_ses-b", "sub-02") for channel in (0, 1)
    ]
    kept = pd.read_csv(folder / "cases.csv", keep_default_na=False, dtype=str)
    assert kept.loc[0].to_dict() == {
        "case": "sub-01_ses-a", "patient": "sub-01", "session": "ses-a", "age": "40", "site": "X",
    }  # fmt: skip
    assert kept.loc[2, "patient"] == "sub-02"


def test_how_far_raters_agree_is_kept(tmp_path: Path) -> None:
    rows = []
    for case in ("a", "b"):
        write(tmp_path / f"{case}.nii.gz", np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16) + (case == "b"))
        first, second = lesion(0), lesion(0)
        second[1] = 0
        write(tmp_path / f"{case}_1.nii.gz", first)
        write(tmp_path / f"{case}_2.nii.gz", second)
        files = {"image": f"{case}.nii.gz", "label_rater1": f"{case}_1.nii.gz", "label_rater2": f"{case}_2.nii.gz"}
        rows.append({"case": case, **files, "site": "X"})
    folder = prepare(tmp_path, {"table": {"file": str(table(tmp_path, rows)), "merge": "union"}})
    known = pd.read_csv(folder / "cases.csv")
    dice = 2 * int((first & second).sum()) / (int(first.sum()) + int(second.sum()))
    assert known["mean_dice_of_raters"].tolist() == pytest.approx([dice] * 2, abs=1e-4)
    assert "label_rater1" not in known and known["site"].tolist() == ["X", "X"]


def test_what_fits_twice_or_never_in_a_bids_folder_is_named(tmp_path: Path, bids: Path) -> None:
    with pytest.raises(UserError, match=r"T1w.nii.gz, sub-01_ses-a_ce-gd_T1w.nii.gz|all end in 'T1w'"):
        prepare(tmp_path, of_bids(bids, channels={"T1": "T1w"}))
    with pytest.raises(UserError, match="has a label map, but no image that ends in 'PD'"):
        prepare(tmp_path, of_bids(bids, channels={"PD": "PD"}))
    with pytest.raises(UserError, match="has no case with a label map"):
        prepare(tmp_path, of_bids(bids, label=["dseg"]))
    with pytest.raises(UserError, match="There is no folder .*derivatives/absent"):
        prepare(tmp_path, of_bids(bids, derivatives="absent"))


def test_what_is_wrong_with_a_table_is_said(tmp_path: Path) -> None:
    write(tmp_path / "a.nrrd", lesion(0))
    good = {"case": "a", "image": "a.nrrd", "label": "a.nrrd"}
    for rows, sentence in (
        ([good, good], "has the case a twice"),
        ([{**good, "label": "b.nrrd"}], r"Case 'a': there is no .*b\.nrrd"),
        ([{**good, "image": ""}], "has no 'image' for the case 'a'"),
        ([{"case": "a", "label": "a.nrrd"}], "has no column 'image' or 'image_...'"),
        ([{"image": "a.nrrd", "label": "a.nrrd"}], "has no column 'case'"),
        ([{**good, "case": "../a"}], "begins with '.'"),
    ):
        with pytest.raises(UserError, match=sentence):
            prepare(tmp_path, {"table": {"file": str(table(tmp_path, rows))}})
    with pytest.raises(UserError, match="There is no table"):
        prepare(tmp_path, {"table": {"file": str(tmp_path / "absent.csv")}})
    with pytest.raises(UserError, match="do not name the labels; add 'labels'"):
        load_dataset_description({"name": "Dataset055_Own", "source": {"table": {"file": "x.csv"}}})


def test_a_folder_of_two_dicom_series_and_a_jpeg_label_are_refused(tmp_path: Path) -> None:
    write_dicom(tmp_path / "one", lesion(0).astype(np.int16))
    (tmp_path / "none").mkdir()
    write(tmp_path / "seg.nrrd", lesion(0))
    rows = [{"case": case, "image": case, "label": "seg.nrrd"} for case in ("one", "none")]
    with pytest.raises(UserError, match="none holds no DICOM series"):
        prepare(tmp_path, {"table": {"file": str(table(tmp_path, rows))}})
    write(tmp_path / "a.jpg", np.zeros((9, 9), np.uint8))
    rows = [{"case": case, "image": "a.jpg", "label": "a.jpg"} for case in "ab"]
    with pytest.raises(UserError, match="a JPEG file, which does not keep label values"):
        prepare(tmp_path, {"table": {"file": str(table(tmp_path, rows))}})


def test_an_edited_file_or_row_is_noticed_and_cases_can_be_chosen(tmp_path: Path) -> None:
    rows = []
    for number, case in enumerate("abc"):
        write(tmp_path / f"{case}.nii.gz", np.random.default_rng(number).integers(0, 9, SHAPE).astype(np.int16))
        write(tmp_path / f"{case}_seg.nii.gz", lesion(number % 2))
        rows.append({"case": case, "image": f"{case}.nii.gz", "label": f"{case}_seg.nii.gz", "site": "X"})
    source = {"table": {"file": str(table(tmp_path, rows))}}
    description = load_dataset_description({"name": "Dataset055_Own", "source": source, "labels": LABELS})
    assert description.case_table_file == tmp_path / "cases.csv"
    before = source_state(description, tmp_path / "raw")
    folder = prepare(tmp_path, source)
    write(tmp_path / "a_seg.nii.gz", lesion(1))
    assert source_state(description, tmp_path / "raw") != before
    assert prepare(tmp_path, source) == folder
    assert np.array_equal(sitk.GetArrayFromImage(stored(folder / "labelsTr/a.nii.gz")), lesion(1))
    shutil.rmtree(folder)
    two = prepare_raw(description, tmp_path / "raw", cases=2, progress=False)
    assert len(list((two / "labelsTr").iterdir())) == 2


def test_masks_that_were_stored_in_colour_or_with_a_palette_keep_their_labels(tmp_path: Path) -> None:
    mask = np.zeros((9, 8), np.uint8)
    mask[2:4, 3:5] = 1
    palette = Image.fromarray(mask, "P")
    palette.putpalette([0, 0, 0, 255, 0, 0])
    rows = []
    for case, stored_mask in (("a", palette), ("b", Image.fromarray(mask).convert("RGB"))):
        write(tmp_path / f"{case}.png", np.arange(72, dtype=np.uint8).reshape(9, 8) + len(rows))
        stored_mask.save(tmp_path / f"{case}_mask.png")
        rows.append({"case": case, "image": f"{case}.png", "label": f"{case}_mask.png"})
    source = {"table": {"file": str(table(tmp_path, rows))}}
    folder = prepare(tmp_path, source)
    for case in "ab":
        assert np.array_equal(sitk.GetArrayFromImage(stored(folder / f"labelsTr/{case}.png")), mask)
    red = np.zeros((9, 8, 3), np.uint8)
    red[2:4, 3:5, 0] = 1
    Image.fromarray(red).save(tmp_path / "a_mask.png")
    with pytest.raises(UserError, match="a_mask.png is a colour picture; store one label per voxel, as grey values"):
        prepare(tmp_path, source)
