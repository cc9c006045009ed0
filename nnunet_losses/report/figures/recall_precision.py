"""Where each loss operates: recall against precision, with the uncertainty of both."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.patches import Ellipse

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.figures.resample import case_weights
from nnunet_losses.report.numbers import number
from nnunet_losses.report.style import MUTED, RULE, canvas, figure_style

PANELS = (("precision", "recall", "Voxels"), ("lesion_precision", "lesion_recall", "Lesions"))
CHI2_95 = 5.991464547107979  # 95 % quantile of the chi-squared distribution with two degrees of freedom


def draw(view: View) -> Figure | None:
    """Mean recall over mean precision per loss with 95 % bootstrap ellipses; voxels and lesions."""
    panels = []
    for precision, recall, title in PANELS:
        x, y = view.of_metric(precision).values, view.of_metric(recall).values
        if not x.empty and not y.empty:
            panels.append((title, x, y))
    if not panels:
        return None
    told: list[str] = []
    with figure_style():
        figure, axes = canvas(4.0 if len(panels) > 1 else 4.6, len(panels), squeeze=False)
        for ax, (title, x, y) in zip(axes[0], panels, strict=True):
            told += _panel(ax, view, title, x, y)
        legend(figure, view, [t for t in view.trainers if any(t in x and t in y for _, x, y in panels)])
    return Figure(
        "Recall against precision",
        "Up: more of the reference is found; right: less is invented. Dot: mean over cases; ellipse: 95 % bootstrap "
        "region of that mean. Along a grey curve the harmonic mean of the two (F1) is the same.",
        f"Mean precision and recall. {'; '.join(told)}.",
        figure,
        "cases",
    )


def _panel(axes: Any, view: View, title: str, precision: pd.DataFrame, recall: pd.DataFrame) -> list[str]:
    told, corners = [], []
    for trainer in view.trainers:
        if trainer not in precision or trainer not in recall:
            continue
        both = pd.DataFrame({"x": precision[trainer], "y": recall[trainer]}).dropna().to_numpy()
        if not len(both):
            continue
        mean, look = both.mean(axis=0), view.look(trainer)
        axes.plot(*mean, look.marker, color=look.color, markersize=6.5, zorder=3)
        corners += [both.mean(axis=0)]
        if len(both) > 2:
            draws = case_weights(len(both), view.comparison.seed) @ both / len(both)
            axes.add_patch(_ellipse(mean, np.cov(draws.T), look))
            corners += [mean + 2.6 * draws.std(axis=0), mean - 2.6 * draws.std(axis=0)]
        told.append(f"{title}, {view.name(trainer)}: {number(mean[0], 2)} and {number(mean[1], 2)}")
    low, high = np.clip(np.min(corners, 0) - 0.03, -0.02, 1), np.clip(np.max(corners, 0) + 0.03, 0.02, 1.02)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    _f1_curves(axes)
    axes.set_title(title)
    axes.set_xlabel("Precision")
    axes.set_ylabel("Recall")
    return told


def _ellipse(mean: np.ndarray, covariance: np.ndarray, look: Any) -> Ellipse:
    """The ellipse that holds 95 % of a normal distribution with this covariance."""
    variances, directions = np.linalg.eigh(covariance)
    width, height = 2 * np.sqrt(CHI2_95 * np.clip(variances, 0, None))
    angle = np.degrees(np.arctan2(directions[1, 0], directions[0, 0]))
    return Ellipse(
        tuple(mean),
        width,
        height,
        angle=angle,
        facecolor="none",
        edgecolor=look.color,
        linestyle=look.line,
        linewidth=1.2,
    )


def _f1_curves(axes: Any) -> None:
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for f1 in np.arange(0.1, 1.0, 0.1):
        x = np.linspace(f1 / 2 + 1e-3, 1.02, 200)
        y = f1 * x / (2 * x - f1)
        axes.plot(x, y, color=RULE, linewidth=0.7, zorder=0)
        inside = (x > left) & (x < right) & (y > bottom) & (y < top)
        if inside.sum() > 3:
            last = np.nonzero(inside)[0][-1]
            axes.annotate(f"{f1:.1f}", (x[last], y[last]), fontsize=6.5, color=MUTED, ha="right", va="bottom", zorder=0)
