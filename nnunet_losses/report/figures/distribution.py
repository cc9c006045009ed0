"""Every case of every trainer: a box and a dot for each."""

from typing import Any

import numpy as np
from matplotlib.cbook import boxplot_stats
from matplotlib.patches import Rectangle

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.rows import better, height, label_rows, limits, long_name, no_value
from nnunet_losses.report.numbers import decimals, number
from nnunet_losses.report.style import INK, canvas, figure_style, jitter

MOST_TIPS = 1500  # marks with a tooltip in one figure
MOST_MARKS = 4000  # beyond this, dots are drawn as one picture to keep the page light


def draw(view: View) -> Figure | None:
    """Box (quartiles, whiskers 1.5 IQR) and one dot per case, a row per trainer; resolved values are crosses."""
    values = view.values
    if values.empty:
        return None
    tips: dict[str, list[str]] = {}
    with figure_style():
        figure, axes = canvas(height(len(view.trainers), row=0.38))
        for row, trainer in enumerate(view.trainers):
            if trainer not in values:
                no_value(axes, row)
                continue
            _box(axes, row, values[trainer].to_numpy(), view.look(trainer).color)
            _dots(axes, view, row, trainer, tips)
        label_rows(axes, view, view.trainers)
        axes.set_xlim(limits(values.to_numpy(), view.metric.bounds))
        axes.set_xlabel(f"{long_name(view)} of each case ({better(view.metric)})")
    crosses = " Cross: undefined, shown as the value it is counted as." if (view.resolved != "").any(axis=None) else ""
    digits = decimals(view.metric.unit)
    return Figure(
        f"{view.metric.long_name}: every case",
        f"One dot is one case.{crosses} Box: middle half of the cases; thick line: median; whiskers: the most extreme "
        "cases within 1.5 box lengths of the box.",
        "Box plots with one dot per case. Medians: "
        + "; ".join(f"{view.name(t)} {number(values[t].median(), digits)}" for t in view.present(values))
        + ".",
        figure,
        "statistics_values",
        tips,
    )


def _dots(axes: Any, view: View, row: int, trainer: str, tips: dict[str, list[str]]) -> None:
    """One mark per case, with a tooltip where they are few enough."""
    column, resolved = view.values[trainer], view.resolved[trainer]
    heights = row + np.array(jitter(len(column), 0.17))
    marks, digits, color = view.values.size, decimals(view.metric.unit), view.look(trainer).color
    for kind, chosen in (("dots", (resolved == "").to_numpy()), ("crosses", (resolved != "").to_numpy())):
        if not chosen.any():
            continue
        style = {"marker": "o", "linewidth": 0} if kind == "dots" else {"marker": "x", "linewidth": 1}
        drawn = axes.scatter(
            column[chosen], heights[chosen], s=11, color=color, alpha=0.65, zorder=3, rasterized=marks > MOST_MARKS,
            **style,
        )  # fmt: skip
        if marks <= MOST_TIPS:
            drawn.set_gid(f"{kind}-{row}")
            tips[f"{kind}-{row}"] = [
                f"{case}: {number(value, digits)}{f', undefined, counted as {how}' if how else ''}"
                for case, value, how in zip(column.index[chosen], column[chosen], resolved[chosen], strict=True)
            ]
    if (n := int((resolved != "").sum())) > 0:
        axes.annotate(
            f"{n} undefined", (1.0, row), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7,
            color=INK, xytext=(0, 3), textcoords="offset points",
        )  # fmt: skip


def _box(axes: Any, row: int, values: np.ndarray, color: str) -> None:
    """Quartiles as a box, median as a thick line, whiskers to the last case within 1.5 box lengths."""
    (stats,) = boxplot_stats(values)
    for start, end in ((stats["whislo"], stats["q1"]), (stats["q3"], stats["whishi"])):
        axes.plot([start, end], [row, row], color=color, linewidth=1.1)
    width = stats["q3"] - stats["q1"]
    axes.add_patch(Rectangle((stats["q1"], row - 0.25), width, 0.5, facecolor="none", edgecolor=color, linewidth=1.1))
    axes.plot([stats["med"]] * 2, [row - 0.25, row + 0.25], color=color, linewidth=2.4, solid_capstyle="butt")
