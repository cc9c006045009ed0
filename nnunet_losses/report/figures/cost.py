"""What a loss costs: its score against the hours of training."""

import numpy as np

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.costs import costs
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.figures.rows import long_name
from nnunet_losses.report.numbers import duration, number
from nnunet_losses.report.study import View
from nnunet_losses.report.style import canvas, figure_style


def draw(view: View) -> Figure | None:
    """Mean of the primary metric with its interval over the mean training time of one run."""
    ranking, spent = view.statistic("ranking"), costs(view)
    if ranking is None or spent is None:
        return None
    ranking = ranking.set_index(ranking["trainer"].astype(str))
    trainers = [t for t in view.trainers if t in ranking.index and t in spent.index]
    trainers = [t for t in trainers if np.isfinite(ranking.loc[t, "mean"]) and np.isfinite(spent.loc[t, "seconds"])]
    if not trainers:
        return None
    longest = max(spent.loc[trainers, "seconds"])
    unit, scale = ("hours", 3600) if longest >= 5400 else ("minutes", 60) if longest >= 100 else ("seconds", 1)
    with figure_style():
        figure, axes = canvas(3.6)
        for trainer in trainers:
            score, seconds, look = ranking.loc[trainer], spent.loc[trainer], view.look(trainer)
            axes.vlines(
                seconds["seconds"] / scale, score["mean_low"], score["mean_high"], color=look.color, linewidth=1
            )
            axes.hlines(
                score["mean"], seconds["fastest"] / scale, seconds["slowest"] / scale, color=look.color, linewidth=1
            )
            axes.plot(seconds["seconds"] / scale, score["mean"], look.marker, color=look.color, markersize=6.5)
        axes.set_xlabel(f"Training time of one run ({unit})")
        axes.set_ylabel(f"Mean {long_name(view)}")
        axes.grid(color="#eceef0")
        legend(figure, view, trainers, lines=False)
    return Figure(
        f"{view.metric.long_name} against training time",
        "Upper left is best: more for less. Upright line: 95 % interval of the mean; level line: fastest to slowest run of "
        "that loss. Times of runs on different hardware, or on a shared machine, are only a rough guide.",
        "; ".join(
            f"{view.name(t)}: {number(ranking.loc[t, 'mean'])} in {duration(spent.loc[t, 'seconds'])}" for t in trainers
        )
        + ".",
        figure,
        "jobs",
    )
