"""Significance map: which loss beats which, before and after Holm's correction (as challengeR draws it)."""

import numpy as np

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View, records
from nnunet_losses.report.figures.matrix import frame, label_columns
from nnunet_losses.report.figures.rows import label_rows
from nnunet_losses.report.numbers import SIGNIFICANT, count, enumerate_words
from nnunet_losses.report.style import INK, MUTED, PAPER, canvas, figure_style

AFTER, BEFORE, NONE = "#8FC1E8", "#DCEBF7", "#eef0f2"


def draw(view: View) -> Figure | None:
    """Matrix of one-sided verdicts: the row's loss is significantly better than the column's.

    If a two-sided Holm-adjusted p-value is below 5 % in the right direction, so is that of challengeR, which tests both
    directions of every pair one-sided; the map and the tables therefore never contradict each other.
    """
    pairs = view.statistic("pairwise")
    if pairs is None or not pairs["p_holm"].notna().any():
        return None
    trainers = view.present({*pairs["trainer_a"], *pairs["trainer_b"]})
    place, k = {t: i for i, t in enumerate(trainers)}, len(trainers)
    state = np.zeros((k, k), dtype=int)  # 1: better before the correction, 2: after it
    for pair in records(pairs):
        if pair["p"] < SIGNIFICANT and pair["rank_biserial"] != 0:
            winner, loser = pair["trainer_a"], pair["trainer_b"]
            if pair["rank_biserial"] < 0:
                winner, loser = loser, winner
            state[place[winner], place[loser]] = 2 if pair["p_holm"] < SIGNIFICANT else 1
    wins = (state == 2).sum(axis=1)
    size = min(6.0, 60 / k)
    with figure_style():
        figure, axes = canvas(1.5 + min(0.3 * max(k, 2), 9.5))
        for value, color in ((0, NONE), (1, BEFORE), (2, AFTER)):
            y, x = np.nonzero((state == value) & ~np.eye(k, dtype=bool))
            axes.bar(x, 0.92, 0.92, bottom=y - 0.46, color=color, linewidth=0)
        for value, face in ((1, PAPER), (2, INK)):
            y, x = np.nonzero(state == value)
            axes.plot(x, y, "o", color=INK, markersize=size, markerfacecolor=face, markeredgewidth=0.8)
        label_rows(axes, view, trainers)
        label_columns(axes, view, trainers)
        frame(axes, k, k + max(0.14 * k, 0.3))
        for row, won in enumerate(wins):
            words = f"beats {won}" if k <= 30 else str(won)
            axes.annotate(words, (k - 0.4, row), va="center", fontsize=8, color=MUTED, annotation_clip=False)
    told = [
        f"{view.name(t)} beats {count(int(n), view.noun, view.nouns)}" for t, n in zip(trainers, wins, strict=True) if n
    ]
    return Figure(
        f"{view.metric.long_name}: significance map",
        f"In a marked cell, the row's {view.noun} is significantly better than the column's (Wilcoxon signed-rank "
        "test, 5 %). "
        "Filled dot: also after Holm's correction over all pairs. Ring: only before it, which is weak evidence when "
        f"many pairs are tested. An empty cell does not show that two {view.nouns} are equal.",
        f"{enumerate_words(told, 20)}."
        if told
        else f"No {view.noun} is significantly better than another after correction.",
        figure,
        "statistics_pairwise",
    )
