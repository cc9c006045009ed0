"""Response curves: metrics over a hyper-parameter, with bands over cases and trainings, and the papers' points."""

from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.base.metrics import metric_named
from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.names import shorten
from nnunet_losses.report.numbers import count, enumerate_words
from nnunet_losses.report.style import INK, LINES, MARKERS, PALETTE, canvas, figure_style

SHOWN = ("dice", "f2", "recall", "precision", "lesion_recall", "false_positive_count")
"""What is drawn beside the primary metric; all compared metrics are in the table."""
MOST_PLOTS, COLUMNS = 6, 3


def draw(view: View) -> Figure | None:
    """A plot for each metric, a line for each sweep."""
    rows = view.statistic("responses")
    if rows is None:
        return None
    there = set(rows["measure"])
    shown = [m for m in dict.fromkeys([view.comparison.primary_metric, *SHOWN]) if m in there][:MOST_PLOTS]
    families = list(dict.fromkeys(rows["family"]))
    columns = min(COLUMNS, len(shown))
    with figure_style():
        height = -(-len(shown) // columns)
        figure, axes = canvas(2.4 * height + 0.3, columns, height, squeeze=False)
        for place, measure in zip(axes.flat, shown, strict=False):
            _plot(place, rows[rows["measure"] == measure], families)
            place.set_title(metric_named(measure).long_name, fontsize=8.5)
            place.set_xlabel(" or ".join(dict.fromkeys(rows["parameter"])))
        for place in list(axes.flat)[len(shown) :]:
            place.set_axis_off()
        figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    return Figure(
        "Response to hyper-parameters",
        "Lines: mean over cases at each value that was trained. Light band: 95 % interval over cases. Dark band: over "
        "new trainings on the same cases, where there are several. Open diamonds: published values, of the data that "
        "the paper used; compare the shape, not the height.",
        f"{count(len(families), 'sweep')}: {enumerate_words(families)}.",
        figure,
        "statistics_responses",
    )


def _plot(place: Any, rows: pd.DataFrame, families: list[str]) -> None:
    for family, own in rows.groupby("family", sort=False):
        k = families.index(str(family))
        colour = PALETTE[k % len(PALETTE)]
        found = own[own["kind"] == "found"].sort_values("x")
        x = found["x"].to_numpy()
        for low, high, alpha in (("low", "high", 0.12), ("training_low", "training_high", 0.25)):
            ends = found[[low, high]].to_numpy(dtype=float)
            if np.isfinite(ends).any():
                place.fill_between(x, ends[:, 0], ends[:, 1], color=colour, alpha=alpha, linewidth=0)
        place.plot(
            x, found["value"], color=colour, linestyle=LINES[k % len(LINES)], marker=MARKERS[k % len(MARKERS)],
            markersize=4, label=shorten(str(family), 40),
        )  # fmt: skip
        told = own[own["kind"] == "published"]
        if len(told):
            place.plot(
                told["x"], told["value"], linestyle="none", marker="D", markersize=4.5, markerfacecolor="none",
                markeredgecolor=colour if len(families) > 1 else INK, label="published" if k == 0 else None,
            )  # fmt: skip
