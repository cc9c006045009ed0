"""What an undefined value counts as."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from nnunet_losses.base.metrics import IMAGE_DIAGONAL, Metric
from nnunet_losses.base.states import CaseStatus, Resolution

ONE_EMPTY = [CaseStatus.REFERENCE_EMPTY, CaseStatus.PREDICTION_EMPTY]
WITHOUT_REFERENCE = [CaseStatus.BOTH_EMPTY, CaseStatus.REFERENCE_EMPTY]


@dataclass(frozen=True)
class Policy:
    """What an undefined value counts as; printed in every report, since it can decide a ranking.

    both_empty: "exclude" leaves the case out for all trainers as soon as one of them has it undefined; "perfect" counts
        it as the best value there can be (1 for a score, 0 for a distance).
    one_empty: "worst" gives the worst value (`worst`, else the metric's own worst, else for distances the case's
        `image_diagonal`, else the largest finite value of this metric); "exclude" leaves the case out for all trainers.
    missing: a case without any row for some trainer: "exclude" it for all trainers, or count it as "worst".
    max_missing: a trainer that lacks more than this share of the cases is left out of the comparison, and listed as
        such, instead of taking the cases of all others with it.
    worst: worst value by metric name.

    A broken prediction, which was kept on request (`--skip-broken`), always counts as the worst value.
    A metric that needs a reference is never resolved on a case without one: the case is left out.
    Source: Maier-Hein et al., Metrics Reloaded, Nature Methods 2024: a policy for NaN is stated, never implied.
    """

    both_empty: Literal["exclude", "perfect"] = "exclude"
    one_empty: Literal["worst", "exclude"] = "worst"
    missing: Literal["exclude", "worst"] = "exclude"
    max_missing: float = 0.2
    worst: Mapping[str, float] = field(default_factory=dict)


def worst_values(rows: pd.DataFrame, metric: Metric, policy: Policy, diagonal: pd.Series) -> pd.Series:
    """The worst value that each row of one metric can be given; `diagonal` is the image's, by case."""
    worst = policy.worst.get(metric.name, metric.worst)
    if worst is not None:
        return pd.Series(float(worst), index=rows.index)
    largest = pd.Series(rows["value"].where(np.isfinite(rows["value"])).max(), index=rows.index)
    if metric.unit == IMAGE_DIAGONAL.unit and len(diagonal):
        return rows["case"].map(diagonal).fillna(largest)
    return largest


def resolved(rows: pd.DataFrame, metric: Metric, policy: Policy, worst: pd.Series) -> pd.DataFrame:
    """The columns `filled`, undefined values replaced where the policy says so, else NaN, and `resolved`, how.

    `resolved` is a word of `Resolution`, or empty where the value was defined.
    """
    value, status = rows["value"].astype(float), rows["status"]
    undefined = ~np.isfinite(value)
    value = value.mask(undefined)
    how = pd.Series("", index=rows.index, dtype=object).mask(undefined, str(Resolution.LEFT_OUT))
    open_to_policy = undefined & ~status.isin(WITHOUT_REFERENCE) if metric.needs_reference else undefined
    if policy.both_empty == "perfect" and metric.best is not None:
        perfect = open_to_policy & (status == CaseStatus.BOTH_EMPTY)
        value, how = value.mask(perfect, metric.best), how.mask(perfect, str(Resolution.PERFECT))
    failed = status == CaseStatus.PREDICTION_BROKEN
    if policy.one_empty == "worst":
        failed |= status.isin(ONE_EMPTY)
    bad = open_to_policy & failed & worst.notna()
    value, how = value.mask(bad, worst), how.mask(bad, str(Resolution.WORST))
    return rows.assign(filled=value, resolved=how)
