"""The tables of results: what evaluation and training leave, and what every comparison starts from."""

from typing import Any

import pandas as pd

from nnunet_losses.base.identity import CASE, RUN
from nnunet_losses.base.scale import Length
from nnunet_losses.base.states import CaseStatus, RunStatus
from nnunet_losses.base.tables.identity import identity_columns
from nnunet_losses.base.tables.schema import Table, integer, real, text, truth

COLLAPSED = "collapsed"
"""The column of jobs that says whether a network predicts background only; in older tables it was a status."""


def _with_collapsed(jobs: pd.DataFrame) -> pd.DataFrame:
    """Jobs with the column ``collapsed``, also where it is lacking or was a status."""
    if "status" not in jobs:
        return jobs
    was_status = jobs["status"].eq(COLLAPSED)
    known = jobs[COLLAPSED].eq(True) if COLLAPSED in jobs else False  # a gap is false
    status = jobs["status"].mask(was_status, str(RunStatus.COMPLETED))
    return jobs.assign(status=status, **{COLLAPSED: was_status | known})


def _with_scale(lesions: pd.DataFrame) -> pd.DataFrame:
    """Lesions with their unit and dimensions; earlier versions did not write them, and measured everything in mm."""
    scale: dict[str, Any] = {"unit": str(Length.MM), "dimensions": 3}
    lacking = {name: value for name, value in scale.items() if name not in lesions}
    gaps = {name: lesions[name].fillna(scale[name]) for name in scale if name in lesions and lesions[name].hasnans}
    return lesions.assign(**lacking | gaps) if lacking or gaps else lesions


_RUN = identity_columns(RUN)
_CASE = identity_columns((*CASE, "label"))

CASES = Table(
    "cases",
    "one metric of one case and label",
    {
        **_CASE,
        **identity_columns(("metric",)),
        "value": real("Its value; NaN where it is not defined."),
        "unit": text("Unit of the value (`1`, `mm`, `ml`, `mm²`, `count`; `px`, pixels, for images without spacing)."),
        "status": text("Which sides are empty, or that the prediction is broken", words=CaseStatus),
    },
    key=(*CASE, "label", "metric"),
)
LESIONS = Table(
    "lesions",
    "one connected component of the reference or of the prediction",
    {
        **_CASE,
        "side": text("The side it belongs to", words=("reference", "prediction")),
        "component": integer("Its number on its side, from 1.", required=False),
        "voxels": integer("Its size.", required=False),
        "volume_mm3": real("Its volume in mm³; in 2D its area in mm², or in pixels.", low=0, required=False),
        "diameter_mm": real("Diameter of the sphere (2D: disc) of the same size, in `unit`.", low=0, required=False),
        "unit": text("Unit of lengths", words=Length, required=False),
        "dimensions": integer("Dimensions of the image, 2 or 3.", required=False),
        "matched": truth("Whether it overlaps a component of the other side."),
        "matches": integer("How many it overlaps.", required=False),
        "partner": real("Number of the one with the best Dice; 0 if it overlaps none.", low=0, required=False),
        "dice": real("Best Dice with one of them.", low=0, high=1, required=False),
        "iou": real("Best IoU with one of them.", low=0, high=1, required=False),
        "overlap_fraction": real("Share of it that the other side covers.", low=0, high=1, required=False),
        "score_max": real("Largest log-odds in the component; of a lesion, in the best component that hits it."),
        "score_mean": real("Mean log-odds, as for `score_max`.", required=False),
        "touches_border": truth("Whether it touches the border of the image.", required=False),
    },
    modernise=_with_scale,
)
THRESHOLDS = Table(
    "thresholds",
    "one probability threshold of one case and label",
    {
        **_CASE,
        "threshold": real("The threshold.", low=0, high=1),
        "tp": integer("True positive voxels."),
        "fp": integer("False positive voxels."),
        "fn": integer("False negative voxels."),
    },
    key=(*CASE, "label", "threshold"),
)
CALIBRATION = Table(
    "calibration",
    "one bin of predicted probability of one case and label",
    {
        **_CASE,
        "bin": integer("Number of the bin, from 0."),
        "count": integer("Voxels near the lesions in the bin."),
        "confidence": real("Their mean probability."),
        "accuracy": real("Share of them that is foreground."),
    },
    key=(*CASE, "label", "bin"),
)
LOG_ODDS = Table(
    "log_odds",
    "one bin of predicted log-odds of one case and label",
    {
        **_CASE,
        "bin": integer("Number of the bin, from 0; each is 0.25 wide, the first begins at −17."),
        "log_odds": real("Mean log-odds of its voxels."),
        "background": integer("Background voxels near the lesions in the bin."),
        "foreground": integer("Foreground voxels."),
    },
    key=(*CASE, "label", "bin"),
)
TRAINING = Table(
    "training",
    "one epoch of one training",
    {
        **_RUN,
        "epoch": integer("The epoch, from 0."),
        "train_loss": real("Mean loss of the training batches."),
        "val_loss": real("Mean loss of the validation batches."),
        "pseudo_dice": real("nnU-Net's pseudo-Dice on the validation batches, mean over labels."),
        "ema_pseudo_dice": real("Its exponential moving average."),
        "lr": real("Learning rate."),
        "seconds": real("Duration.", low=0),
    },
)
JOBS = Table(
    "jobs",
    "one training",
    {
        **_RUN,
        "seconds": real("Duration of the training.", low=0),
        "peak_memory_mb": real("Peak memory: of the GPU, or of the process on a CPU, in MB.", low=0),
        "device": text("`cpu`, `cuda` or `mps`.", nullable=True, required=False),
        "hardware": text("Name of the processor or GPU.", nullable=True, required=False),
        "epochs": real("Epochs trained.", low=0, required=False),
        "utilisation": real(
            "Share of time for which the GPU was busy, or of the CPU time of all threads, since the last start.",
            low=0,
            high=1,
            required=False,
        ),
        "resumes": real("How often it was taken up again.", low=0, required=False),
        "queued_seconds": real("Time in the queue of a cluster, all starts together.", low=0, required=False),
        "status": text("How the training ended", words=RunStatus),
        COLLAPSED: truth("Whether its network predicted background only at its end.", required=False),
    },
    key=RUN,
    modernise=_with_collapsed,
)
COVARIATES = Table(
    "covariates",
    "what is known of one case beside its results, such as its patient, site or scanner",
    {
        **identity_columns(("dataset", "case")),
        "covariate": text("Name of the covariate."),
        "value": text("Its value, as it was given; a case of which it is unknown has no row."),
    },
    key=("dataset", "case", "covariate"),
)

RESULTS: dict[str, Table] = {
    table.name: table for table in (CASES, LESIONS, THRESHOLDS, CALIBRATION, LOG_ODDS, TRAINING, JOBS, COVARIATES)
}
"""By name; a folder of results holds some of them, `cases` at least."""
