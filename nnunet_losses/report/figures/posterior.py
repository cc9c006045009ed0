"""Bayesian signed-rank test: probability of better, equivalent and worse."""

import numpy as np
import seaborn as sns

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.figures.rows import LABEL_LENGTH, against, height, label_rows
from nnunet_losses.report.names import shorten
from nnunet_losses.report.numbers import number, percent
from nnunet_losses.report.study import View, records
from nnunet_losses.report.style import INK, NEUTRAL, canvas, figure_style

PARTS = (("p_worse", "worse", "#F3B68A"), ("p_equivalent", "equivalent", "#E3E5E8"), ("p_better", "better", "#8FC1E8"))


def baseline_bars(view: View) -> Figure | None:
    """Posterior probabilities of each loss against the baseline as one bar."""
    rows = {t: r for t, r in against(view, view.baseline).items() if np.isfinite(r.get("p_better", np.nan))}
    trainers = [t for t in view.trainers if t in rows]
    if not trainers:
        return None
    with figure_style():
        figure, axes = canvas(height(len(trainers)))
        for row, trainer in enumerate(trainers):
            left = 0.0
            for key, word, color in PARTS:
                share = rows[trainer][key]
                axes.barh(row, share, 0.7, left=left, color=color, edgecolor="#ffffff", linewidth=1)
                if share > 0.13:
                    axes.text(left + share / 2, row, f"{word} {percent(share)}", ha="center", va="center", fontsize=7.5)
                left += share
        label_rows(axes, view, trainers)
        axes.grid(visible=False)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.set_xlabel("Posterior probability")
    rope = next(iter(rows.values())).get("rope", 0)
    return Figure(
        f"{view.metric.long_name}: better, equivalent or worse than the baseline",
        f"Bayesian signed-rank test; equivalent means within ±{number(rope, 3)} of the baseline. Unlike a p-value, "
        "this can say that two losses are practically the same.",
        "Probability of being better: "
        + "; ".join(f"{view.name(t)} {percent(rows[t]['p_better'])}" for t in trainers)
        + ".",
        figure,
        "statistics_pairwise",
    )


def heat_map(view: View) -> Figure | None:
    """Posterior probability that the row's loss is better than the column's by more than the region of equivalence."""
    pairs = view.statistic("pairwise")
    if pairs is None or "p_better" not in pairs or not pairs["p_better"].notna().any():
        return None
    named = {*pairs["trainer_a"], *pairs["trainer_b"]}
    trainers = [t for t in view.trainers if t in named]
    place, k = {t: i for i, t in enumerate(trainers)}, len(trainers)
    if k < 3:
        return None
    chance = np.full((k, k), np.nan)
    for pair in records(pairs):
        i, j = place[pair["trainer_a"]], place[pair["trainer_b"]]
        chance[i, j], chance[j, i] = pair["p_better"], pair["p_worse"]
    with figure_style():
        figure, axes = canvas(1.0 + 0.36 * k)
        axes.set_facecolor(NEUTRAL)
        sns.heatmap(
            100 * chance, annot=k <= 15, fmt=".0f", cmap=sns.light_palette("#3A93CC", as_cmap=True), vmin=0, vmax=100,
            cbar=False, linewidths=2, linecolor="#ffffff", ax=axes, annot_kws={"fontsize": 8, "color": INK},
        )  # fmt: skip
        names = [shorten(view.name(t), LABEL_LENGTH) for t in trainers]
        axes.set_yticks(np.arange(k) + 0.5, names, rotation=0)
        axes.set_xticks(np.arange(k) + 0.5, [shorten(n, 20) for n in names], rotation=35, ha="left")
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.set_ylabel("")
    return Figure(
        f"{view.metric.long_name}: probability of being better (%)",
        "A cell is the posterior probability, in per cent, that the row's loss is better than the column's by more "
        "than the region of equivalence. A pair whose two cells are both small is practically equivalent or "
        "undecided.",
        f"Posterior probabilities for {len(pairs)} pairs of losses.",
        figure,
        "statistics_pairwise",
    )
