"""Tables of finished trainings are kept and put back, and never mixed up."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.study.kept import MEASURED, TRAINED, keep_tables, restore_tables
from nnunet_losses.study.record import Run

PLACE = "Dataset001_A/nnUNetPlans__2d"
RUNS = [Run(dataset="Dataset001_A", configuration="2d", trainer=trainer, fold=0) for trainer in ("T1", "T2")]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results in which T1 has finished, and T2 was trained but not evaluated."""
    folder = tmp_path / "results"
    for kind, tables, trainers in (("tables", MEASURED, ["T1"]), ("models", TRAINED, ["T1", "T2"])):
        for trainer in trainers:
            (folder / kind / PLACE / trainer / "fold_0").mkdir(parents=True)
            for table in tables:
                pd.DataFrame({"case": ["a"], "table": [table]}).to_parquet(
                    folder / kind / PLACE / trainer / "fold_0" / f"{table}.parquet"
                )
    return folder


def split(results: Path, held_out: str) -> Path:
    """Results with nothing but folds."""
    (results / "datasets/Dataset001_A").mkdir(parents=True)
    folds = [{"train": ["x"], "val": [held_out]}]
    (results / "datasets/Dataset001_A/splits_final.json").write_text(json.dumps(folds))
    return results


def test_finished_trainings_are_kept_and_come_back_as_they_were(results: Path, tmp_path: Path) -> None:
    kept, other = tmp_path / "kept", split(tmp_path / "other", "a")
    assert keep_tables(RUNS, "nnUNetPlans", results, kept) == RUNS[:1]
    assert len([*kept.rglob("*.parquet")]) == len(MEASURED + TRAINED)
    assert restore_tables(RUNS, "nnUNetPlans", other, kept) == RUNS[:1]
    for file in (path for path in results.rglob("*.parquet") if "T1" in path.parts):
        back = other / file.relative_to(results)
        assert back.read_bytes() == file.read_bytes()
        assert back.stat().st_mtime >= (other / "datasets/Dataset001_A/splits_final.json").stat().st_mtime


def test_what_is_there_stays(results: Path, tmp_path: Path) -> None:
    keep_tables(RUNS, "nnUNetPlans", results, tmp_path / "kept")
    before = {file: file.stat().st_mtime_ns for file in results.rglob("*.parquet")}
    assert restore_tables(RUNS, "nnUNetPlans", results, tmp_path / "kept") == []
    assert {file: file.stat().st_mtime_ns for file in before} == before


def test_what_an_earlier_version_measured_stays_although_it_lacks_a_table(results: Path, tmp_path: Path) -> None:
    keep_tables(RUNS, "nnUNetPlans", results, tmp_path / "kept")
    later = results / "tables" / PLACE / "T1/fold_0/log_odds.parquet"
    later.unlink()
    split(results, "a")
    before = {file: file.stat().st_mtime_ns for file in results.rglob("*.parquet")}
    assert restore_tables(RUNS, "nnUNetPlans", results, tmp_path / "kept") == []
    assert {file: file.stat().st_mtime_ns for file in results.rglob("*.parquet")} == before


def test_an_ensemble_has_no_tables_of_a_training_and_comes_back_without_its_members(
    results: Path, tmp_path: Path
) -> None:
    name = "Ensemble_Dice+Tversky"
    ensemble = Run(dataset="Dataset001_A", configuration="2d", trainer=name, fold=0)
    shutil.copytree(results / "tables" / PLACE / "T1", results / "tables" / PLACE / name)
    assert keep_tables([ensemble], "nnUNetPlans", results, tmp_path / "kept") == [ensemble]
    other = split(tmp_path / "other", "a")
    assert restore_tables([ensemble], "nnUNetPlans", other, tmp_path / "kept") == [ensemble]
    assert sorted(file.stem for file in other.rglob("*.parquet")) == sorted(MEASURED)


def test_tables_of_other_folds_are_refused(results: Path, tmp_path: Path) -> None:
    keep_tables(RUNS, "nnUNetPlans", results, tmp_path / "kept")
    with pytest.raises(UserError, match="is from another split: fold 0 of Dataset001_A .* the case a"):
        restore_tables(RUNS, "nnUNetPlans", split(tmp_path / "other", "b"), tmp_path / "kept")
    with pytest.raises(UserError, match="make the workflow's target 'data' first: the splits file .* does not exist"):
        restore_tables(RUNS, "nnUNetPlans", tmp_path / "none", tmp_path / "kept")
