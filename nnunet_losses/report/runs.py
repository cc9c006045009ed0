"""The runs of a view."""

import pandas as pd

from nnunet_losses.base.states import RunStatus
from nnunet_losses.report.comparison import View


def failures(view: View) -> pd.DataFrame | None:
    """The trainings that did not complete, or None if there is no table of jobs."""
    jobs = view.table("jobs")
    return None if jobs is None else jobs[jobs["status"] != RunStatus.COMPLETED]
