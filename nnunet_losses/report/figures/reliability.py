"""Whether a predicted probability is the frequency of being right."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.numbers import number
from nnunet_losses.report.style import MUTED, canvas, figure_style
from nnunet_losses.statistics.tables.calibration import AFTER

HOW = (
    "On the dashed line, 70 % of the voxels with a probability of 0.7 are foreground. Below it, the network is "
    "overconfident of the foreground; above it, underconfident. Voxels within a margin around the reference lesions, "
    "pooled over all cases."
)


def draw(view: View) -> Figure | None:
    """Share of foreground against predicted probability, voxels of all cases pooled."""
    bins = view.table("calibration")
    if bins is None or not (bins["count"] > 0).any():
        return None
    filled = bins[bins["count"] > 0]
    weighted = filled.assign(
        confidence=filled["confidence"] * filled["count"], accuracy=filled["accuracy"] * filled["count"]
    )
    pooled = weighted.groupby(["trainer", "bin"])[["count", "confidence", "accuracy"]].sum().reset_index()
    for share in ("confidence", "accuracy"):
        pooled[share] /= pooled["count"]
    figure, gaps = _curves(view, pooled)
    return Figure(
        "Reliability of the probabilities",
        HOW,
        f"Mean gap between predicted and observed share (expected calibration error): {gaps}.",
        figure,
        "calibration",
    )


def scaled(view: View) -> Figure | None:
    """The same after temperature scaling; None if there is no other fold to fit a temperature on."""
    bins = view.statistic("reliability")
    if bins is None or not (bins["scaling"] == AFTER).any():
        return None
    figure, gaps = _curves(view, bins[bins["scaling"] == AFTER])
    return Figure(
        "Reliability after temperature scaling",
        f"{HOW} The log-odds were divided by one number for each training, fitted on its other folds. A curve that is "
        "still off the dashed line has a fault that one number cannot mend.",
        f"Mean gap between predicted and observed share after scaling: {gaps}.",
        figure,
        "statistics_reliability",
    )


def _curves(view: View, bins: pd.DataFrame) -> tuple[Canvas, str]:
    """The curves of all trainers, and the mean gap of each in words.

    bins: trainer, bin, count, confidence, accuracy; one row for each bin with voxels.
    """
    trainers, gaps = view.present(set(bins["trainer"])), []
    with figure_style():
        figure, axes = canvas(4.4, width=5.4)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
        for trainer in trainers:
            mine = bins[bins["trainer"] == trainer].sort_values("bin")
            look = view.look(trainer)
            axes.plot(
                mine["confidence"], mine["accuracy"], color=look.color, linestyle=look.line, marker=look.marker,
                markersize=5,
            )  # fmt: skip
            gap = float(np.average(np.abs(mine["confidence"] - mine["accuracy"]), weights=mine["count"]))
            gaps.append(f"{view.name(trainer)} {number(gap)}")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("Predicted probability of foreground")
        axes.set_ylabel("Share of voxels that are foreground")
        axes.grid()
        legend(figure, view, trainers)
    return figure, "; ".join(gaps)
