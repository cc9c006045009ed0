"""Case by case: which loss took which place, and how often."""

import numpy as np
import pandas as pd
import seaborn as sns
from scipy.stats import rankdata

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.figures.matrix import frame, matrix, names_on_top
from nnunet_losses.report.figures.rows import height, label_rows, long_name
from nnunet_losses.report.style import INK, PAPER, RULE, canvas, figure_style

MOST_CASES, MOST_TRAINERS = 200, 12  # beyond these, lines become a grey block
MOST_WORDS = 15  # losses up to which a cell has room for its number


def _places(view: View) -> tuple[pd.DataFrame, np.ndarray] | None:
    """Values (cases × trainers) and the places in every case; ties are broken by the order of the ranking."""
    values = view.values
    if values.shape[0] < 2 or values.shape[1] < 2:
        return None
    signed = values.to_numpy() * (-1 if view.metric.higher_is_better else 1)
    return values, rankdata(signed, method="ordinal", axis=1)


def podium(view: View) -> Figure | None:
    """One line per case through the places that the losses took in it; below, how often each loss took each place."""
    found = _places(view)
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
            bars.bar(np.arange(k) + (i + 0.5) / k * 0.8 + 0.1, _counts(ranks)[i], width=0.8 / k * 0.9, color=look.color)
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
        f"Each column is a place, in which every {view.noun} has a lane of its own. A grey line is one case, from its "
        "best "
        f"{view.noun} to its worst; the steeper it is, the more the {view.nouns} differ in that case. Bars: how often "
        f"each {view.noun} took the place.",
        f"Places of {k} {view.nouns} in {len(values)} cases.",
        figure,
        "statistics_values",
    )


def rank_map(view: View) -> Figure | None:
    """Heat map: number of cases in which each loss took each place."""
    found = _places(view)
    if found is None:
        return None
    values, ranks = found
    trainers, k = list(values.columns), values.shape[1]
    counts = _counts(ranks)
    words = counts.astype(str).astype(object) if k <= MOST_WORDS else np.full(counts.shape, "", dtype=object)
    dark = counts > 0.6 * counts.max()
    with figure_style():
        figure, axes = canvas(height(k))
        matrix(
            axes, counts.astype(float), words, colors=sns.light_palette("#0B5C8F", as_cmap=True), least=0,
            most=int(counts.max()), faint=np.where(dark, PAPER, INK),
        )  # fmt: skip
        label_rows(axes, view, trainers)
        names_on_top(axes, [str(i + 1) for i in range(k)])
        frame(axes, k, k)
        axes.set_xlabel("Place in a case (1 is best)")
    first = "; ".join(f"{view.name(t)} {counts[i, 0]}" for i, t in enumerate(trainers))
    return Figure(
        "Cases per place",
        f"Each cell counts the cases in which the {view.noun} (row) took the place (column). Dark cells on the left: "
        f"a good {view.noun}; along the diagonal: a stable order; an even row: the place depends on the case.",
        f"Number of cases in first place: {first}.",
        figure,
        "statistics_values",
    )


def _counts(ranks: np.ndarray) -> np.ndarray:
    """How often each loss (row) took each place (column)."""
    k = ranks.shape[1]
    return np.stack([np.bincount(ranks[:, i].astype(int) - 1, minlength=k) for i in range(k)])
