"""One page of pictures of a data set: how much is foreground, how many lesions, how large, and how unequal."""

from pathlib import Path
from typing import Any

import numpy as np

from nnunet_losses.base.files import write_atomically
from nnunet_losses.data.imbalance import lesion_sizes, size_unit
from nnunet_losses.data.summary import DatasetSummary
from nnunet_losses.report.style import LINES, PALETTE, canvas, figure_style


def write_data_page(summary: DatasetSummary, path: Path) -> None:
    """Draw four panels, a line for each label: shares, counts, sizes, and the Lorenz curve of the sizes.

    Args:
        summary: of the data set.
        path: the SVG file to write.
    """
    with figure_style():
        figure, axes = canvas(5.2, 2, 2)
        for i, label in enumerate(summary.labels):
            look = {"color": PALETTE[i % len(PALETTE)], "linestyle": LINES[i % len(LINES)], "label": label}
            shares = [100 * case.voxels[label] / np.prod(case.shape) for case in summary.cases]
            _cumulative(axes[0, 0], shares, look)
            _cumulative(axes[0, 1], [case.lesions[label] for case in summary.cases], look)
            sizes = np.sort(lesion_sizes(summary, label))
            _cumulative(axes[1, 0], sizes, look)
            if len(sizes):
                share = np.concatenate([[0], np.cumsum(sizes) / sizes.sum()])
                axes[1, 1].plot(np.linspace(0, 100, len(share)), 100 * share, **look)
        axes[1, 1].plot([0, 100], [0, 100], color="#d9dbdf", linewidth=1, zorder=0)
        for ax, x, y in (
            (axes[0, 0], "Foreground of a case (%)", "Cases (%)"),
            (axes[0, 1], "Lesions of a case", "Cases (%)"),
            (axes[1, 0], f"Size of a lesion ({size_unit(summary)})", "Lesions (%)"),
            (axes[1, 1], "Lesions, smallest first (%)", "Share of the foreground (%)"),
        ):
            ax.set_xlabel(x)
            ax.set_ylabel(f"{y[:-4]} up to this (%)" if y.startswith(("Cases", "Lesions")) else y)
        axes[1, 0].set_xscale("log")
        axes[1, 0].xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes[1, 0].xaxis.set_minor_formatter(lambda *_: "")
        axes[0, 0].legend(frameon=False)
        with write_atomically(path) as temporary:
            figure.savefig(temporary, format="svg")


def _cumulative(axes: Any, values: Any, look: dict[str, Any]) -> None:
    ordered = np.sort(np.asarray(values, float))
    if len(ordered):
        axes.step(ordered, 100 * np.arange(1, len(ordered) + 1) / len(ordered), where="post", **look)
