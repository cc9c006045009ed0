"""Every case of every trainer: a box and a dot for each."""

from typing import Any

import numpy as np
from matplotlib.cbook import boxplot_stats
from matplotlib.patches import Rectangle

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.rows import better, height, label_rows, long_name, no_value, set_limits
from nnunet_losses.report.numbers import decimals, number
from nnunet_losses.report.style import INK, canvas, figure_style, jitter

MOST_TIPS = 1500  # marks with a tooltip in one figure
MOST_MARKS = 4000  # beyond this, dots are drawn as one picture to keep the page light


def draw(view: View) -> Figure | None:
    """Box (quartiles, whiskers 1.5 IQR) and one dot per case, a row per trainer."""
    values = view.values
    if values.empty or not np.isfinite(values.to_numpy(dtype=float)).any():
        return None
    digits, marks, tips = decimals(view.metric.unit), values.notna().to_numpy().sum(), {}
    with figure_style():
        figure, axes = canvas(height(len(view.trainers), row=0.38))
        for row, trainer in enumerate(view.trainers):
            column = values[trainer].dropna() if trainer in values else values.iloc[:0, 0]
            if column.empty:
                no_value(axes, row)
                continue
            look = view.look(trainer)
            _box(axes, row, column.to_numpy(dtype=float), look.color)
            dots = axes.scatter(
                column, row + np.array(jitter(len(column), 0.17)), s=11, color=look.color, alpha=0.65,
                linewidth=0, zorder=3, rasterized=marks > MOST_MARKS,
            )  # fmt: skip
            missing = int(values[trainer].isna().sum())
            if missing:
                axes.annotate(
                    f"{missing} undefined", (1.0, row), xycoords=("axes fraction", "data"), ha="right", va="bottom",
                    fontsize=7, color=INK, xytext=(0, 3), textcoords="offset points",
                )  # fmt: skip
            if marks <= MOST_TIPS:
                dots.set_gid(f"dots-{row}")
                tips[f"dots-{row}"] = [f"{case}: {number(v, digits)}" for case, v in column.items()]
        label_rows(axes, view, view.trainers)
        set_limits(axes, values.to_numpy(dtype=float), bounded=view.metric.unit == "1")
        axes.set_xlabel(f"{long_name(view)} of each case ({better(view)})")
    return Figure(
        f"{view.metric.long_name}: every case",
        "One dot is one case. Box: the middle half of the cases, thick line: median; whiskers reach to the last case "
        "within 1.5 box lengths.",
        "Box plots with one dot per case. Medians: "
        + "; ".join(f"{view.name(t)} {number(values[t].median(), digits)}" for t in view.trainers if t in values)
        + ".",
        figure,
        "cases",
        tips,
    )


def _box(axes: Any, row: int, values: np.ndarray, color: str) -> None:
    """Quartiles as a box, median as a thick line, whiskers to the last case within 1.5 box lengths."""
    (stats,) = boxplot_stats(values)
    for start, end in ((stats["whislo"], stats["q1"]), (stats["q3"], stats["whishi"])):
        axes.plot([start, end], [row, row], color=color, linewidth=1.1)
    width = stats["q3"] - stats["q1"]
    axes.add_patch(Rectangle((stats["q1"], row - 0.25), width, 0.5, facecolor="none", edgecolor=color, linewidth=1.1))
    axes.plot([stats["med"]] * 2, [row - 0.25, row + 0.25], color=color, linewidth=2.4, solid_capstyle="butt")
