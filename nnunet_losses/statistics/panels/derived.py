"""Metrics of a case that follow from others of the same case, so that tables of earlier studies have them too."""

from collections.abc import Collection

import pandas as pd

from nnunet_losses.base.identity import CASE
from nnunet_losses.base.metrics.derived import RECALL_PRECISION_GAP

_KEY = [*CASE, "label"]


def with_derived(cases: pd.DataFrame, wanted: Collection[str]) -> pd.DataFrame:
    """The table of cases with the gap between recall and precision, if it is wanted and both were measured.

    It is not defined where one of the two is not.
    """
    name, measured = RECALL_PRECISION_GAP.name, set(cases["metric"])
    if name not in wanted or name in measured or not {"recall", "precision"} <= measured:
        return cases
    recall, precision = (cases[cases["metric"] == metric] for metric in ("recall", "precision"))
    both = recall.merge(precision[[*_KEY, "value"]], on=_KEY, suffixes=("", "_other"))
    gap = (both["value"] - both["value_other"]).abs()
    rows = both.drop(columns="value_other").assign(metric=name, value=gap)
    return pd.concat([cases, rows], ignore_index=True)
