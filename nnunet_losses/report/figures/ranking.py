"""The figure of the first screen: means with their intervals, and differences from the baseline."""

from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.figures.rows import (
    better,
    dashed,
    height,
    interval_rows,
    label_rows,
    limits,
    mean_of,
    no_value,
    significant,
)
from nnunet_losses.report.numbers import decimals, interval
from nnunet_losses.report.style import canvas, figure_style


def draw(view: View) -> Figure | None:
    """Mean with 95 % interval per trainer, and beside it the Hodges-Lehmann difference from the baseline."""
    ranking, pairs = view.by_trainer("ranking"), view.against(view.baseline)
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
            interval_rows(axes[0, 1], view, view.trainers, pairs, sure=significant("p_holm"))
            axes[0, 1].set_xlabel(f"{view.noun.capitalize()} − baseline ({better(view.metric)})")
    how = "Marker: mean over cases; line: 95 % confidence interval of the mean."
    if pairs:
        how += (
            " Right panel: paired difference from the baseline (Hodges-Lehmann) with its 95 % confidence interval; "
            "a filled marker remains significant after Holm's correction, a hollow one does not."
        )
    return Figure(
        f"{view.metric.long_name} of each {view.noun}, best on top" + (f", {view.title}" if several else ""),
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
            dashed(axes, found["mean"])
    label_rows(axes, view, view.trainers)
    shown = np.array([[row[key] for key in ("mean", "mean_low", "mean_high")] for row in ranking.values()])
    axes.set_xlim(limits(shown, view.metric.bounds))
    axes.set_xlabel(f"{mean_of(view.metric)} ({better(view.metric)})")


def _describe(view: View, ranking: dict[str, Row]) -> str:
    words = [
        f"{view.name(t)} {interval(row['mean'], row['mean_low'], row['mean_high'], decimals(view.metric.unit))}"
        for t, row in ((t, ranking[t]) for t in view.present(ranking))
    ]
    return f"{view.metric.long_name}, mean and 95 % confidence interval: {'; '.join(words)}."
