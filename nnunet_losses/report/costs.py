"""Time and memory of the runs, and which did not complete, per trainer."""

import pandas as pd

from nnunet_losses.base.states import RunStatus
from nnunet_losses.report.comparison import Row, View, rows_by


def costs(view: View) -> dict[str, Row]:
    """By trainer: seconds (mean, fastest, slowest) of a completed run, largest peak_memory_mb, runs, hardware.

    Runs that collapsed, diverged or stopped early often took less time; only completed ones show what a loss costs.
    """
    jobs = view.table("jobs")
    if jobs is None:
        return {}
    done = jobs[jobs["status"] == RunStatus.COMPLETED].reindex(
        columns=["trainer", "seconds", "peak_memory_mb", "hardware"]
    )
    summary = done.groupby("trainer").agg(
        seconds=("seconds", "mean"),
        fastest=("seconds", "min"),
        slowest=("seconds", "max"),
        peak_memory_mb=("peak_memory_mb", "max"),
        runs=("seconds", "size"),
        hardware=("hardware", lambda names: ", ".join(sorted(set(names.dropna().astype(str))))),
    )
    return rows_by(summary.reset_index(), "trainer")


def failures(view: View) -> pd.DataFrame | None:
    """The runs that did not complete, or None if there is no table of jobs."""
    jobs = view.table("jobs")
    return None if jobs is None else jobs[jobs["status"] != RunStatus.COMPLETED]
