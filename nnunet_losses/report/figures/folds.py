"""Does the verdict hang on a fold? Folds as the unit of a test, and the ranking without each fold."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import seaborn as sns

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Row, View, records
from nnunet_losses.report.figures.rows import against, better, height, interval_rows, label_rows
from nnunet_losses.report.numbers import count, decimals, interval, number
from nnunet_losses.report.style import INK, MUTED, canvas, figure_style

STILL = "#f4f5f6"


def test_on_folds(view: View) -> Figure | None:
    """Differences from the baseline with folds as the unit (Nadeau and Bengio), beside those with cases as the unit."""
    tested = view.statistic("fold_test")
    if tested is None or not tested["p"].notna().any():
        return None
    on_folds, on_cases = against(view, view.baseline, tested), against(view, view.baseline)
    trainers = [t for t in view.trainers if t in on_folds]
    if not trainers:
        return None
    digits, folds = decimals(view.metric.unit), int(tested["folds"].max())
    with figure_style():
        figure, axes = canvas(height(len(trainers)), 2, sharey=True, sharex=True)
        for ax, found, key, title in (
            (axes[0], on_folds, "p", f"{count(folds, 'fold')} as the unit"),
            (axes[1], on_cases, "p_holm", "Cases as the unit"),
        ):
            interval_rows(ax, view, trainers, found, sure=_below(key))
            ax.set_title(title)
            ax.set_xlabel(f"Loss − baseline ({better(view)})")
        ends = [row[key] for found in (on_folds, on_cases) for row in found.values() for key in ("low", "high")]
        finite = [end for end in ends if np.isfinite(end)] + [0.0]
        margin = 0.06 * (max(finite) - min(finite)) or 0.05
        axes[0].set_xlim(min(finite) - margin, max(finite) + margin)
        label_rows(axes[0], view, trainers)
    told = "; ".join(
        f"{view.name(t)} {interval(row['difference'], row['low'], row['high'], digits, signed=True)}"
        for t, row in ((t, on_folds[t]) for t in trainers)
    )
    return Figure(
        f"{view.metric.long_name}: folds instead of cases as the unit",
        "Left: mean of the folds' differences with the interval of the corrected resampled t-test, which allows for "
        "folds that share training cases (Nadeau and Bengio); filled: p < 5 %, not corrected for several losses. "
        "Right: the paired difference over cases, as in the tables. Where the right excludes zero and the left "
        "does not, the cases agree but too few trainings do.",
        f"Differences from the baseline with folds as the unit: {told}.",
        figure,
        "statistics_fold_test",
    )


def _below(column: str) -> Callable[[Row], bool]:
    return lambda row: bool(row[column] < 0.05)


def leave_one_out(view: View) -> Figure | None:
    """Rank of each loss when the cases of one fold are left out, beside the rank in all cases."""
    table, ranking = view.statistic("leave_one_fold_out"), view.by_trainer("ranking")
    if table is None or not ranking:
        return None
    wide = table.pivot_table(index="trainer", columns="fold", values="rank")
    trainers = [t for t in view.trainers if t in wide.index and not pd.isna(ranking.get(t, {}).get("rank", np.nan))]
    if len(trainers) < 2:
        return None
    full = np.array([ranking[t]["rank"] for t in trainers])
    ranks = np.column_stack([full, wide.loc[trainers].to_numpy()])
    risen = full[:, None] - ranks
    most = max(np.abs(risen).max(), 2)
    with figure_style():
        figure, axes = canvas(height(len(trainers), extra=0.95))
        axes.pcolormesh(
            np.arange(ranks.shape[1] + 1) - 0.5, np.arange(len(trainers) + 1) - 0.5, risen, vmin=-most, vmax=most,
            cmap=sns.blend_palette(["#F3B68A", STILL, "#8FC1E8"], as_cmap=True), edgecolors="#ffffff", linewidth=2,
        )  # fmt: skip
        for (row, column), rank in np.ndenumerate(ranks):
            moved = risen[row, column] != 0
            axes.text(
                column, row, number(rank, 0), ha="center", va="center", fontsize=8,
                color=INK if moved or column == 0 else MUTED, fontweight="bold" if moved else "normal",
            )  # fmt: skip
        label_rows(axes, view, trainers)
        axes.grid(visible=False)
        axes.set_ylim(len(trainers) - 0.5, -0.5)
        axes.axvline(0.5, color=INK, linewidth=1)
        names = ["All cases", *(f"Without fold {fold}" for fold in wide.columns)]
        slanted = len(names) > 6
        axes.set_xticks(range(len(names)), names, rotation=35 if slanted else 0, ha="left" if slanted else "center")
        axes.tick_params(axis="x", length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
        axes.spines[:].set_visible(False)
    firsts = {str(row["trainer"]) for row in records(table[table["rank"] == 1])}
    kept = firsts == {t for t in trainers if ranking[t]["rank"] == 1}
    return Figure(
        "The ranking without the cases of one fold",
        "A number is the rank by mean (1 is best). Bold on blue: better than in all cases; bold on orange: worse. "
        "Colour in the first rows: the winner depends on one fold, that is on one training of each loss.",
        "The same loss is first whichever fold is left out." if kept else "Who is first depends on the fold left out.",
        figure,
        "statistics_leave_one_fold_out",
    )
