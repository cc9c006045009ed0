"""Whether a predicted probability is the frequency of being right."""

import numpy as np

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.numbers import number
from nnunet_losses.report.style import MUTED, canvas, figure_style


def draw(view: View) -> Figure | None:
    """Share of foreground against predicted probability, voxels of all cases pooled."""
    bins = view.table("calibration")
    if bins is None or not (bins["count"] > 0).any():
        return None
    trainers, gaps = view.present(set(bins["trainer"])), []
    with figure_style():
        figure, axes = canvas(4.4, width=5.4)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
        for trainer in trainers:
            mine = bins[(bins["trainer"] == trainer) & (bins["count"] > 0)]
            weighted = mine.assign(p=mine["confidence"] * mine["count"], g=mine["accuracy"] * mine["count"])
            pooled = weighted.groupby("bin")[["count", "p", "g"]].sum()
            predicted, true = pooled["p"] / pooled["count"], pooled["g"] / pooled["count"]
            look = view.look(trainer)
            axes.plot(predicted, true, color=look.color, linestyle=look.line, marker=look.marker, markersize=5)
            gap = float(np.average(np.abs(predicted - true), weights=pooled["count"]))
            gaps.append(f"{view.name(trainer)} {number(gap)}")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("Predicted probability of foreground")
        axes.set_ylabel("Share of voxels that are foreground")
        axes.grid()
        legend(figure, view, trainers)
    return Figure(
        "Reliability of the probabilities",
        "On the dashed line, 70 % of the voxels with a probability of 0.7 are foreground. Below it, the network is "
        "overconfident of the foreground; above it, underconfident. Voxels within a margin around the reference "
        "lesions, pooled over all cases.",
        f"Mean gap between predicted and observed share (expected calibration error): {'; '.join(gaps)}.",
        figure,
        "calibration",
    )
