"""The shape of the evaluation's tables: columns, their types, and how rows come together."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd

from nnunet_losses.base.identity import CASE
from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.scale import Scale
from nnunet_losses.base.tables.results import CALIBRATION, CASES, LESIONS, LOG_ODDS, THRESHOLDS

MILLIMETRES = Scale()

IDENTITY: dict[str, str] = {name: kind for name, kind in CASES.types.items() if name in CASE}

COLUMNS: dict[str, dict[str, str]] = {
    table.name: {name: kind for name, kind in table.types.items() if name not in IDENTITY}
    for table in (CASES, LESIONS, THRESHOLDS, CALIBRATION, LOG_ODDS)
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


def metric_rows(metrics: Mapping[str, float], status: str, scale: Scale = MILLIMETRES) -> list[dict[str, Any]]:
    """Rows of `cases`; a value is NaN where the metric is undefined, and the status says why."""
    return [
        {"metric": name, "value": value, "unit": _unit(name, scale), "status": status}
        for name, value in metrics.items()
    ]


@cache
def _unit(name: str, scale: Scale) -> str:
    return scale.metric(metric_named(name)).unit
