"""The rooms put together: missing trainings are counted, provenance is recorded, galleries find their files."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from nnunet_losses.base.errors import UserError
from nnunet_losses.comparison import COMPARED_METRICS, compare_tables, gallery_files, provenance, with_missing_jobs

RUNS = [
    {"dataset": "Dataset900_P", "configuration": "3d", "trainer": f"DiceTrainer_iw_seed{seed}", "fold": fold}
    for seed in (1, 2)
    for fold in (0, 1)
]


def cases() -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "dataset": "Dataset900_P",
            "configuration": "3d",
            "trainer": trainer,
            "fold": case % 2,
            "seed": 0,
            "case": f"c{case}",
            "label": "lesion",
            "metric": "dice",
            "value": 0.5 + 0.05 * case + shift,
            "unit": "1",
            "status": "ok",
        }
        for trainer, shift in (("DiceTrainer", 0.0), ("TverskyTrainer", 0.1))
        for case in range(4)
    ]
    return pd.DataFrame(rows)


def test_trainings_that_left_nothing_are_missing_with_the_seed_as_a_column() -> None:
    done = {"dataset": "Dataset900_P", "configuration": "3d", "trainer": "DiceTrainer_iw", "fold": 0, "seed": 2}
    jobs = with_missing_jobs(pd.DataFrame([done | {"seconds": 1.0, "status": "completed"}]), RUNS)
    assert len(jobs) == 4
    missing = jobs[jobs["status"] == "missing"]
    assert sorted(zip(missing["seed"], missing["fold"], strict=True)) == [(1, 0), (1, 1), (2, 1)]
    assert set(missing["trainer"]) == {"DiceTrainer_iw"}


def test_without_any_job_all_expected_are_missing() -> None:
    assert with_missing_jobs(None, RUNS)["status"].tolist() == ["missing"] * 4


def test_comparison_uses_the_studys_baseline_and_settings() -> None:
    study = {"baseline": "DiceTrainer", "config": {"statistics": {"resamples": 100, "seed": 3}}, "runs": RUNS}
    tables, statistics = compare_tables({"cases": cases()}, study=study)
    assert (tables["jobs"]["status"] == "missing").sum() == 4
    best = statistics["ranking"].sort_values("rank").iloc[0]
    assert best["trainer"] == "TverskyTrainer"
    assert best["mean"] == pytest.approx(0.675)


def test_without_a_study_the_metrics_are_those_that_a_study_has_by_default() -> None:
    schema = yaml.safe_load((Path(__file__).parents[1] / "workflow/schemas/study.schema.yaml").read_text())
    evaluation = schema["properties"]["evaluation"]["properties"]
    assert list(COMPARED_METRICS) == evaluation["metrics"]["default"]


def test_an_unknown_baseline_and_empty_tables_are_refused() -> None:
    with pytest.raises(
        UserError, match="The baseline FocalTrainer has no cases; there are cases of DiceTrainer, Tversky"
    ):
        compare_tables({"cases": cases()}, study={}, baseline="FocalTrainer")
    with pytest.raises(UserError, match="There is no case to compare"):
        compare_tables({"cases": cases().iloc[:0]}, study={})


def test_provenance_names_versions_splits_and_each_loss(tmp_path: Path) -> None:
    for dataset in ("Dataset900_P", "Dataset901_Other"):
        folder = tmp_path / "results/datasets" / dataset
        folder.mkdir(parents=True)
        (folder / "splits_final.json").write_text("[]")
    study = {"runs": RUNS, "config": {"study": "s"}}
    found = provenance(study, ["TverskyTrainer_fp0.1_iw", "nnUNetTrainer"], tmp_path)
    assert {"nnunet-losses", "nnunetv2", "torch", "python"} <= set(found["versions"])
    assert list(found["splits"]) == ["Dataset900_P"]
    assert list(found["losses"]) == ["TverskyTrainer_fp0.1_iw"]
    loss = found["losses"]["TverskyTrainer_fp0.1_iw"]
    assert loss["parameters"] == {"fp_weight": 0.1}
    assert loss["weighting"] == "iw"
    assert "fn_weight=0.7" in loss["repr"]
    assert found["commit"] is None  # no checkout


def test_gallery_shows_each_case_once_a_trainer_from_the_first_seed(tmp_path: Path) -> None:
    (tmp_path / "preprocessed/Dataset900_P").mkdir(parents=True)
    (tmp_path / "preprocessed/Dataset900_P/dataset.json").write_text(json.dumps({"file_ending": ".nii.gz"}))
    for run in RUNS:
        folder = tmp_path / "predictions/Dataset900_P/plans__3d" / run["trainer"] / f"fold_{run['fold']}"
        folder.mkdir(parents=True)
        (folder / f"c{run['fold']}.nii.gz").touch()
    gallery = gallery_files(
        {"runs": RUNS, "plans": "plans"},
        pd.DataFrame({"case": ["c0", "c1"]}),
        predictions=tmp_path / "predictions",
        raw=tmp_path / "raw",
        preprocessed=tmp_path / "preprocessed",
    )
    assert gallery["case"].tolist() == ["c0", "c1"]
    assert set(gallery["trainer"]) == {"DiceTrainer_iw"}
    assert all("seed1" in path for path in gallery["prediction"])
    assert gallery["image"].iloc[0].endswith("raw/Dataset900_P/imagesTr/c0_0000.nii.gz")


def test_a_folder_that_the_study_was_not_trained_in_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"elsewhere/Dataset900_P/dataset\.json is missing; let nnUNet_preprocessed be"):
        gallery_files(
            {"runs": RUNS, "plans": "plans"},
            pd.DataFrame({"case": ["c0"]}),
            predictions=tmp_path,
            raw=tmp_path,
            preprocessed=tmp_path / "elsewhere",
        )
