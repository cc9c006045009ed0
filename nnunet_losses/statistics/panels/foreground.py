"""The mean over labels of every case, the number that nnU-Net reports first."""

import pandas as pd

from nnunet_losses.base.identity import CASE, STUDY
from nnunet_losses.base.states import CaseStatus
from nnunet_losses.base.tables.results import CASES

FOREGROUND_MEAN = "foreground mean"


def with_foreground_mean(cases: pd.DataFrame) -> pd.DataFrame:
    """The table of cases with one more label, "foreground mean", in data sets of two labels or more.

    A case has a mean if it has every label of its data set; its value is undefined, with the status of the first such
    label, where that of a label is, so that the policy for empty masks decides as for a single label. (nnU-Net's
    `foreground_mean` averages each label over different cases instead, wherever it is defined.)
    """
    own = cases[list(CASES.columns)]
    labels = own.groupby([*STUDY, "metric"])["label"].transform("nunique")
    several = own[labels > 1]
    if several.empty:
        return cases
    keys = [*CASE, "metric"]
    # An undefined label comes first and gives its status to the mean.
    ordered = several.assign(undefined=several["value"].isna()).sort_values("undefined", ascending=False, kind="stable")
    groups = ordered.groupby(keys, sort=False)
    mean = groups.agg(
        value=("value", "mean"),
        defined=("value", "count"),
        present=("label", "nunique"),
        unit=("unit", "first"),
        status=("status", "first"),
    ).reset_index()
    wanted = several.groupby([*STUDY, "metric"])["label"].nunique().rename("wanted")
    mean = mean.merge(wanted.reset_index(), on=[*STUDY, "metric"])
    mean = mean[mean["present"] == mean["wanted"]]
    complete = mean["defined"] == mean["wanted"]
    mean["status"] = mean["status"].where(~complete, str(CaseStatus.OK))
    mean["value"] = mean["value"].where(complete)
    return pd.concat([cases, mean.assign(label=FOREGROUND_MEAN)[list(CASES.columns)]], ignore_index=True)
