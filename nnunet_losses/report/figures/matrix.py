"""Matrices of cells, each with a colour and a word, shared by many figures."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnunet_losses.report.comparison import View
from nnunet_losses.report.names import cut_names
from nnunet_losses.report.style import INK, NEUTRAL, PAPER

ROOMY = 9  # columns up to which long names fit above them
MOST_SLANTED = 24  # columns whose names fit beside each other at a slant


def matrix(
    axes: Any,
    shades: np.ndarray,
    words: np.ndarray,
    *,
    colors: Any,
    least: float,
    most: float,
    bold: np.ndarray | None = None,
    faint: np.ndarray | None = None,
) -> None:
    """Draw a cell for every entry of ``shades`` (rows × columns), the first row on top; NaN leaves the ground.

    Args:
        axes: rows are at 0, 1, … on y, columns on x.
        shades: what chooses the colour of a cell, between ``least`` and ``most``.
        words: what is written in a cell, of the same shape.
        colors: colour map.
        least: value of the first colour.
        most: value of the last colour.
        bold: cells whose word is bold.
        faint: colour of each word; ink if absent.
    """
    rows, columns = shades.shape
    axes.set_facecolor(NEUTRAL)
    axes.pcolormesh(
        np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5, np.ma.masked_invalid(shades), vmin=least, vmax=most,
        cmap=colors, edgecolors=PAPER, linewidth=2,
    )  # fmt: skip
    for (row, column), word in np.ndenumerate(words):
        if word:
            axes.text(
                column, row, word, ha="center", va="center", fontsize=8, in_layout=False,
                color=INK if faint is None else faint[row, column],
                fontweight="bold" if bold is not None and bold[row, column] else "normal",
            )  # fmt: skip
    frame(axes, rows, columns)


def frame(axes: Any, rows: int, columns: float) -> None:
    """The limits of a matrix, without spines, ticks and grid."""
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def names_on_top(axes: Any, names: Sequence[str]) -> None:
    """Write names above the columns, turned as far as they need to be."""
    k = len(names)
    shown = cut_names(names, 24 if k <= ROOMY else 22)
    angle = 90 if k > MOST_SLANTED else 35 if k > 6 or k * max(map(len, shown)) > 70 else 0
    axes.set_xticks(range(k), shown, rotation=angle, ha="left" if angle == 35 else "center")
    axes.tick_params(axis="x", length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    if k > MOST_SLANTED:
        axes.tick_params(axis="x", labelsize=6)


def label_columns(axes: Any, view: View, trainers: Sequence[str]) -> None:
    """Write the trainers' short names above the columns."""
    names_on_top(axes, [view.name(trainer) for trainer in trainers])
