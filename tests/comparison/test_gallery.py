"""The files that pictures are made of."""

import json
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.comparison.gallery import gallery_files, predictions_of_study
from nnunet_losses.study.record import StudyRecord

RECORD = StudyRecord.model_validate(
    {
        "config": {},
        "title": "t",
        "baseline": "DiceTrainer_iw",
        "trainers": ["DiceTrainer_iw"],
        "plans": "plans",
        "runs": [
            {"dataset": "Dataset900_P", "configuration": "3d", "trainer": f"DiceTrainer_iw_seed{seed}", "fold": fold}
            for seed in (1, 2)
            for fold in (0, 1)
        ],
        "ensembles": {f"Ensemble_A+B_seed{seed}": ["A", "B"] for seed in (1, 2)},
    }
)


def test_each_case_is_shown_once_a_trainer_from_the_first_seed_if_it_has_an_image(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("predictions", "raw", "preprocessed")}
    (folders["preprocessed"] / "Dataset900_P").mkdir(parents=True)
    (folders["preprocessed"] / "Dataset900_P/dataset.json").write_text(
        json.dumps({"file_ending": ".nii.gz", "labels": {"background": 0, "lesion": 1, "ignore": 2}})
    )
    images = folders["raw"] / "Dataset900_P/imagesTr"
    images.mkdir(parents=True)
    for run in RECORD.evaluated:
        folder = folders["predictions"] / "Dataset900_P/plans__3d" / run.trainer / f"fold_{run.fold}"
        folder.mkdir(parents=True)
        (folder / f"c{run.fold}.nii.gz").touch()
        (folder / f"without_image{run.fold}.nii.gz").touch()
        (images / f"c{run.fold}_0000.nii.gz").touch()
    gallery = gallery_files(predictions_of_study(RECORD, **folders))
    assert gallery is not None
    assert gallery["case"].tolist() == ["c0", "c1", "c0", "c1"]
    assert gallery["trainer"].tolist() == ["DiceTrainer_iw", "DiceTrainer_iw", "Ensemble_A+B", "Ensemble_A+B"]
    assert all("seed1" in path for path in gallery["prediction"])
    assert gallery["image"].tolist() == [str(images / f"c{n}_0000.nii.gz") for n in (0, 1, 0, 1)]
    assert gallery["ignore"].tolist() == [2] * 4
    assert gallery["reference"].iloc[0].endswith("preprocessed/Dataset900_P/gt_segmentations/c0.nii.gz")


def test_without_any_image_there_is_no_gallery() -> None:
    assert gallery_files([]) is None


def test_a_folder_that_the_study_was_not_trained_in_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"elsewhere/Dataset900_P/dataset\.json is missing; set nnUNet_preprocessed to"):
        gallery_files(
            predictions_of_study(RECORD, predictions=tmp_path, raw=tmp_path, preprocessed=tmp_path / "elsewhere")
        )
