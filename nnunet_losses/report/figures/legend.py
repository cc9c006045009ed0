"""A legend below a figure, in the order of the ranking."""

from collections.abc import Sequence

from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from nnunet_losses.report.names import shorten
from nnunet_losses.report.study import View


def legend(figure: Canvas, view: View, trainers: Sequence[str], *, lines: bool = True, columns: int = 3) -> None:
    """Name the trainers below the figure, each with its colour, dashes and marker."""
    handles = []
    for trainer in trainers:
        look = view.look(trainer)
        handles.append(
            Line2D([], [], color=look.color, linestyle=look.line if lines else "none", marker=look.marker, markersize=5)
        )
    # The zero-width space keeps a name that starts with "_" from being taken for "no entry".
    labels = ["\u200b" + shorten(view.name(trainer), 30) for trainer in trainers]
    figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(trainers)), handlelength=2.6)
