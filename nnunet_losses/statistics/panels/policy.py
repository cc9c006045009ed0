"""What an undefined value counts as."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

STATUSES = ("ok", "both_empty", "reference_empty", "prediction_empty")
DIAGONAL = "image_diagonal"  # a metric of this name, if present, is each case's worst possible distance


@dataclass(frozen=True)
class Policy:
    """What an undefined value counts as; printed in every report, since it can decide a ranking.

    both_empty: "exclude" leaves the case out for all trainers as soon as one of them has it undefined;
        "perfect" counts it as 1 (as 0 for a distance).
    one_empty: "worst" gives the worst value (0 for scores; for distances and other lower-is-better metrics `worst`,
        else the case's `image_diagonal`, else the largest finite value of this metric); "exclude" leaves the case
        out for all trainers.
    missing: a case without any row for some trainer: "exclude" it for all trainers, or count it as "worst".
    max_missing: a trainer that lacks more than this share of the cases is left out of the comparison, and listed
        as such, instead of taking the cases of all others with it.
    worst: worst value by metric name.
    Source: Maier-Hein et al., Metrics Reloaded, Nature Methods 2024: a policy for NaN is stated, never implied.
    """

    both_empty: Literal["exclude", "perfect"] = "exclude"
    one_empty: Literal["worst", "exclude"] = "worst"
    missing: Literal["exclude", "worst"] = "exclude"
    max_missing: float = 0.2
    worst: Mapping[str, float] = field(default_factory=dict)


def _needs_reference(metric: str) -> bool:
    # A share of the reference has no meaning without a reference, whatever was predicted.
    return "recall" in metric or "sensitivity" in metric


def worst_values(
    rows: pd.DataFrame, metric: str, policy: Policy, higher_is_better: bool, diagonal: pd.Series
) -> pd.Series:
    """The worst value that each row of one metric can be given; `diagonal` is the image's, by case."""
    if metric in policy.worst:
        return pd.Series(float(policy.worst[metric]), index=rows.index)
    if higher_is_better:
        return pd.Series(0.0, index=rows.index)
    finite = rows["value"].where(np.isfinite(rows["value"]))
    largest = pd.Series(finite.max(), index=rows.index)
    if rows["unit"].iloc[0] == "mm" and len(diagonal):
        return rows["case"].map(diagonal).fillna(largest)
    return largest


def filled(rows: pd.DataFrame, metric: str, policy: Policy, higher_is_better: bool, worst: pd.Series) -> pd.Series:
    """The values of one metric, undefined ones replaced where the policy says so, else NaN."""
    value, status = rows["value"].astype(float), rows["status"]
    undefined = ~np.isfinite(value)
    value = value.mask(undefined)
    if _needs_reference(metric):
        undefined &= ~status.isin(["both_empty", "reference_empty"])
    if policy.both_empty == "perfect":
        value = value.mask(undefined & (status == "both_empty"), 1.0 if higher_is_better else 0.0)
    if policy.one_empty == "worst":
        value = value.mask(undefined & status.isin(["reference_empty", "prediction_empty"]), worst)
    return value
