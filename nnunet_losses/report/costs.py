"""Time, memory and fate of the runs, per trainer."""

import pandas as pd

from nnunet_losses.report.comparison import Row, View, rows_by

DONE = "completed"


def costs(view: View) -> dict[str, Row]:
    """By trainer: seconds (mean, fastest, slowest) of a completed run, largest peak_memory_mb, runs, hardware, epochs.

    Runs that collapsed or diverged took their time too, but a shorter one; only completed ones tell what a loss costs.
    """
    jobs = view.table("jobs")
    if jobs is None:
        return {}
    done = jobs[jobs["status"] == DONE]
    summary = done.groupby("trainer").agg(
        seconds=("seconds", "mean"),
        fastest=("seconds", "min"),
        slowest=("seconds", "max"),
        peak_memory_mb=("peak_memory_mb", "max"),
        runs=("seconds", "size"),
        hardware=("hardware", lambda names: ", ".join(sorted(set(names.dropna().astype(str))))),
        epochs=("epochs", "max"),
    )
    return rows_by(summary.reset_index(), "trainer")


def failures(view: View) -> pd.DataFrame | None:
    """The runs that did not complete, or None if the table of jobs is missing."""
    jobs = view.table("jobs")
    return None if jobs is None else jobs[jobs["status"] != DONE]
