"""Failures are outcomes: runs that collapsed, diverged or never ended, and what all of them cost."""

import pandas as pd

from nnunet_losses.statistics.panels.seeds import merge_seeds

STATUSES = ("completed", "collapsed", "diverged", "missing")


def failures_table(jobs: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset × configuration × trainer: runs by status, hours, peak memory.

    failed_runs names the runs that did not complete; hours are of all runs, failed ones included; an unknown status
    counts as `other`. Raises ValueError for a malformed table.
    """
    needed = ["dataset", "configuration", "trainer", "fold", "seed", "status", "seconds", "peak_memory_mb"]
    lacking = [column for column in needed if column not in jobs]
    if lacking:
        raise ValueError(f"The table of jobs lacks the columns {lacking}.")
    merged = merge_seeds(jobs)
    rows = []
    for (dataset, configuration, trainer), own in merged.groupby(["dataset", "configuration", "trainer"], sort=False):
        failed = own[own["status"] != "completed"]
        rows.append(
            {
                "dataset": dataset,
                "configuration": configuration,
                "trainer": trainer,
                "jobs": len(own),
                **{status: int((own["status"] == status).sum()) for status in STATUSES},
                "other": int((~own["status"].isin(STATUSES)).sum()),
                "failed_runs": "; ".join(
                    f"fold {fold}" + (f" seed {seed}" if seed else "") + f": {status}"
                    for fold, seed, status in zip(failed["fold"], failed["seed"], failed["status"], strict=True)
                ),
                "hours": own["seconds"].sum() / 3600,
                "hours_per_run": own.loc[own["status"] == "completed", "seconds"].mean() / 3600,
                "peak_memory_mb": own["peak_memory_mb"].max(),
            }
        )
    return pd.DataFrame(rows)
