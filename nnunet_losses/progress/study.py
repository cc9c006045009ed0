"""How far a running study is: Snakemake's events, and the trainings that they say are running."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

from nnunet_losses.base.names import fold_name, model_name
from nnunet_losses.progress.estimate import seconds_left
from nnunet_losses.progress.events import Events, Job, Stage
from nnunet_losses.progress.trainings import TrainingProgress, read_progress


@dataclass(frozen=True)
class RunningTraining:
    """A training that is under way, and which one it is."""

    wildcards: dict[str, str]
    progress: TrainingProgress

    @property
    def name(self) -> str:
        """Trainer and fold first: the end may be cut off."""
        of = self.wildcards
        return f"{of['trainer']} · fold {of['fold']} · {of['dataset']} {of['configuration']}"


@dataclass(frozen=True)
class StudyProgress:
    """What a person wants to know of a running study."""

    stages: list[Stage]
    trainings: list[RunningTraining]
    failed: list[Job]
    elapsed: float
    """Seconds since the start."""
    seconds_left: float
    """Until the expected end; NaN before anything tells."""

    @property
    def done(self) -> int:
        """Finished jobs."""
        return sum(stage.done for stage in self.stages)

    @property
    def planned(self) -> int:
        """All jobs; 0 before Snakemake has planned, or if there is nothing to be done."""
        return sum(stage.planned for stage in self.stages)


def read_study(events: Events, results: Path, started: float) -> StudyProgress:
    """Read how far a study is.

    Args:
        events: of Snakemake; brought up to date.
        results: nnU-Net's results folder.
        started: when the study was started, in seconds since the epoch.
    """
    events.read()
    now = time.time()
    running = {
        number: RunningTraining(job.wildcards, read_progress(_fold_folder(results, job.wildcards)))
        for number, job in events.jobs.items()
        if job.rule == "train" and job.running
    }
    left = seconds_left(events, {number: training.progress for number, training in running.items()}, now)
    return StudyProgress(
        events.stages,
        list(running.values()),
        events.failed,
        elapsed=now - started,
        seconds_left=left if events.planned else math.nan,
    )


def _fold_folder(results: Path, of: dict[str, str]) -> Path:
    """Where nnU-Net trains the fold that a job of the rule ``train`` is about."""
    return results / of["dataset"] / model_name(of["trainer"], of["plans"], of["configuration"]) / fold_name(of["fold"])
