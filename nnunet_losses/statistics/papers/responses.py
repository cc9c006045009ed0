"""Response curves: what a hyper-parameter does to each metric, with bands over cases and over trainings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from nnunet_losses.statistics.estimators.means import mean_interval
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.ranking.decision import training_spread
from nnunet_losses.statistics.tables.papers import RESPONSES


@dataclass(frozen=True)
class Curve:
    """A sweep, as statistics need it.

    family: what the trainers have in common. parameter: what varies. values: its value, by trainer.
    published: where the published trainers lie, by name as published numbers give it.
    """

    family: str
    parameter: str
    values: Mapping[str, float]
    published: Mapping[str, float] = field(default_factory=dict)


def responses_table(
    panels: Sequence[Panel], curves: Sequence[Curve], published: pd.DataFrame | None, *, confidence: float = 0.95
) -> pd.DataFrame:
    """A row for each metric, curve and value of its hyper-parameter, and for each published point of the same metric.

    low, high: interval of the mean over cases. training_low, training_high: over new trainings on these cases, from the
    spread of what a training of this loss is worth between folds, or seeds where one fold was trained.
    """
    rows: list[dict[str, Any]] = []
    for panel in panels:
        for curve in curves:
            here = [trainer for trainer in curve.values if trainer in panel.trainers] if panel.cases else []
            if len(here) > 1:
                rows += _found(panel, curve, here, confidence)
                rows += [] if published is None else _published(panel, curve, published)
    return RESPONSES.build(rows)


def _identity(panel: Panel, curve: Curve) -> dict[str, Any]:
    return {
        "dataset": panel.dataset, "configuration": panel.configuration, "label": panel.label,
        "measure": panel.metric.name, "family": curve.family, "parameter": curve.parameter,
    }  # fmt: skip


def _found(panel: Panel, curve: Curve, trainers: Sequence[str], confidence: float) -> list[dict[str, Any]]:
    low, high, *_ = mean_interval(panel.values, confidence=confidence, bounds=panel.metric.bounds)
    trainings = panel.side_by_side
    spread, _ = training_spread(panel)
    reach = stats.t.isf((1 - confidence) / 2, trainings - 1) / np.sqrt(trainings) if trainings > 1 else np.nan
    ends = panel.metric.bounds
    rows = []
    for trainer in trainers:
        k = panel.trainers.index(trainer)
        mean, half = float(panel.values[:, k].mean()), float(spread[k] * reach)
        rows.append(
            {
                **_identity(panel, curve), "kind": "found", "trainer": trainer, "data": "", "x": curve.values[trainer],
                "value": mean, "low": low[k], "high": high[k], "training_low": np.clip(mean - half, *ends),
                "training_high": np.clip(mean + half, *ends), "n": len(panel.cases), "trainings": trainings,
                "reason": "" if np.isfinite(half) else "one training of each: no band over trainings",
            }
        )  # fmt: skip
    return rows


def _published(panel: Panel, curve: Curve, published: pd.DataFrame) -> list[dict[str, Any]]:
    own = published[(published["metric"] == panel.metric.name) & published["trainer"].isin(list(curve.published))]
    nothing = dict.fromkeys(["low", "high", "training_low", "training_high"], np.nan)
    return [
        {
            **_identity(panel, curve), "kind": "published", "trainer": row["trainer"], "data": row["data"],
            "x": curve.published[row["trainer"]], "value": row["value"], **nothing, "n": 0, "trainings": 0,
            "reason": row["source"],
        }
        for row in own.to_dict("records")
    ]  # fmt: skip
