"""Axes with one row per trainer, shared by many figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.report.comparison import Row, View, rows_by
from nnunet_losses.report.names import shorten
from nnunet_losses.report.numbers import robust_limits
from nnunet_losses.report.style import MUTED, ROW, RULE

LABEL_LENGTH = 30
MOST_SLANTED = 24  # columns whose names fit beside each other at a slant


def height(rows: int, row: float = ROW, extra: float = 0.75) -> float:
    """Height in inches of a figure with so many rows."""
    return extra + row * max(rows, 2)


def label_rows(axes: Any, view: View, trainers: Sequence[str]) -> None:
    """Write the trainers' short names beside the rows, the first on top, with a hair line through each row."""
    axes.set_yticks(range(len(trainers)), [shorten(view.name(t), LABEL_LENGTH) for t in trainers])
    axes.set_ylim(len(trainers) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    for text, trainer in zip(axes.get_yticklabels(), trainers, strict=True):
        text.set_fontweight("bold" if trainer == view.baseline else "normal")


def set_limits(axes: Any, values: np.ndarray, *, bounded: bool, margin: float = 0.06) -> None:
    """Show all finite values with a margin; a metric bounded by 0 and 1 does not show more than that."""
    limits = robust_limits(np.asarray(values, dtype=float))
    if limits is None:
        axes.set_xlim(0, 1)
        return
    low, high = limits
    pad = margin * (high - low) or 0.05
    axes.set_xlim(max(low - pad, -0.02) if bounded else low - pad, min(high + pad, 1.02) if bounded else high + pad)


def interval_rows(
    axes: Any, view: View, trainers: Sequence[str], found: Mapping[str, Row], *, sure: Callable[[Row], bool]
) -> None:
    """A dot and an interval per row, the dot filled where ``sure`` holds; the dashed line is no difference."""
    axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)
    for place, trainer in enumerate(trainers):
        row, look = found.get(trainer), view.look(trainer)
        if row is None or pd.isna(row["difference"]):
            no_value(axes, place)
            continue
        axes.plot([row["low"], row["high"]], [place, place], color=look.color, linewidth=1.8)
        axes.plot(
            row["difference"], place, look.marker, color=look.color, markersize=6, markeredgewidth=1.3,
            markerfacecolor=look.color if sure(row) else "#ffffff",
        )  # fmt: skip
    shown = [[row[key] for key in ("difference", "low", "high")] for row in found.values()]
    set_limits(axes, np.append(np.array(shown, dtype=float), 0), bounded=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", color=RULE, linewidth=0.6)


def no_value(axes: Any, row: int, words: str = "no value") -> None:
    """Say in a row that there is nothing to draw, instead of leaving it blank."""
    axes.annotate(
        words, (0.01, row), xycoords=("axes fraction", "data"), va="center", color=MUTED, fontstyle="italic", fontsize=8
    )


def turned(pairs: pd.DataFrame, swap: pd.Series) -> pd.DataFrame:
    """The pairs with trainer_a and trainer_b exchanged where ``swap`` holds, and every signed column with them."""
    result, where = pairs.copy(), swap.to_numpy(dtype=bool)
    for one, other in (("trainer_a", "trainer_b"), ("wins", "losses"), ("p_better", "p_worse")):
        if one in pairs and other in pairs:
            result[one] = np.where(where, pairs[other], pairs[one])
            result[other] = np.where(where, pairs[one], pairs[other])
    for column in ("difference", "mean_difference", "rank_biserial"):
        if column in pairs:
            result[column] = np.where(where, -pairs[column], pairs[column])
    result["low"] = np.where(where, -pairs["high"], pairs["low"])
    result["high"] = np.where(where, -pairs["low"], pairs["high"])
    return result


def label_columns(axes: Any, view: View, trainers: Sequence[str]) -> None:
    """Write the trainers' short names above the columns of a matrix, turned as far as they need to be."""
    k = len(trainers)
    names = [shorten(view.name(t), LABEL_LENGTH if k <= 9 else 22) for t in trainers]
    angle = 90 if k > MOST_SLANTED else 35 if k > 4 or max(map(len, names)) > 14 else 0
    axes.set_xticks(np.arange(k), names, rotation=angle, ha={0: "center", 35: "left", 90: "center"}[angle])
    axes.tick_params(axis="x", length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    if k > MOST_SLANTED:
        axes.tick_params(axis="x", labelsize=6)


def against(view: View, trainer: str | None, pairs: pd.DataFrame | None = None) -> dict[str, Row]:
    """The pairs with one trainer, by the other, every difference being the other minus this one; empty if none.

    ``pairs``: rows with trainer_a, trainer_b, difference, low, high; the paired tests of the view if absent.
    """
    pairs = view.statistic("pairwise") if pairs is None else pairs
    if pairs is None or trainer is None:
        return {}
    here = pairs[(pairs["trainer_a"] == trainer) | (pairs["trainer_b"] == trainer)]
    return rows_by(turned(here, here["trainer_a"] == trainer), "trainer_a")


def long_name(view: View) -> str:
    """The metric's long name with its unit, as an axis label."""
    metric = view.metric
    return metric.long_name if metric.unit in ("1", "count") else f"{metric.long_name} ({metric.unit})"


def better(view: View) -> str:
    """An arrow that says which way is better."""
    return "better →" if view.metric.higher_is_better else "← better"
