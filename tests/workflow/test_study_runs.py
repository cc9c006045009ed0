"""A whole study, from the data to the report: run again, extended, and interrupted anywhere."""

import json
import os
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml
from typer.testing import CliRunner

from nnunet_losses.cli import app

from .conftest import RUN, Workplace, job_counts, kill

Make = Callable[..., Workplace]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

ENSEMBLE = "Ensemble_DiceCrossEntropy+Tversky-iw_2epochs_1iters_seed1"
TRAINERS = ["DiceCrossEntropyTrainer_2epochs_1iters", "TverskyTrainer_iw_2epochs_1iters"]


def published(folder: Path, trainer: str) -> set[str]:
    """Every file of a trainer's trainings under results/."""
    return {
        str(path.relative_to(folder))
        for path in (folder / "results").rglob("*")
        if path.is_file() and f"{trainer}_seed1" in path.parts
    }


def case_values(folder: Path, trainer: str) -> pd.DataFrame:
    """What was measured of a trainer."""
    cases = pd.read_parquet(folder / "results/studies/toy/tables/cases.parquet")
    columns = ["fold", "case", "label", "metric", "value", "status"]
    return cases.loc[cases["trainer"] == trainer, columns].sort_values(columns[:4]).reset_index(drop=True)


def test_a_study_ends_in_complete_tables_and_a_report(finished: Workplace) -> None:
    folder = finished.folder
    cases = pd.read_parquet(folder / "results/studies/toy/tables/cases.parquet")
    dice = cases[cases["metric"] == "dice"]
    assert sorted(dice["trainer"].unique()) == TRAINERS
    assert not dice.duplicated(["trainer", "seed", "case", "label"]).any()
    assert (dice.groupby("trainer")["case"].nunique() == 4).all()
    jobs = pd.read_parquet(folder / "results/studies/toy/tables/jobs.parquet")
    assert len(jobs) == 2 * len(TRAINERS)
    assert not (jobs["status"] == "missing").any()
    assert not list((folder / "results").glob("probabilities/*/*/*/*/*.npz"))  # temporary
    assert "TverskyTrainer_iw" in (folder / "reports/toy/report.html").read_text()
    sealed = json.loads((folder / "reports/toy/manifest.json").read_text())["files"]
    assert {"reports/toy/report.html", "reports/toy/paper/methods.txt"} < sealed.keys()
    assert any(name.startswith("reports/toy/figures/figure-01") for name in sealed)
    record = json.loads((folder / "results/studies/toy/study.json").read_text())
    assert record["config"]["statistics"] == {"resamples": 200, "seed": 0}


def test_the_person_sees_the_stages_and_at_the_end_what_the_report_says(finished: Workplace) -> None:
    told = (finished.folder / "told.txt").read_text().splitlines()
    verdict = json.loads((finished.folder / "reports/toy/data/verdict.json").read_text())[0]
    report = f"The report: {finished.folder / 'reports/toy/report.html'}"
    words = [*filter(None, (verdict[part] for part in ("headline", "left_out", "detail"))), report]
    assert told[-len(words) :] == words
    assert any(re.search("train [1-3] of 4", line) for line in told)
    assert not any(line.startswith("rule ") for line in told)
    status = CliRunner().invoke(app, ["status", "toy", "--directory", str(finished.folder)])
    assert status.stdout.startswith("toy · 4 trainings: 4 finished\n")
    finished.command()  # writes the config
    command = ["plan", str(finished.folder / "study.yaml"), "--directory", str(finished.folder)]
    planned = CliRunner().invoke(app, command).stdout.splitlines()
    assert planned[0].startswith("toy: 4 trainings, ") and "; 4 have finished" in planned[0]
    assert [line.split()[-1] for line in planned if line.startswith(("DiceCross", "Tversky"))] == ["trainings"] * 2


def test_run_again_there_is_nothing_to_be_done(finished: Workplace) -> None:
    assert "Nothing to be done" in finished.succeed()


def test_trainers_and_seeds_that_join_train_alone(finished: Workplace) -> None:
    plan = finished.succeed("--dry-run", trainers=[*finished.config["trainers"], "DiceTrainer"], seeds=[1, 2])
    counts = job_counts(plan)
    # two folds of the new trainer with both seeds, and of the two others with the new one
    assert {rule: n for rule, n in counts.items() if n == 8} == {"train": 8, "predict": 8, "evaluate": 8}
    assert {rule for rule, n in counts.items() if n == 1} == {
        "describe_study", "compare", "publish_report", "seal", "all",
    }  # fmt: skip


def test_a_partial_report_counts_what_is_missing(finished: Workplace) -> None:
    finished.succeed("partial_report", trainers=[*finished.config["trainers"], "DiceTrainer"])
    jobs = pd.read_parquet(finished.folder / "results/studies/toy-partial/tables/jobs.parquet")
    missing = jobs[jobs["status"] == "missing"]
    assert set(missing["trainer"]) == {"DiceTrainer_2epochs_1iters"}
    assert len(missing) == 2
    assert (finished.folder / "reports/toy-partial/report.html").is_file()


def test_a_changed_configuration_is_not_taken_for_the_finished_one(finished: Workplace) -> None:
    # the trainings then refuse their folders, which hold another experiment: see tests/nnunet/test_resume.py
    configuration = finished.config["configurations"][0] | {"batch_size": 3}
    counts = job_counts(finished.succeed("--dry-run", configurations=[configuration]))
    assert (counts["preprocess"], counts["train"]) == (1, 4)


def test_own_splits_that_are_edited_are_split_again(finished: Workplace) -> None:
    splits = finished.folder / "splits.json"
    before, written = splits.read_text(), splits.stat().st_mtime_ns
    splits.write_text(before.replace("phantom_000", "phantom_00x").replace("phantom_001", "phantom_000"))
    try:
        counts = job_counts(finished.succeed("--dry-run"))
    finally:
        splits.write_text(before)
        os.utime(splits, ns=(written, written))  # the study is shared: for other tests it is as it was
    assert (counts["split"], counts["train"]) == (1, 4)


def test_killed_at_any_moment_the_same_command_ends_in_the_same_results(workplace: Make, finished: Workplace) -> None:
    trainer = "TverskyTrainer_iw"  # half of the finished study
    place = workplace(trainers=[trainer])
    moments = random.Random(1)
    for _ in range(2):
        process = place.start()
        try:
            process.wait(timeout=moments.uniform(0.1, 0.5) * finished.took)
            break
        except psutil.TimeoutExpired:
            kill(process)
    place.succeed()
    assert published(place.folder, TRAINERS[1]) == published(finished.folder, TRAINERS[1])
    values = case_values(place.folder, TRAINERS[1])
    assert len(values) > 100
    pd.testing.assert_frame_equal(values, case_values(finished.folder, TRAINERS[1]))
    assert (place.folder / "reports/toy/report.html").is_file()
    assert "Nothing to be done" in place.succeed()


def test_what_is_lost_or_edited_after_the_report_is_made_again(finished: Workplace, tmp_path: Path) -> None:
    place = replace(finished, folder=tmp_path / "a copy")
    shutil.copytree(finished.folder, place.folder)
    lesions = Path(
        "results/tables/Dataset900_Phantom/nnUNetPlans__3d_toy/TverskyTrainer_iw_2epochs_1iters_seed1/fold_1"
    )
    (place.folder / lesions / "lesions.parquet").unlink()
    plan = place.succeed("--dry-run")
    assert f"(gone: {lesions}/lesions.parquet)" in plan
    counts = job_counts(plan)
    assert counts == dict.fromkeys(["predict", "evaluate", "compare", "publish_report", "seal", "all"], 1) | {
        "total": 6
    }
    shutil.copy(finished.folder / lesions / "lesions.parquet", place.folder / lesions)

    tables = place.folder / "results/studies/toy/tables"
    cases = pd.read_parquet(tables / "cases.parquet")
    cases.assign(value=1.0).to_parquet(tables / "cases.parquet")
    model = next(place.folder.glob("results/models/*/*/*/fold_0/checkpoint_final.pth"))
    model.unlink()
    told = place.succeed(by=RUN)
    assert "are gone or differ (changed: results/studies/toy/tables/cases.parquet). They are made again" in told
    assert f"are gone or differ (gone: {model.relative_to(place.folder)})" in told
    assert not model.exists()  # nobody asked for a training
    pd.testing.assert_frame_equal(pd.read_parquet(tables / "cases.parquet"), cases)
    assert "Nothing to be done" in place.succeed()

    # what the workflow itself makes again, by name or interrupted, is no damage
    place.succeed("results/studies/toy/study.json", title="Another title")
    assert "gone or differ" not in place.succeed("--dry-run", title="Another title")


def test_a_study_that_was_moved_with_its_checkout_is_not_trained_again(finished: Workplace, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(finished.folder, moved, symlinks=True)
    config = yaml.safe_load(yaml.safe_dump(finished.config).replace(str(finished.folder), str(moved)))
    place = replace(finished, folder=moved, config=config)
    places_are_named = {"describe_study", "compare", "publish_report", "seal"}
    assert set(job_counts(place.succeed("--dry-run"))) <= places_are_named | {"all", "total"}
    (moved / "splits.json").write_text(json.dumps(json.loads((moved / "splits.json").read_text())[::-1]))
    counts = job_counts(place.succeed("--dry-run"))
    assert counts["split"] == 1
    assert "prepare" not in counts


def test_bad_data_stop_before_planning(workplace: Make, finished: Workplace, tmp_path: Path) -> None:
    raw = tmp_path / "Dataset900_Phantom"
    shutil.copytree(finished.folder / "work/nnUNet_raw/Dataset900_Phantom", raw)
    next(iter(sorted((raw / "labelsTr").iterdir()))).unlink()
    dataset = tmp_path / "own.yaml"
    dataset.write_text(yaml.safe_dump({"name": "Dataset901_Own", "source": {"path": str(raw)}}))
    done = workplace().run(datasets=[str(dataset)])
    assert done.returncode == 1
    assert "phantom_000" in done.stdout
    assert "label" in done.stdout
    assert "Traceback" not in done.stdout


def test_trainings_of_which_only_the_kept_tables_are_left_are_not_trained_again(
    finished: Workplace, tmp_path: Path
) -> None:
    place = replace(finished, folder=tmp_path / "a copy", config=finished.config | {"report": {"gallery": False}})
    shutil.copytree(finished.folder, place.folder)
    for fold in range(2):  # as if an ensemble had been evaluated
        tables = place.folder / "results/tables/Dataset900_Phantom/nnUNetPlans__3d_toy"
        shutil.copytree(tables / f"{TRAINERS[0]}_seed1/fold_{fold}", tables / ENSEMBLE / f"fold_{fold}")
    place.command(ensembles=[place.config["trainers"]])  # writes the config
    options = ["--configfile", str(place.folder / "study.yaml"), "--directory", str(place.folder)]
    options += ["--folder", str(tmp_path / "kept")]
    assert (
        "4 of 4 trainings and 2 of 2 folds of ensembles have finished"
        in CliRunner().invoke(app, ["keep", *options]).output
    )
    for lost in ("results/models", "results/predictions", "results/tables", "results/studies", "reports", ".snakemake"):
        shutil.rmtree(place.folder / lost)
    shutil.rmtree(place.folder / "work/nnUNet_results")
    assert (
        "4 of 4 trainings and 2 of 2 folds of ensembles were put back"
        in CliRunner().invoke(app, ["restore", *options]).output
    )
    new = [place.folder / f"results/{kind}/Dataset900_Phantom/nnUNetPlans__3d_toy" for kind in ("models", "tables")]
    new = [folder / f"{TRAINERS[0]}_seed1" / "fold_1" for folder in new]
    for fold in new:  # as if the study had had one fold
        fold.rename(fold.with_name("aside"))
    counts = job_counts(place.succeed("--dry-run", trainers=[*place.config["trainers"], "DiceTrainer"]))
    for fold in new:
        fold.with_name("aside").rename(fold)
    assert counts["train"] == counts["predict"] == counts["evaluate"] == 2 + 1
    again = job_counts(place.succeed("--dry-run", ensembles=[place.config["trainers"]]))
    assert not {"train", "predict", "ensemble", "evaluate"} & set(again)
    assert not {"prepare", "plan", "split", "preprocess"} & set(counts)
    place.succeed()
    pd.testing.assert_frame_equal(case_values(place.folder, TRAINERS[1]), case_values(finished.folder, TRAINERS[1]))
    assert (place.folder / "reports/toy/manifest.json").is_file()
    assert "declared before training" in (place.folder / "reports/toy/report.html").read_text(encoding="utf-8")
