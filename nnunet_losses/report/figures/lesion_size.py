"""Which lesions are found, by their size."""

import numpy as np
import pandas as pd

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.figures.resample import case_weights
from nnunet_losses.report.numbers import percent
from nnunet_losses.report.study import View
from nnunet_losses.report.style import MUTED, canvas, figure_style

GROUPS = 4


def draw(view: View) -> Figure | None:
    """Share of reference lesions touched by the prediction, in four groups of equal number by diameter."""
    lesions = view.table("lesions")
    if lesions is None:
        return None
    lesions = lesions[lesions["side"] == "reference"]
    if lesions.empty:
        return None
    edges = np.unique(np.quantile(lesions["diameter_mm"], np.linspace(0, 1, GROUPS + 1)))
    group = np.clip(np.searchsorted(edges, lesions["diameter_mm"], side="right") - 1, 0, max(len(edges) - 2, 0))
    lesions = lesions.assign(group=group)
    groups, trainers = int(group.max()) + 1, [t for t in view.trainers if (lesions["trainer"] == t).any()]
    told: list[str] = []
    with figure_style():
        figure, axes = canvas(3.4)
        for i, trainer in enumerate(trainers):
            recall, low, high = _recall(lesions[lesions["trainer"] == trainer], groups, view.study.seed)
            look, x = (
                view.look(trainer),
                np.arange(groups) + (i - (len(trainers) - 1) / 2) * min(0.1, 0.6 / len(trainers)),
            )
            axes.vlines(x, low, high, color=look.color, linewidth=1.2, alpha=0.8)
            axes.plot(x, recall, color=look.color, linestyle=look.line, marker=look.marker, markersize=5)
            told.append(f"{view.name(trainer)} {', '.join(percent(r) for r in recall)}")
        reference = lesions[lesions["trainer"] == trainers[0]]
        counts = reference["group"].value_counts()
        axes.set_xticks(range(groups), [_range(edges, g) + f"\n{counts.get(g, 0)} lesions" for g in range(groups)])
        axes.set_ylim(-0.03, 1.03)
        axes.set_ylabel("Lesions found")
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0, labelcolor=MUTED)
        axes.set_xlabel("Diameter of a sphere of the same volume")
        legend(figure, view, trainers)
    return Figure(
        "Lesions found, by size",
        "Reference lesions in groups of equal number, the smallest on the left; a lesion is found if the prediction touches "
        "it in at least one voxel. Line: 95 % interval (bootstrap of cases, so lesions of one patient stay together).",
        f"Share of lesions found from the smallest to the largest group: {'; '.join(told)}.",
        figure,
        "lesions",
    )


def _recall(lesions: pd.DataFrame, groups: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Recall per group, and the 95 % limits of a bootstrap over cases."""
    table = lesions.assign(matched=lesions["matched"].astype(float)).pivot_table(
        index="case", columns="group", values="matched", aggfunc=["sum", "count"], fill_value=0
    )
    found = table["sum"].reindex(columns=range(groups), fill_value=0).to_numpy(dtype=float)
    total = table["count"].reindex(columns=range(groups), fill_value=0).to_numpy(dtype=float)
    weights = case_weights(len(table), seed)
    with np.errstate(invalid="ignore"):
        draws = (weights @ found) / (weights @ total)
        recall = found.sum(axis=0) / total.sum(axis=0)
    low, high = np.full(groups, np.nan), np.full(groups, np.nan)
    for g in range(groups):
        finite = draws[np.isfinite(draws[:, g]), g]
        if finite.size:
            low[g], high[g] = np.quantile(finite, [0.025, 0.975])
    return recall, low, high


def _range(edges: np.ndarray, group: int) -> str:
    if len(edges) < 2:
        return f"{edges[0]:.1f} mm"
    return f"{edges[group]:.1f}–{edges[group + 1]:.1f} mm"
