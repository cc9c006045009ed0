"""Bayesian signed-rank test: probability of better, equivalent and worse."""

from typing import Any

import numpy as np
import seaborn as sns

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Row, View, records
from nnunet_losses.report.figures.matrix import frame, label_columns, matrix
from nnunet_losses.report.figures.rows import height, label_rows
from nnunet_losses.report.numbers import number, percent, unit_suffix
from nnunet_losses.report.style import MUTED, PAPER, RULE, canvas, figure_style

MOST_TRIANGLES = 20  # losses with a triangle; each is a comparison of its own
MOST_DOTS = 3_000  # beyond this, dots are drawn as one picture to keep the page light
MOST_WORDS = 15  # losses up to which a cell has room for its number
ROOMY, NARROWEST = 0.22, 0.09  # shares with room for word and number, for a number
PARTS = (("p_worse", "worse", "#F3B68A"), ("p_equivalent", "equivalent", "#E3E5E8"), ("p_better", "better", "#8FC1E8"))


def baseline_bars(view: View) -> Figure | None:
    """Posterior probabilities of each loss against the baseline as one bar."""
    rows = {t: r for t, r in view.against(view.baseline).items() if np.isfinite(r.get("p_better", np.nan))}
    trainers = view.present(rows)
    if not trainers:
        return None
    with figure_style():
        figure, axes = canvas(height(len(trainers)))
        for row, trainer in enumerate(trainers):
            left = 0.0
            for key, word, color in PARTS:
                share = rows[trainer][key]
                axes.barh(row, share, 0.7, left=left, color=color, edgecolor=PAPER, linewidth=1)
                if share > NARROWEST:
                    words = f"{word} {percent(share)}" if share > ROOMY else percent(share)
                    axes.text(left + share / 2, row, words, ha="center", va="center", fontsize=7.5)
                left += share
        label_rows(axes, view, trainers)
        axes.grid(visible=False)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.set_xlabel("Posterior probability")
    return Figure(
        f"{view.metric.long_name}: better, equivalent or worse than the baseline",
        f"Bayesian signed-rank test. Equivalent: within {_margin(view, rows)} of the baseline. Unlike a p-value, this "
        f"can show that two {view.nouns} are practically the same.",
        "Probability of being better: "
        + "; ".join(f"{view.name(t)} {percent(rows[t]['p_better'])}" for t in trainers)
        + ".",
        figure,
        "statistics_pairwise",
    )


def triangle(view: View) -> Figure | None:
    """Draws of the posterior of each loss against the baseline, in the triangle worse, equivalent, better."""
    table, pairs = view.statistic("posterior"), view.against(view.baseline)
    if table is None:
        return None
    drawn = {str(t): part for t, part in table.groupby("trainer_a", sort=False)}
    compared = [t for t in view.present(drawn) if t in pairs]
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
            ax.set_title(view.cut_name(trainer, 20), loc="center", fontsize=7.5)
    left_out = (
        f" Shown are the {MOST_TRIANGLES} best of {len(compared)} {view.nouns}."
        if len(compared) > len(trainers)
        else ""
    )
    return Figure(
        f"{view.metric.long_name}: posterior against the baseline",
        f"Each triangle compares one {view.noun} with the baseline; each dot is a draw from the posterior of the "
        "Bayesian "
        "signed-rank test. Dots in the lower right say better, in the lower left worse, at the top equivalent (within "
        f"{_margin(view, pairs)}). Percentages: share of all draws in each third. A cloud within one third is a clear "
        f"answer; a cloud across several is not. The larger the cloud, the greater the uncertainty.{left_out}",
        "Worse, equivalent, better: "
        + "; ".join(f"{view.name(t)} {', '.join(percent(pairs[t][key]) for key, *_ in PARTS)}" for t in trainers)
        + ".",
        figure,
        "statistics_posterior",
    )


def _margin(view: View, pairs: dict[str, Row]) -> str:
    """The region of practical equivalence in words."""
    return f"±{number(next(iter(pairs.values()))['rope'], 3)}{unit_suffix(view.metric.unit)}"


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
    if pairs is None or not pairs["p_better"].notna().any():
        return None
    trainers = view.present({*pairs["trainer_a"], *pairs["trainer_b"]})
    place, k = {t: i for i, t in enumerate(trainers)}, len(trainers)
    if k < 3:
        return None
    chance = np.full((k, k), np.nan)
    for pair in records(pairs):
        i, j = place[pair["trainer_a"]], place[pair["trainer_b"]]
        chance[i, j], chance[j, i] = pair["p_better"], pair["p_worse"]
    words = np.full((k, k), "", dtype=object)
    if k <= MOST_WORDS:
        for i, j in np.argwhere(np.isfinite(chance)):
            words[i, j] = number(100 * chance[i, j], 0)
    with figure_style():
        figure, axes = canvas(1.0 + 0.36 * k)
        matrix(axes, chance, words, colors=sns.light_palette("#3A93CC", as_cmap=True), least=0, most=1)
        label_rows(axes, view, trainers)
        label_columns(axes, view, trainers)
        frame(axes, k, k)
    best = "; ".join(
        f"{view.name(t)} {number(100 * float(np.nanmin(chance[i])), 0)}"
        for i, t in enumerate(trainers)
        if np.isfinite(chance[i]).any()
    )
    return Figure(
        f"{view.metric.long_name}: probability of being better (%)",
        f"Each cell is the posterior probability, in per cent, that the row's {view.noun} is better than the column's "
        "by more "
        "than the region of equivalence. A pair with two small numbers is practically equivalent or undecided.",
        f"Smallest probability of each {view.noun} over its rivals: {best}.",
        figure,
        "statistics_pairwise",
    )
