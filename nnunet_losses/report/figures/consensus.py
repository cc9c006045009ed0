"""One ranking over several data sets."""

import numpy as np
import seaborn as sns

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.matrix import frame, matrix, names_on_top
from nnunet_losses.report.figures.rows import height, label_rows
from nnunet_losses.report.numbers import count, number, place
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
    words = np.array([[place(rank) for rank in row] for row in values], dtype=object)
    with figure_style():
        figure, axes = canvas(height(k, extra=1.25))
        matrix(
            axes, values, words, colors=sns.blend_palette(["#6FAEDC", "#F2F5F8"], as_cmap=True), least=1,
            most=max(k, 2), bold=np.broadcast_to(np.arange(columns + 2) >= columns, values.shape),
        )  # fmt: skip
        label_rows(axes, view, trainers)
        names_on_top(axes, [*datasets, "Mean rank", "Kemeny"])
        frame(axes, k, columns + 2)
        axes.axvline(columns - 0.5, color=INK, linewidth=1)
    placed = table[table["rank"].notna()]
    told = "; ".join(f"{view.name(str(t))} {number(row, 1)}" for t, row in placed["mean_rank"].items())
    return Figure(
        f"{view.metric.long_name}: one ranking over {count(columns, 'data set')}",
        "Each cell is the rank on a data set, averaged over its labels; darker is better. Right of the line: the mean "
        "of these ranks, and the place in Kemeny's consensus, the order that contradicts the fewest pairwise orders "
        f"of the data sets. If the two disagree, or a row has both dark and light cells, no {view.noun} wins "
        "everywhere. A dash: not ranked on this data set, and therefore not part of the consensus.",
        f"Mean ranks: {told or 'no loss is ranked on every data set'}.",
        figure,
        "statistics_consensus",
    )
