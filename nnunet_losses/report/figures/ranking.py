"""The figure of the first screen: mean with interval, and the difference from the baseline."""

from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.figures.rows import (
    against,
    better,
    height,
    label_rows,
    long_name,
    no_value,
    set_limits,
)
from nnunet_losses.report.numbers import decimals, interval
from nnunet_losses.report.style import MUTED, canvas, figure_style


def draw(view: View) -> Figure | None:
    """Mean with 95 % interval per trainer, and beside it the Hodges-Lehmann difference from the baseline."""
    ranking, pairs = view.by_trainer("ranking"), against(view, view.baseline)
    if not ranking:
        return None
    columns, several = 2 if pairs else 1, len(view.comparison.views) > 1
    with figure_style():
        figure, axes = canvas(
            height(len(view.trainers)), columns, sharey=True, squeeze=False,
            gridspec_kw={"width_ratios": [1.25, 1][:columns]},
        )  # fmt: skip
        _means(axes[0, 0], view, ranking)
        if pairs:
            _differences(axes[0, 1], view, pairs)
    how = "Dot: mean over cases; line: 95 % interval of that mean. "
    if pairs:
        how += (
            "Right: paired difference from the baseline (Hodges-Lehmann) with its 95 % interval; filled if it stays "
            "significant after Holm's correction, hollow if not."
        )
    return Figure(
        f"{view.metric.long_name} of each loss, best on top" + (f", {view.title}" if several else ""),
        how,
        _describe(view, ranking),
        figure,
        "statistics_ranking",
    )


def _means(axes: Any, view: View, ranking: dict[str, Row]) -> None:
    for row, trainer in enumerate(view.trainers):
        found = ranking.get(trainer)
        if found is None or pd.isna(found["mean"]):
            no_value(axes, row)
            continue
        look = view.look(trainer)
        axes.plot([found["mean_low"], found["mean_high"]], [row, row], color=look.color, linewidth=1.8)
        axes.plot(found["mean"], row, look.marker, color=look.color, markersize=6)
        if trainer == view.baseline:
            axes.axvline(found["mean"], color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)
    label_rows(axes, view, view.trainers)
    shown = [[row[key] for key in ("mean", "mean_low", "mean_high")] for row in ranking.values()]
    set_limits(axes, np.array(shown), bounded=view.metric.unit == "1")
    axes.set_xlabel(f"Mean {long_name(view)} ({better(view)})")


def _differences(axes: Any, view: View, pairs: dict[str, Row]) -> None:
    for row, trainer in enumerate(view.trainers):
        if trainer not in pairs or pd.isna(pairs[trainer]["difference"]):
            no_value(axes, row, "baseline" if trainer == view.baseline else "no value")
            continue
        found, look = pairs[trainer], view.look(trainer)
        sure = found["p_holm"] < 0.05
        axes.plot([found["low"], found["high"]], [row, row], color=look.color, linewidth=1.8)
        axes.plot(
            found["difference"], row, look.marker, color=look.color, markersize=6,
            markerfacecolor=look.color if sure else "#ffffff", markeredgewidth=1.3,
        )  # fmt: skip
    axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)
    shown = [[row[key] for key in ("difference", "low", "high")] for row in pairs.values()]
    set_limits(axes, np.append(np.array(shown, dtype=float), 0), bounded=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y")
    axes.set_xlabel(f"Loss − baseline ({better(view)})")


def _describe(view: View, ranking: dict[str, Row]) -> str:
    words = [
        f"{view.name(t)} {interval(row['mean'], row['mean_low'], row['mean_high'], decimals(view.metric.unit))}"
        for t, row in ((t, ranking[t]) for t in view.trainers if t in ranking)
    ]
    return f"{view.metric.long_name}, mean and 95 % interval: {'; '.join(words)}."
