"""Failures are outcomes: trainings that collapsed, diverged or never ended, and what all of them cost."""

import pandas as pd

from nnunet_losses.base.identity import EXPERIMENT
from nnunet_losses.base.states import RunStatus
from nnunet_losses.statistics.tables.pairwise import FAILURES


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
