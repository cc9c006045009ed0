"""What has become of each training of a study, read from its logs."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nnunet_losses.base.errors import UserError
from nnunet_losses.cli import app
from nnunet_losses.progress.status import State, choose_study, read_status
from nnunet_losses.study.record import StudyRecord, write_record

from .test_trainings import epoch

HOLD = "import sys, time; from pathlib import Path; from nnunet_losses.base.locks import take_lock\n"
HOLD += "held = [take_lock(Path(path)) for path in sys.argv[1:]]; print('held', flush=True); time.sleep(60)"
DATASET, CONFIGURATION = "Dataset900_P", "3d"


class Study:
    """The folder of a study with the trainings that a test makes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.locks = [folder / ".snakemake/study.lock"]
        self.lines: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []

    def plan(self, trainer: str) -> None:
        """A training that the study asks for."""
        self.runs.append({"dataset": DATASET, "configuration": CONFIGURATION, "trainer": trainer, "fold": 0})

    def train(
        self,
        trainer: str,
        text: str,
        *,
        locked: bool = False,
        age: float = 0,
        host: str | None = None,
        epochs: int = 20,
    ) -> Path:
        """A training that has begun."""
        self.plan(trainer)
        fold = self.folder / f"work/nnUNet_results/{DATASET}/{trainer}__nnUNetPlans__{CONFIGURATION}/fold_0"
        fold.mkdir(parents=True)
        log = fold / "training_log_2026_11_25_20_03_00.txt"
        log.write_text(text)
        os.utime(log, (time.time() - age,) * 2)
        noted = {"num_epochs": str(epochs), "hostname": host or socket.gethostname()}
        (fold / "debug.json").write_text(json.dumps(noted))
        self.locks += [fold / ".lock"] if locked else []
        return fold

    def job(self, trainer: str, *, end: str = "") -> None:
        """A job of Snakemake that runs, or has ended."""
        number, log = len(self.lines), f"logs/{trainer}.log"
        of = {
            "dataset": DATASET,
            "configuration": CONFIGURATION,
            "trainer": trainer,
            "fold": "0",
            "plans": "nnUNetPlans",
        }
        job = {"event": "job_info", "time": time.time() - 60, "jobid": number, "rule_name": "train", "wildcards": of}
        self.lines.append(job | {"log": [log]})
        if end:
            self.lines.append({"event": end, "time": time.time(), "jobid": number, "job_id": number, "log": [log]})

    def write(self, study: str = "toy", *, record: bool = True, planned: int = 9) -> None:
        """Write what Snakemake and the workflow write."""
        events = self.folder / "logs/run" / study / "2026-11-25_200000.jsonl"
        events.parent.mkdir(parents=True, exist_ok=True)
        plan = {"event": "run_info", "time": 0, "stats": {"train": planned, "total": planned}}
        events.write_text("".join(json.dumps(line) + "\n" for line in [plan, *self.lines]))
        if record:
            config = {"study": study, "datasets": ["p"], "trainers": ["T"], "configurations": ["3d_fullres"]}
            content = {"config": config, "title": "t", "baseline": "T", "trainers": ["T"], "plans": "nnUNetPlans"}
            path = self.folder / f"results/studies/{study}/study.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_record(path, StudyRecord.model_validate_json(json.dumps(content | {"runs": self.runs})))

    def read(self) -> dict[str, tuple[State, str]]:
        """State and remark of each training, while the locks are held."""
        command = [sys.executable, "-c", HOLD, *map(str, self.locks)]
        holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert holder.stdout is not None and holder.stdout.readline() == "held\n"
            return {t.run.trainer: (t.state, t.remark) for t in read_status(self.folder, "toy").trainings}
        finally:
            holder.kill()
            holder.wait()


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def partial_report(folder: Path, study: str, at: str) -> None:
    """What Snakemake writes of a partial report."""
    file = folder / "logs/run" / study / f"{at}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    stats = {"describe_study": 1, "compare": 1, "publish_report": 1, "partial_report": 1, "total": 4}
    file.write_text(json.dumps({"event": "run_info", "time": 0, "stats": stats}) + "\n")


def test_a_partial_report_is_no_run_of_the_study(study: Study) -> None:
    study.plan("Queued")
    study.train("Failed", epoch(0, 0.3))
    study.job("Queued")
    study.job("Failed", end="job_error")
    study.write()
    before = study.read()
    assert before == {"Queued": (State.QUEUED, ""), "Failed": (State.FAILED, "")}
    partial_report(study.folder, "toy", "2026-11-25_210000")
    assert study.read() == before
    study.write("other", record=False)
    later = study.folder / "logs/run/toy/2026-11-25_203000.jsonl"
    (study.folder / "logs/run/toy/2026-11-25_200000.jsonl").rename(later)
    partial_report(study.folder, "other", "2026-11-25_220000")
    assert choose_study(study.folder) == "toy"
    assert choose_study(study.folder, "other") == "other"


def test_a_study_of_which_there_was_only_a_partial_report_waits(study: Study) -> None:
    study.train("Interrupted", epoch(0, 0.3))
    study.plan("Waiting")
    study.write()
    (study.folder / "logs/run/toy/2026-11-25_200000.jsonl").unlink()
    partial_report(study.folder, "toy", "2026-11-25_210000")
    study.locks = []
    assert study.read() == {"Waiting": (State.WAITING, ""), "Interrupted": (State.INTERRUPTED, "")}
    assert choose_study(study.folder) == "toy"


def test_every_training_has_its_state(study: Study) -> None:
    good = epoch(0, 0.3) + epoch(1, 0.4)
    study.plan("Waiting")
    study.train("Training", good, locked=True)
    study.train("Starting", "hello\n", locked=True)
    study.train("Predicting", good, locked=True, epochs=2)
    study.train("Interrupted", good)
    study.train("Elsewhere", good, host="another")
    study.train("Gone", good, host="another", age=4000)
    study.train("Failed", good)
    study.plan("Queued")
    study.train("Resubmitted", good, age=4000)
    fold = study.train("Finished", good + "predicting a\n" * 2000)
    published = study.folder / f"results/models/{DATASET}/nnUNetPlans__{CONFIGURATION}/Finished/fold_0/jobs.parquet"
    published.parent.mkdir(parents=True)
    published.touch()
    (fold / "jobs.json").write_text('{"status": "completed", "collapsed": true}')
    study.job("Failed", end="job_error")
    study.job("Queued")
    study.job("Resubmitted")
    study.job("Training")
    (study.folder / "logs").mkdir()
    (study.folder / "logs/Failed.log").write_text("line\nno memory left\n\n")
    study.write()
    assert study.read() == {
        "Waiting": (State.WAITING, ""),
        "Training": (State.TRAINING, ""),
        "Starting": (State.STARTING, ""),
        "Predicting": (State.PREDICTING, ""),
        "Interrupted": (State.INTERRUPTED, ""),
        "Elsewhere": (State.TRAINING, ""),
        "Gone": (State.INTERRUPTED, ""),
        "Failed": (State.FAILED, "no memory left"),
        "Queued": (State.QUEUED, ""),
        "Resubmitted": (State.QUEUED, ""),
        "Finished": (State.FINISHED, "collapsed"),
    }


def test_what_collapses_diverges_or_says_nothing_is_flagged_and_listed_first(study: Study) -> None:
    study.train("Good", epoch(0, 0.3), locked=True)
    study.train("Collapsed", "".join(epoch(n, -0.05).replace("0.05)", "0.0)") for n in range(11)), locked=True)
    study.train("Diverging", epoch(0, 0.3) + epoch(1, 0.3).replace("train_loss 0.9529", "train_loss nan"), locked=True)
    study.train("Silent", epoch(0, 0.3), locked=True, age=4000)
    study.train("Slow", epoch(0, 0.3, seconds=2000), locked=True, age=4000)
    study.write()
    found = study.read()
    assert found["Good"] == found["Slow"] == (State.TRAINING, "")
    assert found["Diverging"] == (State.TRAINING, "diverging")
    assert found["Silent"] == (State.TRAINING, "silent for 67 min")
    assert found["Collapsed"] == (State.TRAINING, "collapsed")
    assert sorted(list(found)[:3]) == ["Collapsed", "Diverging", "Silent"]


def test_before_the_study_is_recorded_the_trainings_are_those_of_snakemake(study: Study) -> None:
    study.train("Training", epoch(0, 0.3))
    study.job("Training")
    study.write(record=False)
    status = read_status(study.folder, "toy")
    assert [(t.run.trainer, t.state) for t in status.trainings] == [("Training", State.INTERRUPTED)]
    assert (status.more, status.count(State.WAITING)) == (8, 8)


def test_the_command_shows_a_line_a_training(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study.train("DiceTrainer", epoch(0, 0.3) + epoch(1, 0.4))
    study.plan("FocalTrainer")
    study.write()
    (study.folder / "other.yaml").write_text("study: other\n")
    monkeypatch.delenv("COLUMNS", raising=False)
    command = ["status", "--directory", str(study.folder)]
    lines = CliRunner().invoke(app, command).stdout.splitlines()
    assert lines[0] == "toy · 2 trainings: 1 interrupted, 1 waiting"
    row = ["interrupted", "2", "of", "20", "2.0", "s", "0:00:36", "0.450", socket.gethostname()]
    assert lines[2].split("  ", 1)[0] == f"DiceTrainer · fold 0 · {DATASET} {CONFIGURATION}"
    assert lines[2].split()[-len(row) :] == row
    assert len(lines) == 3
    assert "FocalTrainer" in CliRunner().invoke(app, [*command, "toy", "--all"]).stdout
    wrong = CliRunner().invoke(app, [*command, str(study.folder / "other.yaml")])
    assert wrong.exit_code == 1
    assert "The study other has not been run in" in wrong.stderr and "there are toy." in wrong.stderr


def test_the_study_that_ran_last_is_chosen(study: Study, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No study has been run in .*; name its folder with --directory"):
        choose_study(tmp_path)
    study.write("toy")
    study.write("alpha")
    (tmp_path / "logs/run/alpha/2026-11-25_200000.jsonl").rename(tmp_path / "logs/run/alpha/2026-11-26_000000.jsonl")
    assert choose_study(tmp_path) == "alpha"
    assert choose_study(tmp_path, "toy") == "toy"
