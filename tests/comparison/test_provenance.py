"""What a report says of how its results came about."""

import hashlib
from pathlib import Path
from typing import Any

from nnunet_losses.comparison.provenance import provenance_of_found, provenance_of_study
from nnunet_losses.study.record import StudyRecord


def record(**changes: Any) -> StudyRecord:
    run = {"dataset": "Dataset900_P", "configuration": "3d", "trainer": "TverskyTrainer_fp0.1_iw_seed1", "fold": 0}
    trainers = ["TverskyTrainer_fp0.1_iw", "nnUNetTrainer", "TverskyTrainer_mine"]
    content = {"config": {}, "title": "t", "baseline": "nnUNetTrainer", "trainers": trainers, "runs": [run]}
    return StudyRecord.model_validate(content | changes)


def test_a_study_names_versions_splits_and_each_loss(tmp_path: Path) -> None:
    for dataset in ("Dataset900_P", "Dataset901_Other"):
        folder = tmp_path / "results/datasets" / dataset
        folder.mkdir(parents=True)
        (folder / "splits_final.json").write_text("[]")
    study = {"study": "s", "datasets": ["phantom"], "trainers": ["nnUNetTrainer"]}
    found = provenance_of_study(record(config=study), tmp_path)
    assert {"nnunet-losses", "nnunetv2", "torch", "python"} <= set(found["versions"])
    assert found["splits"] == {"Dataset900_P": hashlib.sha256(b"[]").hexdigest()}
    assert found["config"]["folds"] == {"number": 5, "seed": 12345}
    assert list(found["losses"]) == ["TverskyTrainer_fp0.1_iw"]
    loss = found["losses"]["TverskyTrainer_fp0.1_iw"]
    assert loss["parameters"] == {"fp_weight": 0.1}
    assert loss["weighting"] == "iw"
    assert "fn_weight=0.7" in loss["repr"]
    assert found["commit"] is None  # no checkout


def test_found_results_name_their_place_and_no_version_that_may_not_have_trained_them(tmp_path: Path) -> None:
    found = provenance_of_found(record(), [tmp_path, Path("elsewhere")], remarks=["One.", "Two."])
    assert found["found_in"] == f"{tmp_path}\nelsewhere"
    assert found["remarks"] == "One.\nTwo."
    assert "numpy" in found["versions"]
    assert {"torch", "nnunetv2"}.isdisjoint(found["versions"])
    assert {"commit", "splits"}.isdisjoint(found)
