"""A whole study, from the data to the report: run again, extended, and interrupted anywhere."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from .conftest import Workplace, environment, job_counts

Make = Callable[..., Workplace]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("study")]  # one worker: they share a finished study

TRAINERS = ["DiceCrossEntropyTrainer_2epochs_2iters", "TverskyTrainer_iw_2epochs_2iters"]


def published(folder: Path) -> set[str]:
    """Every file under results/ and reports/, but for logs."""
    return {
        str(p.relative_to(folder)) for part in ("results", "reports") for p in (folder / part).rglob("*") if p.is_file()
    }


def assert_complete(folder: Path, trainers: list[str]) -> None:
    cases = pd.read_parquet(folder / "results/studies/toy/tables/cases.parquet")
    dice = cases[cases["metric"] == "dice"]
    assert sorted(dice["trainer"].unique()) == sorted(trainers)
    assert not dice.duplicated(["trainer", "seed", "case", "label"]).any()
    assert (dice.groupby("trainer")["case"].nunique() == 4).all()
    jobs = pd.read_parquet(folder / "results/studies/toy/tables/jobs.parquet")
    assert len(jobs) == 2 * len(trainers)
    assert not (jobs["status"] == "missing").any()
    assert not list((folder / "results").glob("probabilities/*/*/*/*/*.npz"))  # temporary
    report = (folder / "reports/toy/report.html").read_text()
    assert "TverskyTrainer_iw" in report


@pytest.fixture(scope="module")
def finished(workplace: Make) -> Workplace:
    place = workplace()
    place.succeed()
    return place


def test_a_study_ends_in_complete_tables_and_a_report(finished: Workplace) -> None:
    assert_complete(finished.folder, TRAINERS)
    record = json.loads((finished.folder / "results/studies/toy/study.json").read_text())
    assert record["config"]["statistics"] == {"resamples": 200, "seed": 0}


def test_run_again_there_is_nothing_to_be_done(finished: Workplace) -> None:
    assert "Nothing to be done" in finished.succeed()


def test_a_trainer_that_joins_trains_alone(finished: Workplace) -> None:
    plan = finished.succeed("--dry-run", trainers=[*finished.config["trainers"], "DiceTrainer"])
    counts = job_counts(plan)
    assert counts["train"] == counts["predict"] == counts["evaluate"] == 2
    assert set(counts) == {
        "train",
        "predict",
        "evaluate",
        "describe_study",
        "compare",
        "publish_report",
        "all",
        "total",
    }


def test_a_partial_report_counts_what_is_missing(finished: Workplace) -> None:
    finished.succeed("partial_report", trainers=[*finished.config["trainers"], "DiceTrainer"])
    jobs = pd.read_parquet(finished.folder / "results/studies/toy-partial/tables/jobs.parquet")
    missing = jobs[jobs["status"] == "missing"]
    assert set(missing["trainer"]) == {"DiceTrainer_2epochs_2iters"}
    assert len(missing) == 2
    assert (finished.folder / "reports/toy-partial/report.html").is_file()


def test_another_experiment_under_the_same_name_is_refused(finished: Workplace, tmp_path: Path) -> None:
    place = Workplace(tmp_path / "copy", finished.config)
    shutil.copytree(finished.folder, place.folder)
    configuration = finished.config["configurations"][0] | {"batch_size": 3}
    done = place.run(configurations=[configuration])
    assert done.returncode == 1
    assert "batch_size" in done.stdout
    assert "another experiment" in done.stdout


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment_the_same_command_finishes_the_study(
    workplace: Make, finished: Workplace, seed: int
) -> None:
    place = workplace()
    moments = random.Random(seed)
    for _ in range(3):
        process = subprocess.Popen(
            place.command(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environment(),
        )
        try:
            process.wait(timeout=moments.uniform(10, 70))
            break
        except subprocess.TimeoutExpired:
            # Snakemake and whatever it started, at once, without a chance to clean up
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kill_children_in(place.folder)
    place.succeed()
    assert_complete(place.folder, TRAINERS)
    assert published(place.folder) == published(finished.folder) - {
        name for name in published(finished.folder) if "partial" in name
    }


def kill_children_in(folder: Path) -> None:
    """Kill the processes of a study's jobs, which Snakemake starts in sessions of their own."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            inside = str(folder) in (process / "cmdline").read_text() or (process / "cwd").readlink() == folder
        except OSError:
            continue
        if inside and int(process.name) != os.getpid():
            os.kill(int(process.name), signal.SIGKILL)
    time.sleep(0.5)


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
