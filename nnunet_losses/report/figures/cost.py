"""What a loss costs: its score against its training time."""

import numpy as np

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.figures.rows import mean_of
from nnunet_losses.report.numbers import duration, number
from nnunet_losses.report.style import canvas, figure_style


def draw(view: View) -> Figure | None:
    """Mean of the primary metric with its interval over the mean training time of one run."""
    ranking, spent = view.by_trainer("ranking"), view.by_trainer("costs")
    trainers = [t for t in view.present(ranking) if t in spent]
    trainers = [t for t in trainers if np.isfinite([ranking[t]["mean"], spent[t]["seconds"]]).all()]
    if not trainers:
        return None
    unit, scale = _unit(max(spent[t]["seconds"] for t in trainers))
    with figure_style():
        figure, axes = canvas(3.6)
        for trainer in trainers:
            score, time, color = ranking[trainer], spent[trainer], view.look(trainer).color
            mean, seconds = score["mean"], time["seconds"] / scale
            axes.vlines(seconds, score["mean_low"], score["mean_high"], color=color, linewidth=1)
            axes.hlines(mean, time["fastest"] / scale, time["slowest"] / scale, color=color, linewidth=1)
            axes.plot(seconds, mean, view.look(trainer).marker, color=color, markersize=6.5)
        axes.set_xlabel(f"Duration of one training ({unit})")
        axes.set_ylabel(mean_of(view.metric))
        axes.grid(color="#eceef0")
        legend(figure, view, trainers, lines=False)
    told = (f"{view.name(t)}: {number(ranking[t]['mean'])} in {duration(spent[t]['seconds'])}" for t in trainers)
    best = "Upper left" if view.metric.higher_is_better else "Lower left"
    return Figure(
        f"{view.metric.long_name} against training time",
        f"{best} is best: more for less. Vertical line: 95 % confidence interval of the mean; horizontal line: fastest "
        f"to slowest training with that {view.noun}. Times measured on different hardware, or on a shared machine, "
        "are only a rough guide.",
        "; ".join(told) + ".",
        figure,
        "statistics_costs",
    )


def _unit(seconds: float) -> tuple[str, int]:
    """A unit of time in which ``seconds`` is a handy number, and its length in seconds."""
    if seconds >= 5400:
        return "hours", 3600
    return ("minutes", 60) if seconds >= 100 else ("seconds", 1)
