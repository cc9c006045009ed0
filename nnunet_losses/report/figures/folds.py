"""Does the result depend on one fold? Tests with folds as the unit, and the ranking without each fold."""

import numpy as np
import pandas as pd
import seaborn as sns

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View, records
from nnunet_losses.report.figures.matrix import frame, matrix, names_on_top
from nnunet_losses.report.figures.rows import better, height, interval_rows, label_rows, limits, significant
from nnunet_losses.report.numbers import count, decimals, interval, number
from nnunet_losses.report.style import INK, MUTED, canvas, figure_style

STILL = "#f4f5f6"


def test_on_folds(view: View) -> Figure | None:
    """Differences from the baseline with folds as the unit (Nadeau and Bengio), beside those with cases as the unit."""
    tested = view.statistic("fold_test")
    if tested is None or not tested["p"].notna().any():
        return None
    on_folds, on_cases = view.against(view.baseline, tested), view.against(view.baseline)
    trainers = view.present(on_folds)
    if not trainers:
        return None
    digits, folds = decimals(view.metric.unit), int(tested["folds"].max())
    with figure_style():
        figure, axes = canvas(height(len(trainers)), 2, sharey=True, sharex=True)
        for ax, found, key, title in (
            (axes[0], on_folds, "p", f"{count(folds, 'fold')} as the unit"),
            (axes[1], on_cases, "p_holm", "Cases as the unit"),
        ):
            interval_rows(ax, view, trainers, found, sure=significant(key))
            ax.set_title(title)
            ax.set_xlabel(f"{view.noun.capitalize()} − baseline ({better(view.metric)})")
        ends = [row[key] for found in (on_folds, on_cases) for row in found.values() for key in ("low", "high")]
        axes[0].set_xlim(limits([0.0, *ends]))
        label_rows(axes[0], view, trainers)
    told = "; ".join(
        f"{view.name(t)} {interval(row['difference'], row['low'], row['high'], digits, signed=True)}"
        for t, row in ((t, on_folds[t]) for t in trainers)
    )
    return Figure(
        f"{view.metric.long_name}: folds instead of cases as the unit",
        "Left: mean of the folds' differences with the 95 % confidence interval of the corrected resampled t-test, "
        "which accounts for training cases shared between folds (Nadeau and Bengio); filled: p < 5 %, not corrected "
        f"for several {view.nouns}. Right: the paired difference over cases, as in the tables. Where only the right "
        "excludes zero, the cases agree, but there are too few trainings to generalise.",
        f"Differences from the baseline with folds as the unit: {told}.",
        figure,
        "statistics_fold_test",
    )


def leave_one_out(view: View) -> Figure | None:
    """Rank of each loss when the cases of one fold are left out, beside the rank in all cases."""
    table, ranking = view.statistic("leave_one_fold_out"), view.by_trainer("ranking")
    if table is None or not ranking:
        return None
    wide = table.pivot_table(index="trainer", columns="fold", values="rank")
    trainers = [t for t in view.present(wide.index) if not pd.isna(ranking.get(t, {}).get("rank", np.nan))]
    if len(trainers) < 2:
        return None
    full = np.array([ranking[t]["rank"] for t in trainers])
    ranks = np.column_stack([full, wide.loc[trainers].to_numpy()])
    risen = full[:, None] - ranks
    most, moved = max(np.abs(risen).max(), 2), risen != 0
    words = np.array([[number(rank, 0) for rank in row] for row in ranks], dtype=object)
    with figure_style():
        figure, axes = canvas(height(len(trainers), extra=0.95))
        matrix(
            axes, risen, words, colors=sns.blend_palette(["#F3B68A", STILL, "#8FC1E8"], as_cmap=True), least=-most,
            most=most, bold=moved, faint=np.where(moved | (np.arange(ranks.shape[1]) == 0), INK, MUTED),
        )  # fmt: skip
        label_rows(axes, view, trainers)
        names_on_top(axes, ["All cases", *(f"Without fold {fold}" for fold in wide.columns)])
        frame(axes, *ranks.shape)
        axes.axvline(0.5, color=INK, linewidth=1)
    firsts = {str(row["trainer"]) for row in records(table[table["rank"] == 1])}
    kept = firsts == {t for t in trainers if ranking[t]["rank"] == 1}
    return Figure(
        "The ranking without the cases of one fold",
        "Each number is the rank by mean (1 is best). Bold on blue: better than over all cases; bold on orange: worse. "
        f"Colour in the first rows: the winner depends on one fold, that is, on one training of each {view.noun}.",
        f"The same {view.noun} ranks first whichever fold is left out."
        if kept
        else f"Which {view.noun} ranks first depends on the fold left out.",
        figure,
        "statistics_leave_one_fold_out",
    )
