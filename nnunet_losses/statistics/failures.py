"""Failures are outcomes: trainings that collapsed, diverged or never ended, and what all of them cost."""

import pandas as pd

from nnunet_losses.base.identity import EXPERIMENT
from nnunet_losses.base.states import RunStatus
from nnunet_losses.statistics.tables.pairwise import COSTS, FAILURES


def failures_table(jobs: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset × configuration × trainer: trainings by status, hours, peak memory.

    jobs: repeats merged. failed_runs names the trainings that did not complete; hours are of all trainings, failed ones
    included.
    """
    rows = []
    for (dataset, configuration, trainer), own in jobs.groupby([*EXPERIMENT], sort=False):
        failed = own[own["status"] != RunStatus.COMPLETED]
        rows.append(
            {
                "dataset": dataset,
                "configuration": configuration,
                "trainer": trainer,
                "jobs": len(own),
                **{str(status): int((own["status"] == status).sum()) for status in RunStatus},
                "failed_runs": "; ".join(
                    f"fold {fold}" + (f" seed {seed}" if seed else "") + f": {status}"
                    for fold, seed, status in zip(failed["fold"], failed["seed"], failed["status"], strict=True)
                ),
                "hours": own["seconds"].sum() / 3600,
                "hours_per_run": own.loc[own["status"] == RunStatus.COMPLETED, "seconds"].mean() / 3600,
                "peak_memory_mb": own["peak_memory_mb"].max(),
            }
        )
    return FAILURES.build(rows)


def costs_table(jobs: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset × configuration × trainer with a completed training: time, memory, hardware.

    Trainings that collapsed, diverged or stopped early often took less time; completed ones show what a loss costs.

    jobs: repeats merged.
    """
    done = jobs[jobs["status"] == RunStatus.COMPLETED]
    rows = []
    for identity, own in done.groupby([*EXPERIMENT], sort=False):
        machines = own["hardware"].dropna().astype(str) if "hardware" in own else ()
        rows.append(
            {
                **dict(zip(EXPERIMENT, identity, strict=True)),
                "runs": len(own),
                "seconds": own["seconds"].mean(),
                "fastest": own["seconds"].min(),
                "slowest": own["seconds"].max(),
                "peak_memory_mb": own["peak_memory_mb"].max(),
                "hardware": ", ".join(sorted(set(machines))),
            }
        )
    return COSTS.build(rows)
