"""Every loss against every other: difference, direction, and whether it survives Holm's correction."""

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.rows import LABEL_LENGTH
from nnunet_losses.report.names import shorten
from nnunet_losses.report.numbers import decimals, enumerate_words, number
from nnunet_losses.report.style import INK, NEUTRAL, canvas, figure_style

# Light enough for ink on either end.
TINTS = LinearSegmentedColormap.from_list("worse-better", ["#F3B68A", "#ffffff", "#8FC1E8"])
MOST_WORDS = 9  # trainers up to which a cell has room for its number


def draw(view: View) -> Figure | None:
    """Matrix of Hodges-Lehmann differences, row minus column."""
    pairs = view.statistic("pairwise")
    if pairs is None:
        return None
    named = {*pairs["trainer_a"], *pairs["trainer_b"]}
    trainers = [t for t in view.trainers if t in named]
    gap, sure = _matrices(pairs, trainers)
    sign = 1 if view.metric.higher_is_better else -1
    largest = np.nanmax(np.abs(gap)) if np.isfinite(gap).any() else 1.0
    digits, k = decimals(view.metric.unit), len(trainers)
    size = 1.5 + (0.62 if k <= MOST_WORDS else 0.3) * k
    with figure_style():
        figure, axes = canvas(min(size * 0.72, 9.0) if k <= MOST_WORDS else min(size, 11.0))
        axes.set_facecolor(NEUTRAL)
        axes.pcolormesh(
            np.ma.masked_invalid(sign * gap), cmap=TINTS, vmin=-largest or -1, vmax=largest or 1, edgecolors="#ffffff",
            linewidth=2,
        )  # fmt: skip
        if k <= MOST_WORDS:
            for i, j in np.argwhere(np.isfinite(gap)):
                words = number(float(gap[i, j]), digits, signed=True) + (" ●" if sure[i, j] else "")
                weight = "bold" if sure[i, j] else "normal"
                axes.text(j + 0.5, i + 0.5, words, ha="center", va="center", fontweight=weight, in_layout=False)
        else:
            rows, columns = np.nonzero(sure)
            axes.plot(columns + 0.5, rows + 0.5, "o", color=INK, markersize=3.5, linestyle="none")
        names = [shorten(view.name(t), LABEL_LENGTH if k <= MOST_WORDS else 22) for t in trainers]
        axes.set_yticks(np.arange(k) + 0.5, names)
        turned = k > 4 or max(map(len, names)) > 14
        axes.set_xticks(np.arange(k) + 0.5, names, rotation=35 if turned else 0, ha="left" if turned else "center")
        axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
        axes.set_xlim(0, k)
        axes.set_ylim(k, 0)
        axes.spines[:].set_visible(False)
    told = [f"{view.name(trainers[i])} over {view.name(trainers[j])}" for i, j in zip(*np.nonzero(sure), strict=True)
            if sign * gap[i, j] > 0]  # fmt: skip
    return Figure(
        f"{view.metric.long_name}: every loss against every other",
        "A cell is the row's loss minus the column's (Hodges-Lehmann, paired by case). Blue: the row is better; "
        "orange: worse. A dot (●): significant in the Wilcoxon signed-rank test after Holm's correction over all "
        "pairs (5 %).",
        f"Significant pairs, the better first: {enumerate_words(told, 12)}."
        if told
        else "No pair differs significantly.",
        figure,
        "statistics_pairwise",
    )


def _matrices(pairs: pd.DataFrame, trainers: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Differences, row minus column, and whether they are significant; NaN and False without a test."""
    place = {trainer: i for i, trainer in enumerate(trainers)}
    gap = np.full((len(trainers), len(trainers)), np.nan)
    sure = np.zeros(gap.shape, dtype=bool)
    for a, b, difference, p in pairs[["trainer_a", "trainer_b", "difference", "p_holm"]].itertuples(index=False):
        i, j = place[str(a)], place[str(b)]
        gap[i, j], gap[j, i] = difference, -difference
        sure[i, j] = sure[j, i] = p < 0.05
    return gap, sure
