"""When a study will be finished, from how long its jobs have taken."""

import math
from collections.abc import Mapping
from statistics import mean

from nnunet_losses.progress.events import Events
from nnunet_losses.progress.trainings import TrainingProgress


def seconds_left(events: Events, trainings: Mapping[int, TrainingProgress], now: float) -> float:
    """Expected seconds until the last job ends; NaN before anything tells.

    Each job that is waiting is expected to take as long as the finished ones of its rule took on average; a training,
    if none has finished, as long as the running ones will at their rate. As many jobs are expected to run at once as
    did so far. A rule of which nothing is known yet, such as those after the first training, counts nothing.

    Args:
        events: of Snakemake.
        trainings: the running trainings, by the number of their job.
        now: in seconds since the epoch.
    """
    work, known = 0.0, False
    for stage in events.stages:
        jobs = events.of_rule(stage.rule)
        took = [job.ended - job.started for job in jobs if job.ended is not None and not job.failed]
        rates = [p.epochs * p.seconds_per_epoch for p in trainings.values() if stage.rule == "train" and p.epochs]
        durations = took or [seconds for seconds in rates if not math.isnan(seconds)]
        waiting = stage.planned - stage.done - stage.running - stage.failed
        if not durations or not waiting + stage.running:
            continue
        known, expected = True, mean(durations)
        work += waiting * expected
        for number, job in events.jobs.items():
            if job.rule == stage.rule and job.running:
                left = trainings[number].seconds_left if number in trainings else math.nan
                work += max(0.0, expected - (now - job.started)) if math.isnan(left) else left
    return work / _at_once(events) if known else math.nan


def _at_once(events: Events) -> int:
    """How many jobs ran at the same time at most."""
    changes = [(job.started, 1) for job in events.jobs.values()]
    changes += [(job.ended, -1) for job in events.jobs.values() if job.ended is not None]
    running = most = 0
    for _, change in sorted(changes):  # at the same time, an end comes before a start
        running += change
        most = max(most, running)
    return max(1, most)
