"""Curves drawn with characters."""

from collections.abc import Mapping, Sequence

HEIGHT = 9


def draw_curves(curves: Mapping[str, Sequence[float]], *, height: int = HEIGHT) -> list[str]:
    """Lines of a plot, highest value first. A column is a value; the key of a curve is the character that draws it.

    Where curves meet, the first one is drawn. Values that are not finite are left out.
    """
    finite = [v for values in curves.values() for v in values if abs(v) < float("inf")]
    low, high = min(finite), max(finite)
    step = (high - low) / (height - 1) or 1.0
    columns = max(map(len, curves.values()))
    canvas = [[" "] * columns for _ in range(height)]
    for mark, values in reversed(list(curves.items())):
        for column, value in enumerate(values):
            if abs(value) < float("inf"):
                canvas[height - 1 - round((value - low) / step)][column] = mark
    edge = {0: f"{high:.3g}", height - 1: f"{low:.3g}"}
    return [f"{edge.get(row, ''):>10} ┤{''.join(line).rstrip()}" for row, line in enumerate(canvas)]
