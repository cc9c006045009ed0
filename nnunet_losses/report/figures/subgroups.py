"""Differences from the baseline in subgroups of the cases, as a forest plot."""

import numpy as np

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Row, View, records
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.figures.rows import bare_rows, better, limits, long_name, no_difference
from nnunet_losses.report.numbers import SIGNIFICANT, decimals, equals, interval
from nnunet_losses.report.style import MUTED, PAPER, canvas, figure_style

MOST_LOSSES, MOST_ROWS = 4, 60


def draw(view: View) -> Figure | None:
    """A row per group, headed by its covariate; a mark with its interval per loss, of at most four losses.

    Of more losses, those are drawn whose differences depend most on a covariate; the table has all.
    """
    tests, groups = view.statistic("interactions"), view.statistic("subgroups")
    if tests is None or groups is None or not np.isfinite(groups["difference"]).any():
        return None
    smallest = tests.groupby("trainer")["p"].min().fillna(1.0)
    chosen = sorted(smallest.index, key=lambda t: (smallest[t], view.trainers.index(t)))[:MOST_LOSSES]
    drawn = [trainer for trainer in view.trainers if trainer in chosen]
    rows: list[tuple[str, str | None]] = []
    for name, own in groups.groupby("covariate", sort=False):
        rows.append((str(name), None))
        rows += [(str(name), str(level)) for level in own.sort_values("position")["level"].unique()]
    rows = rows[:MOST_ROWS]
    with figure_style():
        figure, axes = canvas(0.75 + len(rows) * max(0.26, 0.1 * len(drawn) + 0.12))
        no_difference(axes)
        marks = groups[groups["trainer"].isin(drawn)]
        cells = {(row["covariate"], row["level"], row["trainer"]): row for row in records(marks)}
        labels = []
        for place, (name, level) in enumerate(rows):
            if level is None:
                labels.append(_headline(records(tests[tests["covariate"] == name])))
                continue
            labels.append(f"{level} (n = {cells[name, level, drawn[0]]['n']})")
            for k, trainer in enumerate(drawn):
                row, look = cells[name, level, trainer], view.look(trainer)
                y = place + (k - (len(drawn) - 1) / 2) * 0.6 / max(len(drawn), 1)
                axes.plot([row["low"], row["high"]], [y, y], color=look.color, linewidth=1.5)
                axes.plot(
                    row["difference"], y, look.marker, color=look.color, markersize=4.5,
                    markerfacecolor=look.color if np.isfinite(row["low"]) else PAPER,
                )  # fmt: skip
        axes.set_yticks(range(len(rows)), labels)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        bare_rows(axes)
        for text, (_, level) in zip(axes.get_yticklabels(), rows, strict=True):
            text.set_fontweight("bold" if level is None else "normal")
            text.set_color(text.get_color() if level is None else MUTED)
        axes.set_xlim(limits([0.0, *marks[["difference", "low", "high"]].to_numpy(dtype=float).ravel()]))
        axes.set_xlabel(f"{long_name(view)}: {view.noun} minus baseline ({better(view.metric)})")
        legend(figure, view, drawn, lines=False)
    digits = decimals(view.metric.unit)
    told = [
        f"{view.name(row['trainer'])}, {row['covariate']} {row['level']}: "
        f"{interval(row['difference'], row['low'], row['high'], digits, signed=True)}"
        for row in records(marks)
    ]
    some = (
        ""
        if len(drawn) == len(smallest)
        else f" Drawn are the {len(drawn)} {view.nouns} that depend most on a covariate."
    )
    return Figure(
        f"{view.metric.long_name}: differences from {view.name(view.comparison.baseline)} in subgroups",
        "A mark and its line are the Hodges-Lehmann difference from the baseline in the cases of one group, with its "
        "95 % interval; a hollow mark has too few cases for one. Beside each covariate stands the smallest p of the "
        f"test that the difference is the same in all its groups, corrected over covariates and {view.nouns}.{some}",
        f"Differences with 95 % confidence intervals: {'; '.join(told)}.",
        figure,
        "statistics_subgroups",
    )


def _headline(rows: list[Row]) -> str:
    """A covariate, and the smallest p of its tests."""
    p = min((row["p_holm"] for row in rows if np.isfinite(row["p_holm"])), default=np.nan)
    name = str(rows[0]["covariate"])
    if np.isnan(p):
        return f"{name}: not tested"
    return f"{name}: p {equals(p)}" + (" *" if p < SIGNIFICANT else "")
