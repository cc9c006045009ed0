"""Published against reproduced values of each measure."""

from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Row, View, records
from nnunet_losses.report.figures.rows import limits
from nnunet_losses.report.names import shorten
from nnunet_losses.report.numbers import count, number
from nnunet_losses.report.style import INK, MUTED, PALETTE, canvas, figure_style
from nnunet_losses.report.tables.published import measure_name

MOST_PLOTS, COLUMNS = 6, 3


def draw(view: View) -> Figure | None:
    """A plot for each measure with at least three losses: published value over reproduced one."""
    rows, taus = view.statistic("reproduction"), view.statistic("agreement")
    if rows is None or taus is None:
        return None
    shown = taus[taus["tau"].notna()].head(MOST_PLOTS)
    if shown.empty:
        return None
    columns = min(COLUMNS, len(shown))
    with figure_style():
        figure, axes = canvas(2.7 * -(-len(shown) // columns), columns, -(-len(shown) // columns), squeeze=False)
        for place, tau in zip(axes.flat, records(shown), strict=False):
            _plot(place, _own(rows, tau), tau)
        for place in list(axes.flat)[len(shown) :]:
            place.set_axis_off()
        axes[-1][0].set_xlabel("reproduced")
        axes[0][0].set_ylabel("published")
    clear = int((shown["low"] > 0).sum())
    return Figure(
        "Published against reproduced values",
        f"Each dot is a {view.noun}; the horizontal bar is our 95 % interval over cases. Dots that rise from left to "
        "right: the order is the published one. The dashed line marks equal values; it is drawn where the data are the "
        "same. Reproduced values are by the published procedure where we have it.",
        f"{count(len(shown), 'measure')}; in {clear} of them the interval of Kendall's τ lies above 0.",
        figure,
        "statistics_reproduction",
    )


def _own(rows: pd.DataFrame, tau: Row) -> pd.DataFrame:
    keys = ["variant", "data", "published_label", "measure", "procedure"]
    own = rows[(rows[keys] == pd.Series({key: tau[key] for key in keys})).all(axis=1)]
    value = own["by_procedure"].fillna(own["reproduced"])
    return own.assign(value=value).dropna(subset=["value"])


def _plot(place: Any, own: pd.DataFrame, tau: Row) -> None:
    x, y = own["value"].to_numpy(), own["published"].to_numpy()
    shift = x - own["reproduced"].fillna(own["value"]).to_numpy()  # the interval is that of our definition
    low, high = own["low"].to_numpy() + shift, own["high"].to_numpy() + shift
    place.hlines(y, low, high, color=MUTED, linewidth=0.8)
    place.plot(x, y, "o", color=PALETTE[0], markersize=4)
    if tau["same_data"]:
        ends = limits(np.concatenate([x, y]))
        place.plot(ends, ends, color=INK, linestyle=(0, (4, 2)), linewidth=0.8)
    title = measure_name(tau).partition(", as the")[0]
    place.set_title(f"{shorten(title, 34)}\n{shorten(str(tau['data']), 36)}", fontsize=7.5)
    told = f"τ = {number(tau['tau'], 2)}"
    place.annotate(told, (0.03, 0.97), xycoords="axes fraction", va="top", fontsize=8, color=INK)
