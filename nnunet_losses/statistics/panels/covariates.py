"""Covariates of cases as groups: words as they are, numbers cut at the median or at given limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

MOST_LEVELS = 12
MOST_NUMBERS = 5  # different numbers that are taken as they are, such as grades


@dataclass(frozen=True)
class Grouped:
    """A covariate as groups.

    levels: the names of the groups, in order.
    groups: (units,) the number of each unit's group; −1 where the covariate is unknown.
    rule: how numbers were cut; empty for words.
    """

    levels: list[str]
    groups: np.ndarray
    rule: str = ""


def is_identifier(values: "pd.Series[str]") -> bool:
    """Whether the values name cases or patients one by one, instead of grouping them."""
    return _numbers(values) is None and len(set(values)) > MOST_LEVELS


def grouped(values: "pd.Series[str]", edges: Sequence[float] = ()) -> Grouped:
    """The groups of a covariate, of which a missing value is NaN or None.

    edges: limits between groups of a numeric covariate; its median if absent. A number that equals a limit belongs to
    the group above it.
    """
    known = values.dropna().astype(str)
    numbers = _numbers(known)
    if numbers is None or (not edges and len(set(numbers)) <= MOST_NUMBERS):
        levels = sorted(set(known), key=float) if numbers is not None else sorted(set(known))
        place = {level: number for number, level in enumerate(levels)}
        return Grouped(levels, values.map(place).fillna(-1).to_numpy(dtype=int))
    limits = sorted(set(edges))
    rule = f"cut at {', '.join(f'{limit:g}' for limit in limits)}"
    if not edges:
        median = float(np.median(numbers))
        limits = [median if (numbers < median).any() else float(numbers[numbers > median].min())]
        rule = f"cut at the median, {median:g}"
    levels = [f"< {limits[0]:g}", *(f"{a:g} to < {b:g}" for a, b in pairwise(limits))]
    levels.append(f"≥ {limits[-1]:g}")
    groups = np.full(len(values), -1)
    groups[values.notna().to_numpy()] = np.searchsorted(limits, numbers, side="right")
    return Grouped(levels, groups, rule)


def of_units(values: "pd.Series[str]", units: "pd.Series[str]", order: list[str]) -> "pd.Series[str]":
    """The covariate of each unit, in the given order: that of its cases where they agree, the mean of numbers.

    values: of cases. units: the unit of each case. Units whose cases have different words have no value.
    """
    own = values.reindex(units.index)
    known = own.dropna()
    numbers = _numbers(known)
    if numbers is not None and len(set(numbers)) > MOST_NUMBERS:
        means = pd.Series(numbers, index=known.index).groupby(units.reindex(known.index)).mean()
        return means.map(repr).reindex(order)
    by_unit = known.groupby(units.reindex(known.index))
    return by_unit.first().where(by_unit.agg(set).map(len) == 1).reindex(order)


def _numbers(values: "pd.Series[str]") -> np.ndarray | None:
    """The values as numbers, if all are."""
    if values.empty:
        return None
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    return numbers if np.isfinite(numbers).all() else None
