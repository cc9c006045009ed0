"""How much the ranking would change with other cases, another ranking method, or fewer cases."""

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.figures.rows import label_rows
from nnunet_losses.report.numbers import number, percent
from nnunet_losses.report.style import INK, MUTED, ROW, RULE, canvas, figure_style

METHODS = {"mean": "Mean, then rank", "ranks": "Rank, then mean", "tests": "Tests, then rank"}
LEAST = 0.005  # shares below are not drawn


def _frequencies(view: View) -> tuple[pd.DataFrame, list[str]] | None:
    """Shares of ranks, and the trainers that have any, best first."""
    shares = view.statistic("rank_frequencies")
    if shares is None:
        return None
    ranked = set(shares["trainer"].astype(str))
    return shares, view.present(ranked)


def blob(view: View) -> Figure | None:
    """Area of a disc: share of bootstrap samples with that rank; cross: median; line: 95 % interval."""
    found = _frequencies(view)
    if found is None:
        return None
    shares, trainers = found
    shares = shares[shares["method"] == "mean"]
    with figure_style():
        figure, axes = canvas(0.9 + ROW * 1.15 * max(len(trainers), 2))
        for row, trainer in enumerate(trainers):
            mine, look = shares[shares["trainer"] == trainer].sort_values("rank"), view.look(trainer)
            mine = mine[mine["probability"] > 0]
            reached = np.searchsorted(mine["probability"].cumsum(), [0.025, 0.5, 0.975])
            low, middle, high = mine["rank"].to_numpy()[np.minimum(reached, len(mine) - 1)]
            axes.scatter(
                mine["rank"], [row] * len(mine), s=420 * mine["probability"], color=look.color, alpha=0.55, linewidth=0
            )
            axes.plot([low, high], [row, row], color=INK, linewidth=1)
            axes.plot(middle, row, "x", color=INK, markersize=6, markeredgewidth=1.5)
        label_rows(axes, view, trainers)
        axes.set_xlim(0.4, len(trainers) + 0.6)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("Rank in a bootstrap sample of the cases (1 is best)")
    return Figure(
        "Ranks over bootstrap samples",
        f"The larger a disc, the more often the {view.noun} took that rank when the cases were resampled. Cross: "
        "median rank; "
        f"line: 95 % interval. Large discs of several {view.nouns} at the same rank: their order is not settled.",
        f"Share of bootstrap samples with each rank. {_first_shares(view, shares, trainers)}",
        figure,
        "statistics_rank_frequencies",
    )


def _first_shares(view: View, shares: pd.DataFrame, trainers: list[str]) -> str:
    first = shares[shares["rank"] == 1].set_index("trainer")["probability"].to_dict()
    return "First: " + "; ".join(f"{view.name(t)} {percent(first.get(t, 0.0))}" for t in trainers) + "."


def stacked(view: View) -> Figure | None:
    """Shares of ranks as stacked bars, a panel per ranking method."""
    found = _frequencies(view)
    if found is None:
        return None
    shares, trainers = found
    methods = [m for m in METHODS if (shares["method"] == m).any()]
    k = len(trainers)
    with figure_style():
        figure, axes = canvas(0.8 + ROW * max(k, 2), len(methods), sharey=True, squeeze=False)
        for ax, method in zip(axes[0], methods, strict=True):
            table = shares[shares["method"] == method].pivot_table(
                index="trainer", columns="rank", values="probability", fill_value=0.0
            )
            _bars(ax, table, trainers)
            ax.tick_params(axis="y", length=0)
            ax.spines["left"].set_visible(False)
            ax.set_title(METHODS[method])
            ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        label_rows(axes[0, 0], view, trainers)
        axes[0, 0].grid(visible=False)
    return Figure(
        "How often each rank, by ranking method",
        f"Each bar is one {view.noun}; its parts are the ranks from 1 (darkest, left) onwards. The longer the darkest "
        "part, "
        "the more certain the first place. Mean, then rank: ranks of the means. Rank, then mean: mean of the ranks "
        f"within each case. Tests, then rank: number of {view.nouns} that it is significantly better than.",
        f"Shares of ranks by {len(methods)} methods. "
        + _first_shares(view, shares[shares["method"] == methods[0]], trainers),
        figure,
        "statistics_rank_frequencies",
    )


def _bars(axes: Any, table: pd.DataFrame, trainers: list[str]) -> None:
    shades = sns.color_palette("blend:#0B4F7D,#F2F5F8", n_colors=max(len(trainers), 2)).as_hex()
    for row, trainer in enumerate(trainers):
        left = 0.0
        mine: dict[Any, float] = table.loc[trainer].to_dict() if trainer in table.index else {}
        for rank, share in mine.items():
            if share > LEAST:
                place = min(int(rank), len(shades)) - 1
                axes.barh(row, share, 0.72, left=left, color=shades[place], edgecolor="#ffffff", linewidth=0.8)
                if share > 0.16:
                    ink = "#ffffff" if place < len(shades) * 0.45 else INK
                    axes.text(left + share / 2, row, f"{rank:g}", ha="center", va="center", fontsize=7, color=ink)
            left += share
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1])


def kendall(view: View) -> Figure | None:
    """Agreement of the ranking of every bootstrap sample with the ranking of all cases, per ranking method."""
    taus = view.statistic("kendall")
    if taus is None or not taus["tau"].notna().any():
        return None
    methods = [m for m in METHODS if taus.loc[taus["method"] == m, "tau"].notna().any()]
    with figure_style():
        figure, axes = canvas(0.9 + 0.5 * len(methods))
        for row, method in enumerate(methods):
            tau = taus.loc[taus["method"] == method, "tau"].dropna().to_numpy()
            if np.ptp(tau) > 0:
                sns.violinplot(
                    x=tau, y=np.full(len(tau), row), orient="h", native_scale=True, inner=None, cut=0, linewidth=0.8,
                    width=0.8, color="#C8DCEB", linecolor="#0072B2", ax=axes,
                )  # fmt: skip
            low, middle, high = np.quantile(tau, [0.25, 0.5, 0.75])
            axes.plot([low, high], [row, row], color=INK, linewidth=2.5, solid_capstyle="butt")
            axes.plot(middle, row, "o", color=INK, markerfacecolor="#ffffff", markersize=5)
        axes.set_yticks(range(len(methods)), [METHODS[m] for m in methods])
        axes.set_ylim(len(methods) - 0.45, -0.55)
        axes.set_xlim(min(0.0, float(taus["tau"].min())) - 0.03, 1.03)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylabel("")
        axes.set_xlabel("Kendall's τ between the ranking in a bootstrap sample and that over all cases")
        axes.grid(axis="x")
    medians = taus.groupby("method")["tau"].median()
    return Figure(
        "Agreement of bootstrap rankings with the ranking",
        "1: the same order; 0: no relation. Dot: median; thick line: middle half; shape: all bootstrap samples. The "
        "further to the right, the less the order depends on these particular cases.",
        "Median τ: " + "; ".join(f"{METHODS[m]} {number(float(medians[m]), 2)}" for m in methods) + ".",
        figure,
        "statistics_kendall",
    )


def over_methods(view: View) -> Figure | None:
    """The rank of each loss under three ranking methods, as lines."""
    ranking = view.by_trainer("ranking")
    columns = {"rank": "mean", "rank_ranks": "ranks", "rank_tests": "tests"}
    trainers = [t for t in view.present(ranking) if not pd.isna(ranking[t]["rank"])]
    if len(trainers) < 2:
        return None
    with figure_style():
        figure, axes = canvas(0.8 + 0.28 * max(len(trainers), 4))
        for i, trainer in enumerate(trainers):
            look = view.look(trainer)
            shift = (i - (len(trainers) - 1) / 2) * 0.12 / len(trainers)  # equal ranks stay visible beside each other
            ranks = np.array([ranking[trainer][column] for column in columns], dtype=float) + shift
            axes.plot(range(3), ranks, color=look.color, linestyle=look.line, marker=look.marker, markersize=6)
        last = sorted(trainers, key=lambda t: (ranking[t]["rank_tests"], ranking[t]["rank"]))
        height = 0.0
        for trainer in last:  # names of tied losses move apart
            height = max(ranking[trainer]["rank_tests"], height + 0.62)
            axes.text(2.09, height, view.cut_name(trainer, 30), va="center", fontsize=8)
        axes.set_xticks(range(3), [METHODS[m] for m in columns.values()])
        axes.set_xlim(-0.15, 3.1)
        axes.spines["bottom"].set_bounds(-0.15, 2.1)
        axes.set_ylim(len(trainers) + 0.5, 0.5)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("Rank")
        axes.grid(axis="y")
    same = all(ranking[t]["rank"] == ranking[t]["rank_ranks"] == ranking[t]["rank_tests"] for t in trainers)
    return Figure(
        "The ranking under three methods",
        f"Horizontal lines: the ranking method does not matter. Crossing lines: it does. Tied {view.nouns} share the "
        "better rank.",
        "All three methods give the same order." if same else "The order depends on the ranking method.",
        figure,
        "statistics_ranking",
    )


def by_cases(view: View) -> Figure | None:
    """The mean rank in subsamples of growing size."""
    table = view.statistic("rank_by_n")
    if table is None or table["n"].nunique() < 2:
        return None
    trainers = view.present(set(table["trainer"]))
    with figure_style():
        figure, axes = canvas(3.2 + 0.12 * max(len(trainers) - 8, 0))
        for trainer in trainers:
            mine, look = table[table["trainer"] == trainer].sort_values("n"), view.look(trainer)
            axes.fill_between(mine["n"], mine["rank_low"], mine["rank_high"], color=look.color, alpha=0.06, linewidth=0)
            axes.plot(
                mine["n"], mine["rank_mean"], color=look.color, linestyle=look.line, marker=look.marker, markersize=4
            )
        axes.set_ylim(len(trainers) + 0.3, 0.7)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("Cases in a subsample")
        axes.set_ylabel("Mean rank")
        axes.grid(axis="y", color=RULE)
        axes.tick_params(axis="y", labelcolor=MUTED)
        legend(figure, view, trainers)
    return Figure(
        "Rank against the number of cases",
        f"Lines that have separated and levelled off: these cases suffice to order the {view.nouns}. Lines still "
        "together at the right end: they do not. Bands: 95 % of the subsamples.",
        f"Mean rank of {len(trainers)} {view.nouns} in subsamples of {table['n'].min()} to {table['n'].max()} cases.",
        figure,
        "statistics_rank_by_n",
    )
