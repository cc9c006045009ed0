"""Paired differences from the baseline: every case, and the estimate with its interval."""

import numpy as np

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.figures.distribution import MOST_MARKS, MOST_TIPS
from nnunet_losses.report.figures.rows import against, better, height, label_rows, long_name, no_value, set_limits
from nnunet_losses.report.numbers import decimals, interval, number
from nnunet_losses.report.style import INK, MUTED, canvas, figure_style, jitter


def draw(view: View) -> Figure | None:
    """Trainer minus baseline for each case, with the Hodges-Lehmann difference and its 95 % interval."""
    values, base = view.values, view.baseline
    others = [t for t in view.trainers if t != base]
    if base is None or base not in values or not others:
        return None
    gaps = values.sub(values[base], axis=0)
    if not np.isfinite(gaps[[t for t in others if t in gaps]].to_numpy(dtype=float)).any():
        return None
    pairs = against(view, base)
    digits, tips, marks = decimals(view.metric.unit), {}, len(gaps) * len(others)
    with figure_style():
        figure, axes = canvas(height(len(others), row=0.38))
        axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)
        for row, trainer in enumerate(others):
            column = gaps[trainer].dropna() if trainer in gaps else gaps.iloc[:0, 0]
            if column.empty:
                no_value(axes, row)
                continue
            look = view.look(trainer)
            dots = axes.scatter(
                column, row + 0.1 + np.array(jitter(len(column), 0.15)), s=11, color=look.color, alpha=0.6,
                linewidth=0, rasterized=marks > MOST_MARKS,
            )  # fmt: skip
            if marks <= MOST_TIPS:
                dots.set_gid(f"gaps-{row}")
                tips[f"gaps-{row}"] = [f"{case}: {number(v, digits, signed=True)}" for case, v in column.items()]
            if trainer in pairs and np.isfinite(pairs[trainer]["difference"]):
                found = pairs[trainer]
                axes.plot([found["low"], found["high"]], [row - 0.2] * 2, color=INK, linewidth=2)
                face = INK if found["p_holm"] < 0.05 else "#ffffff"
                axes.plot(found["difference"], row - 0.2, "D", markersize=4.5, color=INK, markerfacecolor=face)
        label_rows(axes, view, others)
        set_limits(axes, np.append(gaps.to_numpy(dtype=float), 0), bounded=False)
        axes.set_xlabel(f"{long_name(view)}: loss minus baseline, case by case ({better(view)})")
    told = [f"{view.name(t)} {_estimate(pairs[t], digits)}" for t in others if t in pairs]
    return Figure(
        f"{view.metric.long_name}: paired differences from {view.name(base)}",
        "One dot is one case: right of the dashed line the loss has the larger value. Diamond and line: Hodges-Lehmann "
        "difference with 95 % interval; filled if significant after Holm's correction.",
        f"Differences from {view.name(base)} with 95 % intervals: {'; '.join(told) or 'no estimates'}.",
        figure,
        "cases",
        tips,
    )


def _estimate(pair: Row, digits: int) -> str:
    return interval(pair["difference"], pair["low"], pair["high"], digits, signed=True)
