"""A legend below a figure, in the order of the ranking."""

from collections.abc import Sequence

from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from nnunet_losses.report.comparison import View
from nnunet_losses.report.style import WIDTH

CHARACTER, HANDLE, LINE = 0.075, 0.55, 0.17  # inches: one of a name, what stands before it, one row of names


def legend(figure: Canvas, view: View, trainers: Sequence[str], *, lines: bool = True, columns: int = 3) -> None:
    """Name the trainers below the figure, each with its colour, dashes and marker.

    Long names get fewer columns, and the figure grows by the rows beyond two, so that the drawing keeps its size.
    """
    handles = []
    for trainer in trainers:
        look = view.look(trainer)
        handles.append(
            Line2D([], [], color=look.color, linestyle=look.line if lines else "none", marker=look.marker, markersize=5)
        )
    names = [view.cut_name(trainer, 30) for trainer in trainers]
    room = int(WIDTH / (CHARACTER * max(map(len, names), default=1) + HANDLE))
    columns = max(1, min(columns, len(trainers), room))
    rows = -(-len(trainers) // columns)
    figure.set_figheight(figure.get_figheight() + LINE * max(rows - 2, 0))
    # The zero-width space keeps a name that starts with "_" from being taken for "no entry".
    labels = ["\u200b" + name for name in names]
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=2.6)
