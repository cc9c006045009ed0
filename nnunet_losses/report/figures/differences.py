"""Paired differences from the baseline: every case, and the estimate with its interval."""

import numpy as np

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.figures.distribution import MOST_MARKS, MOST_TIPS
from nnunet_losses.report.figures.rows import better, height, label_rows, limits, long_name, no_difference, no_value
from nnunet_losses.report.numbers import SIGNIFICANT, decimals, interval, number
from nnunet_losses.report.style import INK, PAPER, canvas, figure_style, jitter


def draw(view: View) -> Figure | None:
    """Trainer minus baseline for each case, with the Hodges-Lehmann difference and its 95 % interval."""
    values, base = view.values, view.baseline
    others = [t for t in view.trainers if t != base]
    if base is None or base not in values or not any(t in values for t in others):
        return None
    gaps = values.sub(values[base], axis=0).drop(columns=base)
    pairs = view.against(base)
    digits, tips = decimals(view.metric.unit), {}
    with figure_style():
        figure, axes = canvas(height(len(others), row=0.38))
        no_difference(axes)
        for row, trainer in enumerate(others):
            if trainer not in gaps:
                no_value(axes, row)
                continue
            column, look = gaps[trainer], view.look(trainer)
            dots = axes.scatter(
                column, row + 0.1 + np.array(jitter(len(column), 0.15)), s=11, color=look.color, alpha=0.6,
                linewidth=0, rasterized=gaps.size > MOST_MARKS,
            )  # fmt: skip
            if gaps.size <= MOST_TIPS:
                dots.set_gid(f"gaps-{row}")
                tips[f"gaps-{row}"] = [f"{case}: {number(v, digits, signed=True)}" for case, v in column.items()]
            if trainer in pairs and np.isfinite(pairs[trainer]["difference"]):
                found = pairs[trainer]
                axes.plot([found["low"], found["high"]], [row - 0.2] * 2, color=INK, linewidth=2)
                face = INK if found["p_holm"] < SIGNIFICANT else PAPER
                axes.plot(found["difference"], row - 0.2, "D", markersize=4.5, color=INK, markerfacecolor=face)
        label_rows(axes, view, others)
        axes.set_xlim(limits(np.append(gaps.to_numpy(), 0)))
        axes.set_xlabel(f"{long_name(view)}: {view.noun} minus baseline, case by case ({better(view.metric)})")
    told = [f"{view.name(t)} {_estimate(pairs[t], digits)}" for t in others if t in pairs]
    return Figure(
        f"{view.metric.long_name}: paired differences from {view.name(base)}",
        f"One dot is one case; to the right of the dashed line, the {view.noun} has the larger value. Diamond and "
        "line: "
        "Hodges-Lehmann estimate with its 95 % confidence interval; filled if significant after Holm's correction.",
        f"Differences from {view.name(base)} with 95 % confidence intervals: {'; '.join(told) or 'no estimates'}.",
        figure,
        "statistics_values",
        tips,
    )


def _estimate(pair: Row, digits: int) -> str:
    return interval(pair["difference"], pair["low"], pair["high"], digits, signed=True)
