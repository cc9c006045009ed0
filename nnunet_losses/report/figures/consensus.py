"""One ranking over several data sets."""

import numpy as np
import pandas as pd
import seaborn as sns

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.rows import height, label_rows
from nnunet_losses.report.names import shorten
from nnunet_losses.report.numbers import NOTHING, count, number
from nnunet_losses.report.style import INK, canvas, figure_style


def draw(view: View) -> Figure | None:
    """Ranks per data set, their mean, and the place in Kemeny's consensus, of one configuration and metric."""
    consensus, ranking = view.statistic("consensus"), view.comparison.statistics.get("ranking")
    if consensus is None or ranking is None:
        return None
    here = (ranking["configuration"].astype(str) == view.configuration) & (ranking["metric"] == view.metric_name)
    ranks = ranking[here].pivot_table(index="trainer", columns="dataset", values="rank", aggfunc="mean")
    table = consensus.sort_values(["rank", "kemeny", "mean_rank", "trainer"]).set_index("trainer")
    trainers, datasets = [str(t) for t in table.index], [str(d) for d in ranks.columns]
    k, columns = len(trainers), len(datasets)
    values = np.column_stack([ranks.reindex(trainers).to_numpy(), table["mean_rank"], table["kemeny"]])
    values[table["rank"].isna().to_numpy(), -2:] = np.nan  # a mean over other data sets says something else
    with figure_style():
        figure, axes = canvas(height(k, extra=1.25))
        axes.pcolormesh(
            np.arange(columns + 3) - 0.5, np.arange(k + 1) - 0.5, np.ma.masked_invalid(values), vmin=1, vmax=max(k, 2),
            cmap=sns.blend_palette(["#6FAEDC", "#F2F5F8"], as_cmap=True), edgecolors="#ffffff", linewidth=2,
        )  # fmt: skip
        for (row, column), rank in np.ndenumerate(values):
            text = NOTHING if pd.isna(rank) else number(rank, 0 if float(rank).is_integer() else 1)
            axes.text(
                column, row, text, ha="center", va="center", fontsize=8, color=INK,
                fontweight="bold" if column >= columns else "normal",
            )  # fmt: skip
        label_rows(axes, view, trainers)
        axes.grid(visible=False)
        axes.set_ylim(k - 0.5, -0.5)
        axes.axvline(columns - 0.5, color=INK, linewidth=1)
        names = [*(shorten(d, 24) for d in datasets), "Mean rank", "Kemeny"]
        slanted = columns + 2 > 5 or max(map(len, names)) > 16
        axes.set_xticks(range(columns + 2), names, rotation=25 if slanted else 0, ha="left" if slanted else "center")
        axes.tick_params(axis="x", length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
        axes.spines[:].set_visible(False)
    placed = table[table["rank"].notna()]
    told = "; ".join(f"{view.name(str(t))} {number(row, 1)}" for t, row in placed["mean_rank"].items())
    return Figure(
        f"{view.metric.long_name}: one ranking over {count(columns, 'data set')}",
        "A cell is the rank on a data set (averaged over its labels), darker is better. Right of the line: the mean "
        "of these ranks, and the place in Kemeny's consensus, the order that contradicts the fewest pairwise orders "
        "of the data sets. Where the two disagree, or a row holds dark and light cells, there is no overall winner. "
        "A dash: not ranked there, so not in the consensus.",
        f"Mean ranks: {told or 'no loss is ranked on every data set'}.",
        figure,
        "statistics_consensus",
    )
