"""Better, or just another operating point? Dice at 0.5 and at the threshold that was best on the other folds."""

import numpy as np

from nnunet_losses.base.metrics import METRICS
from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.rows import height, label_rows, limits, no_value
from nnunet_losses.report.numbers import number
from nnunet_losses.report.style import INK, PAPER, canvas, figure_style


def draw(view: View) -> Figure | None:
    """Mean Dice at probability 0.5 (hollow) and at the tuned threshold (filled), a row per loss."""
    rows = {t: r for t, r in view.by_trainer("thresholds").items() if np.isfinite(r["dice_tuned"])}
    if not rows:
        return None
    trainers = view.present(rows)
    with figure_style():
        figure, axes = canvas(height(len(trainers)))
        for i, trainer in enumerate(trainers):
            row, look = rows[trainer], view.look(trainer)
            if not np.isfinite(row["dice_default"]):
                no_value(axes, i)
                continue
            axes.plot([row["dice_default"], row["dice_tuned"]], [i, i], color=look.color, linewidth=1.6)
            axes.plot(row["dice_default"], i, "o", color=look.color, markerfacecolor=PAPER, markersize=6)
            axes.plot(row["dice_tuned"], i, "o", color=look.color, markersize=6)
            axes.annotate(
                f"at {number(row['threshold'], 2)}", (1.0, i), xycoords=("axes fraction", "data"), ha="right",
                va="bottom", fontsize=7.5, color=INK, xytext=(0, 1), textcoords="offset points",
            )  # fmt: skip
        label_rows(axes, view, trainers)
        both = np.array([[rows[t]["dice_default"], rows[t]["dice_tuned"]] for t in trainers], dtype=float)
        axes.set_xlim(limits(both, METRICS["dice"].bounds, margin=0.15))
        axes.set_xlabel("Mean Dice (better →)")
    told = (f"{view.name(t)} {number(rows[t]['dice_default'])} to {number(rows[t]['dice_tuned'])}" for t in trainers)
    return Figure(
        f"Dice at 0.5 and at each {view.noun}'s own threshold",
        "Hollow: probabilities cut at 0.5, as nnU-Net does. Filled: cut at the threshold that was best on the other "
        f"folds (its mean over folds is given on the right). {view.nouns.capitalize()} that differ only in their "
        "operating point meet once each has its own threshold.",
        f"Mean Dice from the common to the tuned threshold: {'; '.join(told)}.",
        figure,
        "statistics_thresholds",
    )
