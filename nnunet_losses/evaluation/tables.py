"""The shape of the evaluation's tables: columns, their types, and how rows come together."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd

from nnunet_losses.base.metrics import metric_named

IDENTITY: dict[str, str] = {
    "dataset": "str",
    "configuration": "str",
    "trainer": "str",
    "fold": "int64",
    "seed": "int64",
    "case": "str",
}

COLUMNS: dict[str, dict[str, str]] = {
    "cases": {
        "label": "str",
        "metric": "str",
        "value": "float64",
        "unit": "str",
        "status": "str",
    },
    "lesions": {
        "label": "str",
        "side": "str",
        "component": "int64",
        "voxels": "int64",
        "volume_mm3": "float64",
        "diameter_mm": "float64",
        "matched": "bool",
        "matches": "int64",
        "dice": "float64",
        "iou": "float64",
        "overlap_fraction": "float64",
        "score_max": "float64",
        "score_mean": "float64",
        "touches_border": "bool",
    },
    "thresholds": {"label": "str", "threshold": "float64", "tp": "int64", "fp": "int64", "fn": "int64"},
    "calibration": {
        "label": "str",
        "bin": "int64",
        "count": "int64",
        "confidence": "float64",
        "accuracy": "float64",
    },
}


def join(name: str, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Parts of the table `name` under each other, always with its columns and types, also when there are none."""
    columns = COLUMNS[name]
    extra = {key: kind for key, kind in IDENTITY.items() if parts and key in parts[0]}
    types = {**extra, **columns}
    filled = [part for part in parts if len(part)]
    table = pd.concat(filled, ignore_index=True)[list(types)] if filled else _empty(tuple(types.items()))
    other = {key: kind for key, kind in types.items() if table[key].dtype != kind}
    return table.astype(other) if other else table.copy()


@cache
def _empty(types: tuple[tuple[str, str], ...]) -> pd.DataFrame:
    return pd.DataFrame(columns=[key for key, _ in types]).astype(dict(types))


def status(reference: int, prediction: int) -> str:
    """Which side is empty, from the numbers of voxels (or components) on each."""
    if reference and prediction:
        return "ok"
    if reference:
        return "prediction_empty"
    return "reference_empty" if prediction else "both_empty"


def metric_rows(metrics: Mapping[str, float], status: str) -> list[dict[str, Any]]:
    """Rows of `cases`; a value is NaN where the metric is undefined, and the status says why."""
    return [
        {"metric": name, "value": value, "unit": metric_named(name).unit, "status": status}
        for name, value in metrics.items()
    ]
