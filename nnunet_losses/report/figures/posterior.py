"""Bayesian signed-rank test: probability of better, equivalent and worse."""

from typing import Any

import numpy as np
import seaborn as sns

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Row, View, records
from nnunet_losses.report.figures.rows import LABEL_LENGTH, against, height, label_rows
from nnunet_losses.report.names import shorten
from nnunet_losses.report.numbers import number, percent
from nnunet_losses.report.style import INK, MUTED, NEUTRAL, PAPER, RULE, canvas, figure_style

MOST_TRIANGLES = 20  # losses with a triangle; each is a comparison of its own
MOST_DOTS = 3_000  # beyond this, dots are drawn as one picture to keep the page light
ROOMY, NARROWEST = 0.22, 0.09  # shares with room for word and number, for a number
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
                if share > NARROWEST:
                    words = f"{word} {percent(share)}" if share > ROOMY else percent(share)
                    axes.text(left + share / 2, row, words, ha="center", va="center", fontsize=7.5)
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


def triangle(view: View) -> Figure | None:
    """Draws of the posterior of each loss against the baseline, in the triangle worse, equivalent, better."""
    table, pairs = view.statistic("posterior"), against(view, view.baseline)
    if table is None:
        return None
    drawn = {str(t): part for t, part in table.groupby("trainer_a", sort=False)}
    compared = [t for t in view.trainers if t in drawn and t in pairs]
    trainers = compared[:MOST_TRIANGLES]
    if not trainers:
        return None
    columns = min(len(trainers), 4)
    rows = -(-len(trainers) // columns)
    with figure_style():
        figure, axes = canvas(1.75 * rows, columns, rows, squeeze=False)
        for ax in axes.flat[len(trainers) :]:
            ax.axis("off")
        for ax, trainer in zip(axes.flat, trainers, strict=False):
            _triangle(ax, pairs[trainer])
            draws, look = drawn[trainer], view.look(trainer)
            ax.scatter(
                draws["better"] + draws["equivalent"] / 2, draws["equivalent"] * np.sqrt(0.75), s=3.5, alpha=0.5,
                color=look.color, linewidth=0, rasterized=len(table) > MOST_DOTS, zorder=3,
            )  # fmt: skip
            ax.set_title(shorten(view.name(trainer), 20), loc="center", fontsize=7.5)
    rope = next(iter(pairs.values())).get("rope", 0)
    left_out = (
        f" The {MOST_TRIANGLES} best of {len(compared)} losses are shown." if len(compared) > len(trainers) else ""
    )
    return Figure(
        f"{view.metric.long_name}: posterior against the baseline",
        "One triangle is one loss against the baseline, one dot a draw from the posterior of the Bayesian signed-rank "
        f"test. A dot in the lower right says better, lower left worse, top equivalent (within ±{number(rope, 3)}). "
        "The percentages are the shares of all draws in each third. A cloud in one third: a clear answer; a cloud "
        f"over several: undecided; its size is the doubt.{left_out}",
        "Worse, equivalent, better: "
        + "; ".join(f"{view.name(t)} {', '.join(percent(pairs[t][key]) for key, *_ in PARTS)}" for t in trainers)
        + ".",
        figure,
        "statistics_posterior",
    )


def _triangle(axes: Any, pair: Row) -> None:
    """The empty triangle: its thirds and the share of draws in each."""
    top = np.sqrt(0.75)
    axes.fill([0, 1, 0.5], [0, 0, top], facecolor=PAPER, edgecolor=MUTED, linewidth=0.8)
    for x, y in ((0.5, 0), (0.25, top / 2), (0.75, top / 2)):
        axes.plot([0.5, x], [top / 3, y], color=RULE, linewidth=0.8)
    corners = ((0.0, -0.06, "left", "top"), (0.64, top, "left", "top"), (1.0, -0.06, "right", "top"))
    for (key, word, _), (x, y, ha, va) in zip(PARTS, corners, strict=True):
        axes.text(x, y, f"{word}\n{percent(pair[key])}", ha=ha, va=va, fontsize=7, linespacing=1.1)
    axes.set_xlim(-0.12, 1.12)
    axes.set_ylim(-0.33, top + 0.02)
    axes.set_aspect("equal")
    axes.axis("off")


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
