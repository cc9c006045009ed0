"""Axes with one row per trainer, shared by many figures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.base.metrics import Metric
from nnunet_losses.base.metrics.metric import Bounds
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.names import in_sentence
from nnunet_losses.report.numbers import SIGNIFICANT, unit_in_brackets
from nnunet_losses.report.style import MUTED, PAPER, ROW, RULE

LABEL_LENGTH = 30
UNBOUNDED: Bounds = (-np.inf, np.inf)


def height(rows: int, row: float = ROW, extra: float = 0.75) -> float:
    """Height in inches of a figure with so many rows."""
    return extra + row * max(rows, 2)


def label_rows(axes: Any, view: View, trainers: Sequence[str]) -> None:
    """Write the trainers' short names beside the rows, the first on top, and draw a hairline through each row."""
    axes.set_yticks(range(len(trainers)), [view.cut_name(t, LABEL_LENGTH) for t in trainers])
    axes.set_ylim(len(trainers) - 0.4, -0.6)
    bare_rows(axes)
    for text, trainer in zip(axes.get_yticklabels(), trainers, strict=True):
        text.set_fontweight("bold" if trainer == view.baseline else "normal")


def bare_rows(axes: Any) -> None:
    """Hairlines through the rows instead of a vertical axis with ticks."""
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", color=RULE, linewidth=0.6)


def limits(
    values: Iterable[float] | np.ndarray, bounds: Bounds = UNBOUNDED, margin: float = 0.06
) -> tuple[float, float]:
    """Ends of an axis that shows all finite values with a margin, and nothing beyond what is possible.

    bounds: what a value can be at all; a mark that lies on a bound is still shown whole.
    """
    finite = np.asarray(list(np.ravel(np.asarray(values, dtype=float))))
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return (0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    pad = margin * (high - low) or 0.05
    room = 0.02 * (bounds[1] - bounds[0] if np.isfinite(bounds).all() else high - low + 2 * pad)
    return max(low - pad, bounds[0] - room), min(high + pad, bounds[1] + room)


def no_difference(axes: Any) -> None:
    """The dashed line at zero."""
    dashed(axes, 0)


def dashed(axes: Any, x: float) -> None:
    """A dashed vertical line behind everything else."""
    axes.axvline(x, color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)


def interval_rows(
    axes: Any, view: View, trainers: Sequence[str], found: Mapping[str, Row], *, sure: Callable[[Row], bool]
) -> None:
    """A difference and its interval per row, the mark filled where ``sure`` holds; the dashed line is no difference."""
    no_difference(axes)
    for place, trainer in enumerate(trainers):
        row, look = found.get(trainer), view.look(trainer)
        if row is None or pd.isna(row["difference"]):
            no_value(axes, place, "baseline" if trainer == view.baseline else "no value")
            continue
        axes.plot([row["low"], row["high"]], [place, place], color=look.color, linewidth=1.8)
        axes.plot(
            row["difference"], place, look.marker, color=look.color, markersize=6, markeredgewidth=1.3,
            markerfacecolor=look.color if sure(row) else PAPER,
        )  # fmt: skip
    axes.set_xlim(limits([0.0, *(row[key] for row in found.values() for key in ("difference", "low", "high"))]))
    bare_rows(axes)


def significant(column: str) -> Callable[[Row], bool]:
    """Whether the p-value in this column of a row is below the level."""
    return lambda row: bool(row[column] < SIGNIFICANT)


def no_value(axes: Any, row: int, words: str = "no value") -> None:
    """Say in a row that there is nothing to draw, instead of leaving it blank."""
    axes.annotate(
        words, (0.01, row), xycoords=("axes fraction", "data"), va="center", color=MUTED, fontstyle="italic",
        fontsize=8, bbox={"facecolor": PAPER, "linewidth": 0, "pad": 1},
    )  # fmt: skip


def long_name(view: View) -> str:
    """The metric's long name with its unit, as an axis label."""
    return f"{view.metric.long_name}{unit_in_brackets(view.metric.unit)}"


def mean_of(metric: Metric) -> str:
    """``Mean lesion recall``, ``Mean HD95 (mm)``: the label of an axis of means."""
    return f"Mean {in_sentence(metric.long_name)}{unit_in_brackets(metric.unit)}"


def better(metric: Metric) -> str:
    """An arrow that says which way is better."""
    return "better →" if metric.higher_is_better else "← better"
