"""Case by case: who stood where on the podium, and how often."""

import numpy as np
import pandas as pd
import seaborn as sns
from scipy.stats import rankdata

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.figures.rows import LABEL_LENGTH, height, long_name
from nnunet_losses.report.names import shorten
from nnunet_losses.report.style import INK, RULE, canvas, figure_style

MOST_CASES, MOST_TRAINERS = 200, 12  # beyond these, lines become a grey block


def _complete(view: View) -> tuple[pd.DataFrame, np.ndarray] | None:
    """Cases in which every shown trainer has a value (cases × trainers), and the ranks in them (ties by order)."""
    values = view.values[[t for t in view.trainers if t in view.values]].dropna(axis=1, how="all").dropna()
    if values.shape[0] < 2 or values.shape[1] < 2:
        return None
    signed = values.to_numpy(dtype=float) * (-1 if view.metric.higher_is_better else 1)
    return values, rankdata(signed, method="ordinal", axis=1)


def podium(view: View) -> Figure | None:
    """One line per case through the places that the losses took in it; below, how often each loss took each place."""
    found = _complete(view)
    if found is None or len(found[0]) > MOST_CASES or found[0].shape[1] > MOST_TRAINERS:
        return None
    values, ranks = found
    trainers, k = list(values.columns), values.shape[1]
    with figure_style():
        figure, (axes, bars) = canvas(4.6, 1, 2, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
        place = (ranks - 1) + (np.arange(k) + 0.5) / k * 0.8 + 0.1
        order = np.argsort(ranks, axis=1)
        axes.plot(
            np.take_along_axis(place, order, 1).T, np.take_along_axis(values.to_numpy(), order, 1).T,
            color=RULE, linewidth=0.6, zorder=0,
        )  # fmt: skip
        for i, trainer in enumerate(trainers):
            look = view.look(trainer)
            axes.plot(place[:, i], values[trainer], look.marker, color=look.color, markersize=3.5, alpha=0.85)
            counts = np.bincount(ranks[:, i].astype(int) - 1, minlength=k)
            bars.bar(np.arange(k) + (i + 0.5) / k * 0.8 + 0.1, counts, width=0.8 / k * 0.9, color=look.color)
        for ax in (axes, bars):
            ax.set_xlim(0, k)
            for edge in range(1, k):
                ax.axvline(edge, color=RULE, linewidth=0.6, zorder=0)
        bars.set_xticks(np.arange(k) + 0.5, [str(i + 1) for i in range(k)])
        bars.tick_params(axis="x", length=0)
        bars.set_xlabel("Place in a case")
        axes.tick_params(axis="x", length=0)
        axes.set_ylabel(long_name(view))
        bars.set_ylabel("Cases")
        legend(figure, view, trainers, lines=False)
    return Figure(
        "Podium: places case by case",
        "A column is a place; within it, every loss has its own lane. A grey line is one case, running from its "
        "best loss to its worst. A steep line: the losses differ in that case. Bars: how often a loss took the "
        "place.",
        f"Places of {k} losses in {len(values)} cases.",
        figure,
        "cases",
    )


def rank_map(view: View) -> Figure | None:
    """Heat map: number of cases in which each loss took each place."""
    found = _complete(view)
    if found is None:
        return None
    values, ranks = found
    trainers, k = list(values.columns), values.shape[1]
    counts = np.stack([np.bincount(ranks[:, i].astype(int) - 1, minlength=k) for i in range(k)])
    with figure_style():
        figure, axes = canvas(height(k))
        sns.heatmap(
            counts, annot=k <= 15, fmt="d", cmap=sns.light_palette("#0B5C8F", as_cmap=True), cbar=False, linewidths=2,
            linecolor="#ffffff", ax=axes, annot_kws={"fontsize": 8},
        )  # fmt: skip
        axes.set_yticks(
            np.arange(k) + 0.5, [shorten(view.name(t), LABEL_LENGTH) for t in trainers], rotation=0, color=INK
        )
        axes.set_xticks(np.arange(k) + 0.5, [str(i + 1) for i in range(k)], rotation=0)
        axes.tick_params(length=0)
        axes.set_xlabel("Place in a case (1 is best)")
        axes.set_ylabel("")
    first = "; ".join(f"{view.name(t)} {counts[i, 0]}" for i, t in enumerate(trainers))
    return Figure(
        "Rank heat map: cases per place",
        "A cell counts the cases in which the loss (row) took the place (column). Dark to the left: a good loss; "
        "dark along the diagonal: a stable order; an even row: its place depends on the case.",
        f"Number of cases in first place: {first}.",
        figure,
        "cases",
    )
