from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

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
