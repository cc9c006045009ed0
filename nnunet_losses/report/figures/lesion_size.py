"""Which lesions are found, by their size."""

from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.numbers import percent
from nnunet_losses.report.style import MUTED, canvas, figure_style

SCHEMES = {"fixed": "By diameter", "quartile": "In four groups of equal size"}


def draw(view: View) -> Figure | None:
    """Share of reference lesions that the prediction touches, by size, with cluster-bootstrap intervals."""
    strata = view.statistic("strata")
    if strata is None or not strata["recall"].notna().any():
        return None
    schemes = [s for s in SCHEMES if strata.loc[strata["scheme"] == s, "recall"].notna().any()]
    trainers = view.present(set(strata["trainer"]))
    with figure_style():
        figure, axes = canvas(2.6 * len(schemes) + 0.7, 1, len(schemes), squeeze=False)
        for ax, scheme in zip(axes[:, 0], schemes, strict=True):
            _panel(ax, view, strata[strata["scheme"] == scheme], trainers)
            ax.set_title(SCHEMES[scheme])
        axes[-1, 0].set_xlabel(f"Diameter of a {view.scale.ball} with the {view.scale.extent} of the lesion")
        legend(figure, view, trainers)
    return Figure(
        "Lesions found, by size",
        "Small lesions are on the left. A lesion counts as found if the prediction covers at least one of its voxels. "
        "Vertical line: 95 % interval of a bootstrap over cases, which keeps the lesions of a case together.",
        f"Share of lesions found from the smallest to the largest: {_told(view, strata, schemes[-1], trainers)}.",
        figure,
        "statistics_strata",
    )


def _panel(axes: Any, view: View, strata: pd.DataFrame, trainers: list[str]) -> None:
    bins = strata.drop_duplicates("stratum").sort_values("low_mm")
    places = {stratum: i for i, stratum in enumerate(bins["stratum"])}
    for i, trainer in enumerate(trainers):
        mine, look = strata[strata["trainer"] == trainer].sort_values("low_mm"), view.look(trainer)
        x = mine["stratum"].map(places).to_numpy(dtype=float)
        x = x + (i - (len(trainers) - 1) / 2) * min(0.1, 0.6 / len(trainers))
        axes.vlines(x, mine["low"], mine["high"], color=look.color, linewidth=1.2, alpha=0.8)
        axes.plot(x, mine["recall"], color=look.color, linestyle=look.line, marker=look.marker, markersize=5)
    names = [f"{row.stratum}\n{row.n:.0f} lesions" for row in bins.itertuples()]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("Lesions found")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0, labelcolor=MUTED)


def _told(view: View, strata: pd.DataFrame, scheme: str, trainers: list[str]) -> str:
    rows = strata[strata["scheme"] == scheme].sort_values("low_mm")
    words = (
        f"{view.name(t)} {', '.join(percent(r) for r in rows.loc[rows['trainer'] == t, 'recall'] if np.isfinite(r))}"
        for t in trainers
    )
    return "; ".join(words)
