"""Every published layout goes from a web server to an inspected data set that nnU-Net takes, right in each voxel."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.originals.layouts import LAYOUTS

from ..prepared import prepare, verify_in_threads
from .replicas import FLAIR_GRID, REPLICAS, SERIES, Replica, image_value, nodule, places, write

Make = Callable[..., Path]


def description(layout: str, replica: Replica, **changes: object) -> dict[str, object]:
    source = {"layout": layout, **replica.source, **changes}
    given = {key: value for key, value in source.items() if value is not None}
    return {
        "name": "Dataset077_Prepared",
        "source": {"original": given},
        "labels": replica.labels,
        **replica.further,
    }


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Build a miniature, convert it from its folder, and give the converted data set."""

    def convert(layout: str, labels: dict[str, object] | None = None, **changes: object) -> Path:
        root = tmp_path / "published"
        if not root.exists():
            REPLICAS[layout].build(root)
        content = description(layout, REPLICAS[layout], path=str(root), **changes)
        if labels is not None:
            content = {key: content[key] for key in ("name", "source")} | {"labels": labels}
        return prepare(content, tmp_path)

    return convert


def volume(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxels, and the place of each in mm."""
    nifti: Any = nib.load(path)
    return np.asanyarray(nifti.dataobj), places(nifti.shape, nifti.affine)


def test_every_layout_has_a_miniature() -> None:
    assert set(REPLICAS) == set(LAYOUTS)


@pytest.mark.parametrize("layout", REPLICAS)
def test_from_a_server_to_a_data_set_that_nnunet_takes(
    layout: str, tmp_path: Path, web: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = REPLICAS[layout]
    address, served = web
    replica.build(tmp_path / "published")
    with zipfile.ZipFile(served / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((tmp_path / "published").rglob("*")):
            archive.write(path, path.relative_to(tmp_path / "published"))
    digest = hashlib.sha256((served / "all.zip").read_bytes()).hexdigest()
    files = [{"url": f"{address}/all.zip", "checksum": f"sha256:{digest}"}]
    folder = prepare(description(layout, replica, files=files), tmp_path)

    assert [case.case for case in inspect_dataset(folder).cases] == replica.cases
    for case in replica.cases:
        for number, channel in enumerate(replica.images):
            voxels, mm = volume(folder / f"imagesTr/{case}_{number:04d}.nii.gz")
            np.testing.assert_array_equal(voxels, image_value(mm, channel))
        voxels, mm = volume(folder / f"labelsTr/{case}.nii.gz")
        np.testing.assert_array_equal(voxels, replica.label(mm) if case not in replica.empty else 0)
        assert voxels.any() == (case not in replica.empty)
    verify_in_threads(folder, monkeypatch)


@pytest.mark.slow
def test_several_processes_make_the_same(make: Make, tmp_path: Path) -> None:
    one = make("brats20")
    files = {path.relative_to(one): path.read_bytes() for path in one.rglob("*.nii*")}
    path = {"path": str(tmp_path / "published")}
    two = prepare(description("brats20", REPLICAS["brats20"], **path) | {"name": "Dataset078_B"}, tmp_path, workers=2)
    assert {path.relative_to(two): path.read_bytes() for path in two.rglob("*.nii*")} == files


def test_files_in_which_nothing_changes_are_linked(make: Make, tmp_path: Path) -> None:
    folder = make("openms")
    source = tmp_path / "published/cross_sectional/coregistered/patient01/FLAIR.nii.gz"
    assert source.samefile(folder / "imagesTr/patient01_0000.nii.gz")


def test_case_tables_know_patients_sites_and_grades(make: Make, tmp_path: Path) -> None:
    table = pd.read_csv(make("brats20") / "cases.csv")
    assert table[["case", "grade"]].to_numpy().tolist() == [
        ["BraTS20_Training_001", "HGG"],
        ["BraTS20_Training_355", "LGG"],
    ]


def test_time_points_belong_to_their_patient(make: Make) -> None:
    table = pd.read_csv(make("isbi2015") / "cases.csv")
    assert table["patient"].tolist() == ["training01", "training01", "training02"]
    assert table["time_point"].tolist() == [1, 2, 1]


def test_labels_of_all_raters_are_kept_with_their_agreement(make: Make) -> None:
    folder = make("isbi2015")
    first, mm = volume(folder / "ratersTr/rater1/training01_01.nii.gz")
    second, _ = volume(folder / "ratersTr/rater2/training01_01.nii.gz")
    np.testing.assert_array_equal(first, np.abs(mm).max(-1) < 4.5)
    dice = 2 * (first * second).sum() / (first.sum() + int(second.sum()))
    said = pd.read_csv(folder / "cases.csv")["mean_dice_of_raters"]
    assert said.tolist() == pytest.approx([dice] * 3, abs=1e-4)


@pytest.mark.parametrize(("how", "votes"), [("majority", 4), ("union", 1), ("intersection", 7)])
def test_references_are_made_of_the_raters(make: Make, how: str, votes: int) -> None:
    folder = make("msseg2016", reference=how)
    label, _ = volume(folder / "labelsTr/Center_01_Patient_01.nii.gz")
    raters = [volume(path)[0] for path in sorted((folder / "ratersTr").rglob("Center_01*.nii.gz"))]
    assert len(raters) == 7
    np.testing.assert_array_equal(label, sum(rater.astype(int) for rater in raters) >= votes)


def test_the_challenge_without_a_consensus_asks_for_a_choice(make: Make) -> None:
    with pytest.raises(UserError, match="isbi2015 has no consensus; choose 'reference' among rater1, rater2, majority"):
        make("isbi2015", reference=None)


def test_a_paper_s_crop_clipping_and_values(make: Make) -> None:
    options = {"values": {1: 0, 2: 1}, "crop": {"to": "label", "values": [1], "margin": 1}, "clip": [-300, 300]}
    folder = make("lits", {"background": 0, "tumour": 1}, rescale=True, **options)
    label, mm = volume(folder / "labelsTr/volume-0.nii.gz")
    np.testing.assert_array_equal(label, np.abs(mm).max(-1) < 2.25)
    image, mm = volume(folder / "imagesTr/volume-0_0000.nii.gz")
    np.testing.assert_allclose(image, (np.clip(image_value(mm), -300, 300) + 300) / 600, atol=1e-6)
    assert image.shape == (13, 12, 7), "11 x 11 x 5 voxels lie within 4.5 mm; one more each side, unless the image ends"


def test_crop_to_the_mask_and_nothing_outside_of_it(make: Make) -> None:
    folder = make("openms", crop={"to": "mask", "margin": 0}, mask=True)
    image, mm = volume(folder / "imagesTr/patient01_0000.nii.gz")
    inside = np.abs(mm).max(-1) < 3.2
    assert image.shape == (5, 13, 13)
    np.testing.assert_array_equal(image[inside], image_value(mm)[inside])
    assert inside.all(), "the mask of the miniature is a box"


def test_volumes_without_geometry_are_named_and_taken_from_the_decathlon(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    REPLICAS["lits"].build(tmp_path / "published")
    batch = tmp_path / "published/Training Batch 2"
    decathlon = tmp_path / "Task03_Liver/imagesTr/liver_28.nii.gz"
    right: Any = nib.load(batch / "volume-28.nii")
    turned = right.as_reoriented(np.array([[0, -1], [1, -1], [2, 1]]))  # the Decathlon stores it turned round
    write(decathlon, np.asanyarray(turned.dataobj), turned.affine)
    for name in ("volume", "segmentation"):
        voxels = np.asanyarray(nib.load(batch / f"{name}-28.nii").dataobj).copy()
        write(batch / f"{name}-28.nii", voxels, np.eye(4))
    make("lits", axes="stored")
    assert "1 cases have no geometry" in caplog.text
    assert "volume-28" in caplog.text
    (tmp_path / "prepared/Dataset077_Prepared").rename(tmp_path / "first")
    folder = make("lits", headers_from=str(decathlon.parent))
    for path in ("imagesTr/volume-28_0000.nii.gz", "labelsTr/volume-28.nii.gz"):
        voxels, mm = volume(folder / path)
        expected = image_value(mm) if "images" in path else REPLICAS["lits"].label(mm)
        np.testing.assert_array_equal(voxels, expected)
    assert pd.read_csv(folder / "cases.csv")["geometry"].tolist() == ["stored", "taken"]


def test_other_voxels_give_no_header(make: Make, tmp_path: Path) -> None:
    REPLICAS["lits"].build(tmp_path / "published")
    write(tmp_path / "published/Training Batch 2/volume-28.nii", np.zeros((14, 12, 7), np.int16), np.eye(4))
    write(tmp_path / "headers/liver_28.nii.gz", np.ones((14, 12, 7), np.int16), np.diag([1, 1, 2.5, 1]))
    with pytest.raises(UserError, match=r"does not have the voxels of .*volume-28\.nii"):
        make("lits", headers_from=str(tmp_path / "headers"))


def test_the_paper_s_split_is_written(make: Make) -> None:
    splits = json.loads((make("lits") / "splits_final.json").read_text())
    assert splits == [{"train": ["volume-28"], "val": ["volume-0"]}]


@pytest.mark.parametrize(
    ("val", "sentence"),
    [
        (["training01_02"], "paper_folds has the patient training01 in 'train' and in 'val'; correct it."),
        (["training09_01"], "paper_folds names 'training09_01' (1 such cases), which the data set does not have"),
    ],
)
def test_a_paper_s_split_that_parts_a_patient_or_names_unknown_cases_is_refused(
    tmp_path: Path, val: list[str], sentence: str
) -> None:
    REPLICAS["isbi2015"].build(tmp_path / "published")
    content = description("isbi2015", REPLICAS["isbi2015"], path=str(tmp_path / "published"))
    with pytest.raises(UserError) as refusal:
        prepare(content | {"paper_folds": [{"train": ["training01_01"], "val": val}]}, tmp_path)
    assert sentence in str(refusal.value)
    assert not (tmp_path / "prepared/Dataset077_Prepared").exists()


def test_an_excluded_case_is_left_out(make: Make) -> None:
    assert len(list((make("kits19", exclude={"case_00015": "label"}, cases=None) / "labelsTr").iterdir())) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"cases": 210},
            "There are 2 labelled cases, not 210; complete the download. Without a label map: case_00210.",
        ),
        ({"exclude": {"case_7": "x"}}, "There is no case 'case_7', which source.original.exclude names"),
        ({"channels": ["MR"]}, "source.original.channels: kits19 has no 'MR' but CT."),
        ({"reference": "majority"}, "source.original.reference: kits19 has no 'majority' but consensus."),
        ({"variant": "raw"}, "source.original.variant: kits19 has none, not 'raw'."),
        ({"mask": True}, "Case 'case_00000' lacks the mask"),
    ],
)
def test_what_does_not_fit_is_said(make: Make, changes: dict[str, object], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        make("kits19", **changes)
    assert sentence in str(refusal.value)
    assert not (tmp_path / "prepared/Dataset077_Prepared").exists()


def test_a_set_for_registered_persons_says_what_to_do(tmp_path: Path) -> None:
    content = description("brats20", REPLICAS["brats20"], page="https://example.org", wanted=["369 folders"])
    with pytest.raises(UserError) as refusal:
        prepare(content, tmp_path)
    place = tmp_path / "downloads/Dataset077_Prepared"
    assert "Go to https://example.org (register" in str(refusal.value)
    assert f"download the files named below, unpack them into {place}" in str(refusal.value)
    assert "- 369 folders" in str(refusal.value)
    REPLICAS["brats20"].build(place)
    assert len(inspect_dataset(prepare(content, tmp_path)).cases) == 2


def test_images_on_a_grid_of_their_own_are_brought_to_the_label_s(make: Make) -> None:
    with pytest.raises(UserError, match=r"FLAIR.nii.gz has shape .* or set 'regrid'"):
        make("isles22", channels=["DWI", "FLAIR"])
    folder = make("isles22", channels=["DWI", "FLAIR"], regrid=True)
    flair, mm = volume(folder / "imagesTr/sub-strokecase0250_0001.nii.gz")
    np.testing.assert_array_equal(mm, volume(folder / "labelsTr/sub-strokecase0250.nii.gz")[1])
    index = (mm - FLAIR_GRID[:3, 3]) / np.diag(FLAIR_GRID)[:3]
    inside = ((index >= 0) & (index <= np.array([19, 17, 11]))).all(-1)
    assert inside.sum() > 800
    # a linear function stays itself, but for the rounding of the image to whole numbers
    np.testing.assert_allclose(flair[inside], image_value(mm, 2)[inside], atol=1)
    assert np.unique(flair[~inside]).size <= 1


def test_images_on_the_label_s_grid_are_linked_by_regrid_as_well(make: Make, tmp_path: Path) -> None:
    folder = make("isles22", regrid=True)
    source = tmp_path / "published/ISLES-2022/sub-strokecase0001/ses-0001/dwi/sub-strokecase0001_ses-0001_adc.nii.gz"
    assert source.samefile(folder / "imagesTr/sub-strokecase0001_0001.nii.gz")


def test_studies_of_autopet_have_patient_and_diagnosis(make: Make, tmp_path: Path) -> None:
    table = pd.read_csv(make("autopet") / "cases.csv")
    assert table["patient"].tolist() == ["PETCT_0011f3deaf", "PETCT_0011f3deaf", "PETCT_01140d52d8"]
    assert table["diagnosis"].tolist() == ["MELANOMA", "MELANOMA", "NEGATIVE"]


def test_a_wrong_table_of_studies_is_refused(make: Make, tmp_path: Path) -> None:
    REPLICAS["autopet"].build(tmp_path / "published")
    (tmp_path / "published/home/somebody/fdg_metadata.csv").write_text("Subject ID,diagnosis\nPETCT_1,NEGATIVE\n")
    with pytest.raises(UserError, match="cannot be read as autoPET's table of studies"):
        make("autopet")


def test_files_one_by_one_come_to_their_places(tmp_path: Path, web: tuple[str, Path]) -> None:
    address, served = web
    REPLICAS["kits19"].build(served)
    files = [
        {"url": f"{address}/data/case_{{case:05d}}/{name}", "to": f"case_{{case:05d}}/{name}", "cases": [0, 0]}
        for name in ("imaging.nii.gz", "segmentation.nii.gz")
    ]
    files += [dict(file, cases=[15, 15]) for file in files]
    content = description("kits19", REPLICAS["kits19"], files=files)
    assert len(inspect_dataset(prepare(content, tmp_path)).cases) == 2
    recorded = (tmp_path / "downloads/Dataset077_Prepared/checksums.sha256").read_text()
    assert len(recorded.splitlines()) == 4


def test_readers_of_luna_differ_and_their_holes_are_holes(make: Make) -> None:
    folder = make("luna16")
    third, mm = volume(folder / f"ratersTr/rater3/{SERIES}111.nii.gz")
    np.testing.assert_array_equal(third, nodule(mm, 3) & ~nodule(mm, 0))
    fourth, _ = volume(folder / f"ratersTr/rater4/{SERIES}111.nii.gz")
    assert not fourth.any(), "there were three readers"
    assert pd.read_csv(folder / "cases.csv")["subset"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(("away_mm", "drawn"), [(10, True), (-10, True), (11, False)])
def test_a_contour_counts_within_ten_voxels_of_an_annotated_centre(
    make: Make, tmp_path: Path, away_mm: int, drawn: bool
) -> None:
    REPLICAS["luna16"].build(tmp_path / "published")
    file = tmp_path / "published/annotations.csv"
    table = pd.read_csv(file)
    table.loc[table["seriesuid"] == f"{SERIES}111", "coordY"] += away_mm  # voxels of 1 mm
    table.to_csv(file, index=False)
    label, mm = volume(make("luna16") / f"labelsTr/{SERIES}111.nii.gz")
    np.testing.assert_array_equal(label, nodule(mm) & drawn)


def test_lungs_are_closed_and_grown_and_the_trachea_is_left_out(make: Make) -> None:
    folder = make("luna16", crop={"to": "mask", "margin": 1}, mask=True, grow_mask=2, close_mask=1, clip=[-1000, 300])
    image, mm = volume(folder / f"imagesTr/{SERIES}111_0000.nii.gz")
    assert image.shape == (23, 23, 6), "|x| < 9 mm, grown by 2 voxels, and 1 on each side"
    inside = (np.abs(mm[..., :2]) < 9).all(-1)
    np.testing.assert_array_equal(image[inside], np.clip(image_value(mm)[inside], -1000, 300))
    np.testing.assert_array_equal(image[0], -1000)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda xml: xml.replace("<LidcRead", '<!DOCTYPE a [<!ENTITY b "c">]><LidcRead', 1), "defines entities"),
        (lambda xml: xml[:-30], "cannot be read as LIDC's contours"),
        (lambda xml: xml.replace("<xCoord>", "<xCoord>x"), "cannot be read as LIDC's contours"),
        (lambda xml: xml.replace("<imageZposition>4.00", "<imageZposition>6.00"), "has a contour outside of the scan"),
    ],
)
def test_wrong_contours_are_refused(make: Make, tmp_path: Path, change: Callable[[str], str], sentence: str) -> None:
    REPLICAS["luna16"].build(tmp_path / "published")
    file = tmp_path / "published/tcia-lidc-xml/157/158.xml"
    file.write_text(change(file.read_text()))
    with pytest.raises(UserError, match=sentence):
        make("luna16")


def test_a_wrong_table_of_nodules_is_refused(make: Make, tmp_path: Path) -> None:
    REPLICAS["luna16"].build(tmp_path / "published")
    (tmp_path / "published/annotations.csv").write_text(f"seriesuid,coordX,coordY\n{SERIES}111,1,2\n")
    with pytest.raises(UserError, match="cannot be read as LUNA16's table of nodules"):
        make("luna16")
