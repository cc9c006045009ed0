"""Detection of lesions at every threshold: FROC and precision-recall curves with bootstrap bands."""

from typing import Any

import pandas as pd

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.figures.rows import height, interval_rows, label_rows
from nnunet_losses.report.numbers import count, enumerate_words, interval
from nnunet_losses.report.style import canvas, figure_style
from nnunet_losses.report.tables.detection import MEASURES

MOST_BANDS = 8  # with more losses the bands hide each other


def draw(view: View) -> Figure | None:
    """FROC and precision-recall curves of the lesion candidates, beside each other."""
    froc, precision = view.statistic("froc_curve"), view.statistic("pr_curve")
    panels: list[tuple[pd.DataFrame, str, str, str, str]] = []
    if froc is not None and froc["recall"].notna().any():
        panels.append((froc, "fp_per_case", "recall", "False positives per case", "Lesions found"))
    if precision is not None and precision["precision"].notna().any():
        panels.append((precision, "recall", "precision", "Lesions found", "Candidates that are true"))
    if not panels:
        return None
    trainers = view.present({t for frame, *_ in panels for t in frame["trainer"]})
    with figure_style():
        figure, axes = canvas(3.9, len(panels), squeeze=False)
        for ax, (frame, x, y, x_label, y_label) in zip(axes[0], panels, strict=True):
            for trainer in trainers:
                _curve(ax, view, trainer, frame[frame["trainer"] == trainer], x, y, len(trainers) <= MOST_BANDS)
            ax.set_xlabel(x_label)
            ax.set_ylabel(y_label)
            ax.set_ylim(-0.02, 1.02)
            ax.set_xlim(left=0)
            ax.grid()
            ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
            if x == "recall":
                ax.set_xlim(0, 1.02)
                ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        legend(figure, view, trainers)
    kinds = ["FROC" if x == "fp_per_case" else "precision-recall" for _, x, *_ in panels]
    return Figure(
        f"Detection of lesions: {enumerate_words(kinds)} curve{'s' if len(kinds) > 1 else ''}",
        "Every predicted component is a candidate, scored by its largest log-odds; a curve runs over all thresholds "
        "of that score. Closer to the upper left (FROC) or the upper right (precision-recall) is better. Bands: 95 % "
        "bootstrap intervals over cases.",
        f"Curves of {count(len(trainers), view.noun, view.nouns)}; the table below gives their measures.",
        figure,
        "statistics_froc_curve" if kinds[0] == "FROC" else "statistics_pr_curve",
    )


def _curve(axes: Any, view: View, trainer: str, rows: pd.DataFrame, x: str, y: str, band: bool) -> None:
    look, rows = view.look(trainer), rows.sort_values(x)
    if band:
        axes.fill_between(rows[x], rows["low"], rows["high"], color=look.color, alpha=0.09, linewidth=0)
    axes.plot(
        rows[x], rows[y], color=look.color, linestyle=look.line, marker=look.marker, markersize=4,
        markevery=max(len(rows) // 6, 1),
    )  # fmt: skip


def differences(view: View) -> Figure | None:
    """Paired differences from the baseline in the measures of the curves, with bootstrap intervals over cases."""
    pairs = view.statistic("froc_pairwise")
    if pairs is None:
        return None
    found = {m: view.against(view.baseline, pairs[pairs["measure"] == m]) for m in MEASURES}
    trainers = view.present({t for rows in found.values() for t in rows})
    if not trainers:
        return None
    with figure_style():
        figure, axes = canvas(height(len(trainers), extra=0.95), len(MEASURES), sharey=True)
        for ax, (measure, title) in zip(axes, MEASURES.items(), strict=True):
            interval_rows(ax, view, trainers, found[measure], sure=lambda row: row["low"] > 0 or row["high"] < 0)
            ax.set_title(title)
            ax.set_xlabel(f"{view.noun.capitalize()} − baseline")
        label_rows(axes[0], view, trainers)
    told = "; ".join(
        f"{view.name(t)} {interval(row['difference'], row['low'], row['high'], signed=True)}"
        for t, row in found["cpm"].items()
    )
    return Figure(
        "Detection of lesions: paired differences from the baseline",
        f"Right of the dashed line: better. Marker and line: {view.noun} minus baseline with its 95 % bootstrap "
        "interval, from "
        "the same resampled cases for both; filled if the interval excludes zero (not corrected for several "
        f"{view.nouns}). "
        "CPM: mean recall at 1/8 to 8 false positives per case. Average recall: mean recall at 0 to 5 false positives "
        "per case. Average precision: area under the precision-recall curve.",
        f"Differences in CPM: {told or 'none'}.",
        figure,
        "statistics_froc_pairwise",
    )
