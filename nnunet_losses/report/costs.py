"""Time, memory and fate of the runs, per trainer."""

import pandas as pd

from nnunet_losses.report.study import View

DONE = "completed"


def costs(view: View) -> pd.DataFrame | None:
    """Per trainer: mean, fastest and slowest seconds of a completed run, peak_memory_mb (largest), hardware, runs.

    Runs that collapsed or diverged took their time too, but a shorter one; only completed ones tell what a loss costs.
    """
    jobs = view.table("jobs")
    if jobs is None:
        return None
    done = jobs[jobs["status"] == DONE]
    if done.empty:
        return None
    return done.groupby("trainer").agg(
        seconds=("seconds", "mean"),
        fastest=("seconds", "min"),
        slowest=("seconds", "max"),
        peak_memory_mb=("peak_memory_mb", "max"),
        runs=("seconds", "size"),
        hardware=("hardware", lambda names: ", ".join(sorted(set(names.dropna().astype(str))))),
        epochs=("epochs", "max"),
    )


def failures(view: View) -> pd.DataFrame | None:
    """The runs that did not complete, or None if the table of jobs is missing."""
    jobs = view.table("jobs")
    return None if jobs is None else jobs[jobs["status"] != DONE]
