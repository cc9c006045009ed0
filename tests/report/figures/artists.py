"""What the artists of a figure hold, as plain numbers."""

from typing import Any

import numpy as np


def marks(axes: Any) -> list[tuple[float, float]]:
    """Places of the lines that are a single marker, in the order in which they were drawn."""
    return [(x[0], y[0]) for x, y in map(_data, axes.lines) if len(x) == 1]


def intervals(axes: Any) -> list[tuple[float, float, float]]:
    """Left end, right end and height of the horizontal solid lines between two points."""
    two = [_data(line) for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"]
    return [(x[0], x[1], y[0]) for x, y in two if y[0] == y[1]]


def curves(axes: Any) -> list[tuple[list[float], list[float]]]:
    """Points of the lines with more than two."""
    return [(list(x), list(y)) for x, y in map(_data, axes.lines) if len(x) > 2]


def offsets(collection: Any) -> np.ndarray:
    """Places of the marks of a scatter plot."""
    return np.asarray(collection.get_offsets())


def words(axes: Any) -> list[str]:
    """The texts in the axes, in the order in which they were written."""
    return [text.get_text() for text in axes.texts]


def colors(axes: Any) -> np.ndarray:
    """The values that a matrix of colours shows, row by row."""
    (mesh,) = axes.collections
    return np.ma.filled(mesh.get_array(), np.nan)


def ticks(axis: Any) -> list[str]:
    """The words at the ticks of an axis."""
    return [label.get_text() for label in axis.get_ticklabels()]


def _data(line: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)
