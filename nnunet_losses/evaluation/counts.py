"""Cases of which only the voxel counts are known."""

import math
from collections.abc import Mapping

import pandas as pd

from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.metrics.voxel import Counts
from nnunet_losses.base.states import CaseStatus
from nnunet_losses.evaluation import tables
from nnunet_losses.evaluation.overlap import overlap_metrics
from nnunet_losses.evaluation.settings import EvaluationSettings


def counted_case(counts: Mapping[str, Counts], settings: EvaluationSettings | None = None) -> pd.DataFrame:
    """The rows of the table of cases that follow from the voxel counts of one case, by label.

    Volumes are left out where the size of a voxel is not known (NaN).
    """
    rows = []
    for label, own in counts.items():
        status = CaseStatus.of(own.tp + own.fn, own.tp + own.fp)
        metrics = overlap_metrics(own, settings or EvaluationSettings())
        known = {
            name: value
            for name, value in metrics.items()
            if metric_named(name).unit != "ml" or not math.isnan(own.voxel_ml)
        }
        rows += [{"label": label, **row} for row in tables.metric_rows(known, status)]
    return tables.join("cases", [pd.DataFrame(rows)])
