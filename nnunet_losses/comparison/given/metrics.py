"""The metrics of a given table: which they are, in which direction, on which scale."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.metrics import METRICS, Metric
from nnunet_losses.base.metrics.aliases import metric_and_label_from, metric_from
from nnunet_losses.comparison.given.cells import Cells, first_lower

_UNIT = re.compile(
    r"\s*[\[(]\s*([^)\]]+?)\s*[\])]\s*$|[\s_](mm|ml|px|pct|percent|voxels?|pixels?)$|\s*(%)$", re.IGNORECASE
)
_PERCENT = ("%", "pct", "percent", "per cent")
_VOXELS = {"px": "px", "pixel": "px", "pixels": "px", "voxel": "voxel", "voxels": "voxel"}
ROUNDING = 1e-6


@dataclass(frozen=True)
class Understood:
    """What a name in a table means: a metric, of a label if the name has one, in a unit if it has one."""

    metric: Metric
    label: str = ""
    unit: str = ""


def understood(name: str) -> Understood | None:
    """What a usual name of a metric means; None if it is unknown or has several meanings.

    >>> understood("liver_HD95 (mm)").label
    'liver'
    """
    unit = ""
    if found := _UNIT.search(name):
        unit = next(part for part in found.groups() if part).casefold()
        name = name[: found.start()] or name
    both = metric_and_label_from(name)
    if both is None:
        return None
    metric, label = both
    if unit in _VOXELS:
        metric = replace(metric, unit=_VOXELS[unit], margin=0.0)
    return Understood(metric, label, unit)


def declared(texts: Iterable[str]) -> dict[str, Understood]:
    """What a user says of metrics: ``name``, ``name:higher``, ``name:lower`` or ``name=known``, by name.

    Raises:
        UserError: a direction or a known metric is none.
    """
    return dict(map(_declared, texts))


def _declared(text: str) -> tuple[str, Understood]:
    name, colon, direction = (part.strip() for part in text.rpartition(":"))
    if colon and direction.casefold() in ("higher", "lower"):
        description = f"As in the given table, where {direction.casefold()} is better."
        higher = direction.casefold() == "higher"
        return name, Understood(Metric(name, name, "1", higher, description, bounds=(-np.inf, np.inf)))
    if colon and "=" not in text and understood(text) is None:
        raise UserError(f"--metric '{text}': after the colon stands 'higher' or 'lower', which of them is better.")
    name, equals, known = (part.strip() for part in text.rpartition("="))
    if not equals:
        name = known = text.strip()
    found = understood(known)
    if found is None or (equals and found.label):
        raise UserError(
            f"--metric '{text}': '{known}' is not a known metric; say which direction is better, '{name}:higher' or "
            f"'{name}:lower', or name one of {', '.join(METRICS)}."
        )
    of_name = understood(name)
    return name, replace(found, unit=found.unit or ("" if of_name is None else of_name.unit))


def metric_of_file(name: str) -> str | None:
    """The one metric that the name of a file names; None if there is none, or several."""
    found = {m.name for text in (name, *re.split(r"[\s_\-.]+", name)) if (m := metric_from(text)) is not None}
    return found.pop() if len(found) == 1 else None


def refuse(names: Sequence[str], *, in_columns: bool) -> None:
    """Raise a UserError about metrics that are not known."""
    first = names[0]
    ways = (
        f"--metric '{first}:higher' or '{first}:lower' (which is better), or --metric '{first}=dice' if it is another "
    )
    ways += "name of a known metric"
    if in_columns:
        raise UserError(
            f"The column{'s' if len(names) > 1 else ''} {quoted(names)} may be a metric whose direction is unknown; "
            f"say what it is: {ways}; or --covariates '{first}' if it describes the case, --ignore '{first}' to "
            "leave it out."
        )
    raise UserError(f"The direction of {quoted(names)} is unknown: say {ways}.")


def check_distinct(found: Mapping[str, Understood]) -> None:
    """Raise a UserError if two names mean one metric of one label."""
    seen: dict[tuple[str, str], str] = {}
    for name, what in found.items():
        if (earlier := seen.setdefault((what.metric.name, what.label), name)) != name:
            direction = "higher" if what.metric.higher_is_better else "lower"
            raise UserError(
                f"'{earlier}' and '{name}' both mean {what.metric.name}; leave one out (--ignore '{name}'), or call it "
                f"another metric (--metric '{name}:{direction}')."
            )


def on_one_scale(rows: pd.DataFrame, what: Understood, cells: Cells, scale: str | None) -> tuple[pd.DataFrame, bool]:
    """The rows of a metric, shares between 0 and 1, and whether they were given in per cent.

    rows: with `value`, and `row` and `column` of the given table. scale: "percent", "fraction", or None where the
    values have to tell.

    Raises:
        UserError: some values can only be per cent and others look like fractions, or a value is none of this metric.
    """
    values = rows["value"].to_numpy(dtype=float)
    percent = False
    if what.metric.is_share:
        large = np.isfinite(values) & (values > 1 + ROUNDING)
        small = np.isfinite(values) & (values > 0) & ~large
        signed = what.unit in _PERCENT or bool(cells.percent & set(rows["column"]))
        if not signed and scale is None and large.any() and small.any():
            other = f"{first_lower(_cell(rows, small, cells))} {_short(values[small][0])}"
            raise UserError(
                f"{_cell(rows, large, cells)} holds {_short(values[large][0])} and {other}: are these per cent or "
                f"fractions? Write all values of {what.metric.name} in one way, or say --scale percent or "
                "--scale fraction."
            )
        percent = signed or scale == "percent" or (scale is None and bool(large.any()))
    low, high = (100 * bound for bound in what.metric.bounds) if percent else what.metric.bounds
    beyond = np.isfinite(values) & ((values < low - 100 * ROUNDING) | (values > high + 100 * ROUNDING))
    if beyond.any():
        raise UserError(
            f"{_cell(rows, beyond, cells)} holds {_short(values[beyond][0])}, which {what.metric.name} cannot be"
            f"{' (in per cent)' if percent else ''}; put it right, or call the column another metric "
            "(--metric 'NAME:higher')."
        )
    return (rows.assign(value=values / 100) if percent else rows), percent


def said(name: str, what: Understood, *, percent: bool) -> str:
    """The decision about a metric, in a sentence."""
    metric = what.metric
    parts = [f"{'higher' if metric.higher_is_better else 'lower'} is better"]
    parts += [f"in {metric.unit}"] if metric.unit not in ("1", "count") else []
    parts += ["in per cent, divided by 100" if percent else "a fraction"] if metric.is_share else []
    of_label = f" of {what.label}" if what.label else ""
    named = "" if name == metric.name else f" (named {name})"
    return f"Metric {metric.name}{of_label}{named}: {', '.join(parts)}."


def quoted(names: Sequence[Any], limit: int = 6) -> str:
    """``'a', 'b' and 3 more``."""
    shown = ", ".join(f"'{name}'" for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def _cell(rows: pd.DataFrame, which: np.ndarray, cells: Cells) -> str:
    first = rows[which].iloc[0]
    return cells.where(int(first["row"]), str(first["column"]))


def _short(value: float) -> str:
    return f"{value:.6g}"
