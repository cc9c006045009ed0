"""Every loss against every other: difference, direction, and whether it survives Holm's correction."""

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.matrix import ROOMY, frame, label_columns, matrix
from nnunet_losses.report.figures.rows import label_rows
from nnunet_losses.report.numbers import SIGNIFICANT, decimals, enumerate_words, number
from nnunet_losses.report.style import INK, canvas, figure_style

# Light enough for ink on either end.
TINTS = LinearSegmentedColormap.from_list("worse-better", ["#F3B68A", "#ffffff", "#8FC1E8"])


def draw(view: View) -> Figure | None:
    """Matrix of Hodges-Lehmann differences, row minus column."""
    pairs = view.statistic("pairwise")
    if pairs is None:
        return None
    trainers = view.present({*pairs["trainer_a"], *pairs["trainer_b"]})
    gap, sure = _matrices(pairs, trainers)
    sign = 1 if view.metric.higher_is_better else -1
    largest = float(np.nanmax(np.abs(gap))) if np.isfinite(gap).any() else 0.0
    digits, k = decimals(view.metric.unit), len(trainers)
    words = np.full(gap.shape, "", dtype=object)
    if k <= ROOMY:  # otherwise a cell has no room for its number
        for i, j in np.argwhere(np.isfinite(gap)):
            words[i, j] = number(float(gap[i, j]), digits, signed=True) + (" ●" if sure[i, j] else "")
    size = 1.5 + (0.45 if k <= ROOMY else 0.3) * k
    with figure_style():
        figure, axes = canvas(min(size, 11.0))
        matrix(axes, sign * gap, words, colors=TINTS, least=-largest or -1, most=largest or 1, bold=sure)
        if k > ROOMY:
            rows, columns = np.nonzero(sure)
            axes.plot(columns, rows, "o", color=INK, markersize=3.5, linestyle="none")
        label_rows(axes, view, trainers)
        label_columns(axes, view, trainers)
        frame(axes, k, k)
    told = [
        f"{view.name(trainers[i])} over {view.name(trainers[j])}"
        for i, j in zip(*np.nonzero(sure), strict=True)
        if sign * gap[i, j] > 0
    ]
    return Figure(
        f"{view.metric.long_name}: every {view.noun} against every other",
        f"Each cell is the row's {view.noun} minus the column's (Hodges-Lehmann, paired by case). Blue: the row is "
        "better; "
        "orange: the row is worse. A dot (●) marks differences that are significant in the Wilcoxon signed-rank test "
        "(5 %) after Holm's correction over all pairs.",
        f"Significant pairs, the better {view.noun} first: {enumerate_words(told, 12)}."
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
        sure[i, j] = sure[j, i] = p < SIGNIFICANT
    return gap, sure
