import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nnunet_losses.base.errors import UserError
from nnunet_losses.study.start.recognise import recognise


def save(path: Path, *values: int) -> None:
    """A volume of zeros with these values in a row."""
    voxels = np.zeros((8, 8, 8), np.int16)
    voxels[1, 1, 1 : 1 + len(values)] = values
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), path)


def table(folder: Path, labels: dict[str, tuple[int, ...]], **further: str) -> Path:
    rows = []
    for case in "ab":
        save(folder / f"{case}.nii.gz", 5)
        row = {"case": case, "image_CT": f"{case}.nii.gz"}
        for column, values in labels.items():
            save(folder / f"{case}_{column}.nii.gz", *values)
            row[column] = f"{case}_{column}.nii.gz"
        rows.append(row | further)
    pd.DataFrame(rows).to_csv(folder / "cases.csv", index=False)
    return folder / "cases.csv"


def asked(path: Path) -> str:
    return " ".join(question for _, question in recognise(path).questions)


def test_raters_are_merged_by_majority_until_the_question_is_answered(tmp_path: Path) -> None:
    path = table(tmp_path, {"label_rater1": (1,), "label_rater2": (1,)})
    found = recognise(path)
    assert found.source["table"]["merge"] == "majority"
    assert found.labels == {"background": 0, "lesion": 1}
    assert "How do the label maps rater1, rater2 become one?" in asked(path)


def test_masks_become_a_label_each(tmp_path: Path) -> None:
    path = table(tmp_path, {"label_whole": (255, 255), "label_core": (255,)})
    found = recognise(path)
    assert found.source["table"]["merge"] == "masks"
    assert found.labels == {"background": 0, "whole": 1, "core": 2}
    assert "become one? As one label each" in asked(path)


def test_values_with_gaps_are_numbered_anew_and_their_names_asked_for(tmp_path: Path) -> None:
    found = recognise(table(tmp_path, {"label": (1, 2, 4)}))
    assert found.source["table"]["values"] == {4: 3}
    assert found.labels == {"background": 0, "label_1": 1, "label_2": 2, "label_3": 3}
    assert {key for key, _ in found.questions} == {"values", "labels"}


def test_labels_that_number_the_lesions_or_are_empty_are_refused(tmp_path: Path) -> None:
    rows = np.arange(1, 301, dtype=np.int16)
    path = table(tmp_path, {"label": (1,)})
    nib.save(nib.Nifti1Image(np.resize(rows, (10, 10, 10)), np.eye(4)), tmp_path / "a_label.nii.gz")
    with pytest.raises(UserError, match="hold 300 different values, so they are no label maps, or number the lesions"):
        recognise(path)
    with pytest.raises(UserError, match="has any foreground"):
        recognise(table(tmp_path, {"label": ()}))


def test_a_folder_with_its_table_is_found_and_two_tables_are_not_guessed_among(tmp_path: Path) -> None:
    path = table(tmp_path / "study", {"label": (1,)}, site="X", patient="")
    assert recognise(tmp_path / "study").source == {"table": {"file": str(path)}}
    assert recognise(path).stem == "study"
    assert recognise(path).columns == {"site": 1}  # a column with gaps is no column to group by
    (tmp_path / "study/more.csv").write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"several tables of paths \(cases\.csv, more\.csv\); name one of them"):
        recognise(tmp_path / "study")


def test_of_two_bids_derivatives_the_larger_is_taken_and_asked_about(tmp_path: Path) -> None:
    for case in ("sub-1", "sub-2"):
        for image in ("FLAIR", "acq-a_T2w", "acq-b_T2w"):
            save(tmp_path / f"{case}/anat/{case}_{image}.nii.gz", 9)
        save(tmp_path / f"derivatives/manual/{case}/anat/{case}_dseg.nii.gz", 1)
    save(tmp_path / "derivatives/auto/sub-1/anat/sub-1_dseg.nii.gz", 1)
    found = recognise(tmp_path)
    assert found.source["bids"]["derivatives"] == "manual"
    # two T2w images: told apart by their longer ends
    assert set(found.source["bids"]["channels"].values()) == {"FLAIR", "acq-a_T2w", "acq-b_T2w"}
    assert "Are the label maps those of derivatives/manual? There are also: auto." in asked(tmp_path)


def bids(root: Path, label: str, derivatives: str = "manual", cases: int = 2) -> None:
    for number in range(1, cases + 1):
        save(root / f"sub-{number}/anat/sub-{number}_FLAIR.nii.gz", 9)
        save(root / f"derivatives/{derivatives}/sub-{number}/anat/sub-{number}_{label}.nii.gz", 1)


def test_bids_images_on_another_grid_or_of_four_dimensions_are_no_channels(tmp_path: Path) -> None:
    bids(tmp_path, "dseg")
    for case in ("sub-1", "sub-2"):
        save(tmp_path / f"{case}/anat/{case}_label-lesion_mask.nii.gz", 1)  # would be the answer
        larger = nib.Nifti1Image(np.zeros((8, 8, 9), np.int16), np.eye(4))
        nib.save(larger, tmp_path / f"{case}/anat/{case}_T1w.nii.gz")
        moved = nib.Nifti1Image(np.zeros((8, 8, 8), np.int16), np.diag([2, 1, 1, 1]))
        nib.save(moved, tmp_path / f"{case}/anat/{case}_T2w.nii.gz")
        many = nib.Nifti1Image(np.zeros((8, 8, 8, 3), np.int16), np.eye(4))
        nib.save(many, tmp_path / f"{case}/anat/{case}_bold.nii.gz")
    found = recognise(tmp_path)
    assert found.source["bids"]["channels"] == {"FLAIR": "FLAIR"}
    said = asked(tmp_path)
    assert "T1w (sub-1: 8 x 8 x 9 voxels, its label map 8 x 8 x 8)" in said
    assert "T2w (sub-1: another place than its label map)" in said
    assert "bold (sub-1: not one 3D volume)" in said
    for case in ("sub-1", "sub-2"):
        (tmp_path / f"{case}/anat/{case}_FLAIR.nii.gz").unlink()
    with pytest.raises(UserError, match=r"on its grid \(T1w \(sub-1: 8 x 8 x 9 voxels.*; write a table of paths"):
        recognise(tmp_path)


def test_sessions_of_one_subject_cannot_be_split(tmp_path: Path) -> None:
    bids(tmp_path, "dseg", cases=1)
    with pytest.raises(UserError, match="are of sub-1, and folds need two subjects"):
        recognise(tmp_path)


def test_in_a_bids_folder_lesions_are_the_labels_and_masks_of_the_brain_are_none(tmp_path: Path) -> None:
    bids(tmp_path, "desc-brain_mask", "fmriprep", cases=3)
    bids(tmp_path, "desc-aseg_dseg", "fmriprep", cases=3)
    bids(tmp_path, "label-lesion_mask", "manual")
    bids(tmp_path, "label-WM_mask", "manual")
    found = recognise(tmp_path)
    assert found.source["bids"]["derivatives"] == "manual"
    assert found.source["bids"]["label"] == ["label-lesion_mask"]
    assert found.labels == {"background": 0, "lesion": 1}
    assert "Are the labels to learn label-lesion_mask? There are also: label-WM_mask." in asked(tmp_path)
    bids(tmp_path / "brain", "desc-brain_mask")
    bids(tmp_path / "brain", "label-lesion_probseg")
    with pytest.raises(UserError, match="has no label maps: none of its folders has files such as"):
        recognise(tmp_path / "brain")


def test_a_bids_folder_with_upper_case_endings_and_links_is_read(tmp_path: Path) -> None:
    bids(tmp_path / "real", "dseg")
    for file in (tmp_path / "real").rglob("*.nii.gz"):
        file.rename(file.with_name(file.name.replace(".nii.gz", ".NII.GZ")))
    (tmp_path / "linked/derivatives").mkdir(parents=True)
    for name in ("sub-1", "sub-2", "derivatives/manual"):
        (tmp_path / "linked" / name).symlink_to(tmp_path / "real" / name)
    assert recognise(tmp_path / "linked").cases == 2


def raw(folder: Path, table: str, **content: str) -> Path:
    for case in "ab":
        save(folder / f"imagesTr/{case}_0000.nii.gz", 5)
        save(folder / f"labelsTr/{case}.nii.gz", 1)
    about = {"channel_names": {"0": "MR"}, "labels": {"background": 0, "lesion": 1}, "numTraining": 2}
    (folder / "dataset.json").write_text(json.dumps(about | {"file_ending": ".nii.gz"} | content))
    (folder / "cases.csv").write_text(table)
    return folder


def test_columns_that_group_the_cases_are_kept_and_measurements_are_not(tmp_path: Path) -> None:
    path = raw(tmp_path, "case;patient;site;volume;lesions\na;1;1;2.5;0\nb;1;2;3;4\nextra;;;;\n")
    assert recognise(path).columns == {"patient": 1, "site": 2}


def test_a_case_without_its_patient_or_twice_in_the_table_is_named(tmp_path: Path) -> None:
    for table, sentence in (
        ("case,patient\na,1\n", "has no 'patient' for the case b; add it, or remove the column"),
        ("case,patient\na,1\nb,\n", "has no 'patient' for the case b"),
        ("case,patient\na,1\nb,2\nb,3\n", "has the case b twice"),
    ):
        with pytest.raises(UserError, match=sentence):
            recognise(raw(tmp_path, table))


def test_the_licence_is_not_asked_for_where_the_data_state_it(tmp_path: Path) -> None:
    found = recognise(raw(tmp_path, "x\n1\n", licence="CC BY 4.0", reference="Somebody\n2020"))
    assert (found.licence, found.citation, found.case_table) == ("CC BY 4.0", "Somebody 2020", None)
    assert recognise(raw(tmp_path, "x\n1\n", licence="\x1b[2J")).licence == ""


def test_lesions_that_have_numbers_become_one_label(tmp_path: Path) -> None:
    path = table(tmp_path, {"label": (1,)})
    for case, count in (("a", 30), ("b", 12)):
        voxels = np.zeros((8, 8, 8), np.int16)
        voxels.ravel()[: 2 * count : 2] = range(1, count + 1)
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / f"{case}_label.nii.gz")
    found = recognise(path)
    assert found.labels == {"background": 0, "lesion": 1}
    assert set(found.source["table"]["values"]) == set(range(2, 31))
    assert set(found.source["table"]["values"].values()) == {1}
    assert "hold 1 to 30, as if each lesion had a number; all become one label. Is that right?" in asked(path)


def test_masks_with_the_grey_edges_of_a_resized_picture_are_refused(tmp_path: Path) -> None:
    for case in "ab":
        Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10)).save(tmp_path / f"{case}.png")
    rows = [{"case": case, "image": f"{case}.png", "label": f"{case}.png"} for case in "ab"]
    pd.DataFrame(rows).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(UserError, match="hold 99 different grey values, as pictures do that were resized"):
        recognise(tmp_path / "t.csv")
