"""Every training of a study and what has become of it, read from logs alone: whoever trains is not disturbed."""

import json
import math
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from nnunet_losses.base.errors import UserError, told_in
from nnunet_losses.base.locks import is_locked
from nnunet_losses.base.names import FINAL_CHECKPOINT, JOBS_JSON
from nnunet_losses.base.states import RunStatus
from nnunet_losses.base.tables.results import COLLAPSED
from nnunet_losses.progress.estimate import seconds_left
from nnunet_losses.progress.events import Events, Job
from nnunet_losses.progress.trainings import TrainingProgress, is_published, read_progress, training_folder
from nnunet_losses.study.record import Run, read_record

SILENT_S = 300
"""A log that has not grown for so long, or for three epochs if that is longer, is worth a look."""
LOGS = Path("logs", "run")
"""Where `nnunet-losses run` writes Snakemake's events, a folder for each study."""


class State(StrEnum):
    """What has become of a training; in the order in which they are listed."""

    FAILED = "failed"
    INTERRUPTED = "interrupted"
    TRAINING = "training"
    PREDICTING = "predicting"  # the cases of its fold, after the last epoch
    STARTING = "starting"
    QUEUED = "queued"  # handed to the cluster
    FINISHED = "finished"
    WAITING = "waiting"

    @property
    def running(self) -> bool:
        """Whether somebody is at work on it."""
        return self in (State.TRAINING, State.PREDICTING, State.STARTING)


@dataclass(frozen=True)
class TrainingStatus:
    """A training and what has become of it."""

    run: Run
    state: State
    progress: TrainingProgress
    remark: str = ""
    """What to look at: collapsed, diverging, silent, ...."""

    @property
    def name(self) -> str:
        """Trainer and fold first: the end may be cut off."""
        return f"{self.run.trainer} · fold {self.run.fold} · {self.run.dataset} {self.run.configuration}"


@dataclass(frozen=True)
class StudyStatus:
    """A study: its trainings, those worth a look first, and how many more are known only by their number."""

    study: str
    trainings: Sequence[TrainingStatus]
    more: int = 0
    """Trainings that wait and of which the names are not known yet."""
    seconds_left: float = math.nan
    """Until the expected end of the study; NaN if it does not run here, or nothing tells."""

    def count(self, state: State) -> int:
        """How many trainings are in a state."""
        return sum(t.state == state for t in self.trainings) + (self.more if state == State.WAITING else 0)

    @property
    def flagged(self) -> int:
        """How many trainings have a remark."""
        return sum(bool(t.remark) for t in self.trainings)


def choose_study(directory: Path, name: str | None = None) -> str:
    """The study of a name, or the one that ran last.

    Args:
        directory: where studies run.
        name: of the study.

    Raises:
        UserError: no study, or no such study, has been run there.
    """
    folders = [folder for folder in (directory / LOGS).glob("*") if folder.is_dir()]
    newest = {
        folder.name: next((events.file.name for events in _runs(directory, folder.name)), "") for folder in folders
    }
    if not newest:
        raise UserError(f"No study has been run in {directory.absolute()}; name its folder with --directory.")
    if name is None:
        return max(newest, key=lambda study: newest[study])
    if name not in newest:
        raise UserError(
            f"The study {name} has not been run in {directory.absolute()}; there are {', '.join(sorted(newest))}."
        )
    return name


def read_status(directory: Path, study: str) -> StudyStatus:
    """Read what has become of every training of a study.

    Args:
        directory: where the study runs.
        study: its name.
    """
    now = time.time()
    events = last_events(directory, study)
    jobs = {run: job for job in events.jobs.values() if (run := _training(job)) is not None}
    plans = next((job.wildcards["plans"] for job in jobs.values()), None)
    more = 0
    try:
        record = read_record(directory / "results" / "studies" / study / "study.json")
        runs, plans = list(record.runs), record.plans
    except UserError:  # the workflow has not written it yet
        runs = list(jobs)
        more = max(0, events.planned.get("train", 0) - len(runs))
    alive = is_locked(directory / ".snakemake" / "study.lock")
    found = [_status(directory, str(plans), run, jobs.get(run), now, alive=alive) for run in runs]
    left = math.nan
    if alive:
        progress = {training.run: training.progress for training in found if training.state.running}
        running = {number: progress[run] for number, job in events.jobs.items() if (run := _training(job)) in progress}
        left = seconds_left(events, running, now)
    order = list(State)
    found.sort(key=lambda training: (not training.remark, order.index(training.state)))
    return StudyStatus(study, found, more, left)


def last_events(directory: Path, study: str) -> Events:
    """What Snakemake said in the last run of a study that got as far as a plan; empty if there is none."""
    return next((events for events in _runs(directory, study) if events.planned), Events(Path()))


def _runs(directory: Path, study: str) -> Iterator[Events]:
    """What Snakemake said in each run of a study, the last one first; reports on a part of it are none."""
    for file in sorted((directory / LOGS / study).glob("*.jsonl"), reverse=True):
        events = Events(file)
        events.read()
        if not events.only_partial:
            yield events


def _training(job: Job) -> Run | None:
    """Which training a job trains; None if it does something else."""
    of = job.wildcards
    if job.rule != "train":
        return None
    return Run(dataset=of["dataset"], configuration=of["configuration"], trainer=of["trainer"], fold=int(of["fold"]))


def _status(directory: Path, plans: str, run: Run, job: Job | None, now: float, *, alive: bool) -> TrainingStatus:
    """The state of one training.

    Args:
        directory: where the study runs.
        plans: nnU-Net's plans.
        run: the training.
        job: its last one in Snakemake's last run; None if it had none there.
        now: in seconds since the epoch.
        alive: whether Snakemake runs on this machine.
    """
    folder = training_folder(directory, plans, run)
    if is_published(directory, plans, run):
        return TrainingStatus(run, State.FINISHED, read_progress(folder, finished=True), _end(folder))
    progress = read_progress(folder)
    silent = now - (progress.updated or 0.0)
    slow = silent > max(SILENT_S, 3 * (progress.seconds_per_epoch if progress.epoch else 0.0))
    remarks = [str(progress.alarm)] if progress.alarm else []
    if job is not None and job.failed:
        state, remarks = State.FAILED, [*remarks, *_last_words(directory, job)]
    elif progress.updated is not None and (is_locked(folder / ".lock") or (not slow and _elsewhere(progress))):
        trained = (folder / FINAL_CHECKPOINT).is_file() or progress.validating
        state = State.PREDICTING if trained else State.TRAINING if progress.epoch else State.STARTING
        remarks += [f"silent for {_minutes(silent)}"] if slow else []
    elif job is not None and job.running and alive:
        begun = progress.updated is not None and progress.updated > job.started
        state = State.STARTING if begun else State.QUEUED
    else:
        state = State.WAITING if progress.updated is None else State.INTERRUPTED
    return TrainingStatus(run, state, progress, ", ".join(remarks))


def _elsewhere(progress: TrainingProgress) -> bool:
    """Whether the lock of a training may be out of sight from here."""
    return sys.platform != "linux" or progress.host != socket.gethostname()


def _end(folder: Path) -> str:
    """What there is to remark on the end of a finished training."""
    try:
        job = json.loads((folder / JOBS_JSON).read_text(encoding="utf-8"))
        return COLLAPSED if job[COLLAPSED] else "" if job["status"] == RunStatus.COMPLETED else str(job["status"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _last_words(directory: Path, job: Job) -> list[str]:
    """What the log of a failed job says of the reason, or its last line."""
    for log in (*job.logs, *job.outer_logs):
        if (reason := told_in(directory / log)) is not None:
            return [reason]
        try:
            lines = (directory / log).read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            continue
        return [line.strip() for line in lines if line.strip()][-1:]
    return []


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
