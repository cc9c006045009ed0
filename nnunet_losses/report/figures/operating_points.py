"""What each loss gains in one metric and pays in another: means of two metrics, their uncertainty, and the front."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.patches import Ellipse

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Row, View, rows_by
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.figures.rows import better, limits, mean_of
from nnunet_losses.report.names import in_sentence
from nnunet_losses.report.numbers import decimals, enumerate_words, interval, percent, unit_suffix
from nnunet_losses.report.style import MUTED, PAPER, RULE, Look, canvas, figure_style

Axes = tuple[str, str]

RECALL_PRECISION: tuple[Axes, ...] = (("recall", "precision"), ("lesion_recall", "lesion_precision"))
"""Pairs of metrics whose harmonic mean is a metric of its own, F1."""
CHI2_95 = 5.991464547107979  # 95 % quantile of the chi-squared distribution with two degrees of freedom
COLUMNS = 2


def recall_precision(view: View) -> Figure | None:
    """Mean precision over mean recall of each loss; voxels and lesions."""
    return _draw(view, "Precision against recall", [axes for axes in RECALL_PRECISION if axes in known_pairs(view)])


def further(view: View) -> Figure | None:
    """The other pairs of metrics that the statistics compare."""
    pairs = [axes for axes in known_pairs(view) if axes not in RECALL_PRECISION]
    names = [" and ".join(in_sentence(view.of_metric(name).metric.long_name) for name in axes) for axes in pairs]
    return _draw(view, f"Operating points: {enumerate_words(names)}" if names else "", pairs)


def points(view: View, axes: Axes) -> dict[str, Row]:
    """The rows of the statistics for one pair of metrics, by trainer."""
    table = view.statistic("pareto")
    if table is None:
        return {}
    here = (table["metric_x"] == axes[0]) & (table["metric_y"] == axes[1]) & table["x"].notna() & table["y"].notna()
    return rows_by(table[here], "trainer")


def known_pairs(view: View) -> list[Axes]:
    """The pairs of metrics of which any loss has a point."""
    table = view.statistic("pareto")
    if table is None:
        return []
    pairs = table[["metric_x", "metric_y"]].drop_duplicates().itertuples(index=False, name=None)
    return [(str(x), str(y)) for x, y in pairs if points(view, (str(x), str(y)))]


def _draw(view: View, title: str, pairs: list[Axes]) -> Figure | None:
    if not pairs:
        return None
    rows = -(-len(pairs) // COLUMNS)
    columns = min(len(pairs), COLUMNS)
    told: list[str] = []
    tips: dict[str, list[str]] = {}
    with figure_style():
        figure, axes = canvas(0.6 + 3.4 * rows if columns > 1 else 4.6, columns, rows, squeeze=False)
        for ax in axes.flat[len(pairs) :]:
            ax.axis("off")
        for ax, pair in zip(axes.flat, pairs, strict=False):
            told += _panel(ax, view, pair, tips)
        legend(figure, view, view.present({t for pair in pairs for t in points(view, pair)}))
    curves = " Along a grey curve, the harmonic mean of the two (F1) is constant." if _any_f1(pairs) else ""
    return Figure(
        title,
        f"{_best(view, pairs)} Dot: means over the cases in which both metrics are defined; ellipse: 95 % confidence "
        f"region of the two means. A filled dot is on the Pareto front: no other {view.noun} is better in one of the "
        f"two metrics and at least as good in the other.{curves}",
        f"{'; '.join(told)}.",
        figure,
        "statistics_pareto",
        tips,
    )


def _best(view: View, pairs: list[Axes]) -> str:
    """Which corner is best, in words, if it is the same in all panels."""
    corners = {tuple(view.of_metric(name).metric.higher_is_better for name in pair) for pair in pairs}
    if len(corners) > 1:
        return "The arrows at the axes say which way is better."
    right, up = corners.pop()
    return f"The {'upper' if up else 'lower'} {'right' if right else 'left'} corner is best."


def _any_f1(pairs: Iterable[Axes]) -> bool:
    return any(pair in RECALL_PRECISION for pair in pairs)


def _panel(axes: Any, view: View, pair: Axes, tips: dict[str, list[str]]) -> list[str]:
    """One pair of metrics; what is told of it, and a tooltip for every dot."""
    found, metrics = points(view, pair), [view.of_metric(name).metric for name in pair]
    told: list[str] = []
    corners: list[np.ndarray] = []
    for trainer in view.present(found):
        point, look = found[trainer], view.look(trainer)
        mean = np.array([point["x"], point["y"]])
        spread = np.array([[point["var_x"], point["cov_xy"]], [point["cov_xy"], point["var_y"]]])
        (dot,) = axes.plot(
            *mean, look.marker, color=look.color, markersize=6.5, markeredgewidth=1.3, zorder=3,
            markerfacecolor=look.color if point["on_front"] else PAPER,
        )  # fmt: skip
        axes.add_patch(ellipse(mean, spread, look))
        reach = 2.6 * np.sqrt(np.diag(spread))
        corners += [mean - reach, mean + reach]
        name, means = view.name(trainer), words(view, pair, point)
        dot.set_gid(f"point-{'-'.join(pair)}-{len(told)}")
        tips[dot.get_gid()] = [f"{name}: {means}; on the front in {percent(point['p_front'])} of bootstrap samples"]
        told.append(f"{name}: {means}{', on the front' if point['on_front'] else ''}")
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    axes.set_xlim(limits([low[0], high[0]], metrics[0].bounds))
    axes.set_ylim(limits([low[1], high[1]], metrics[1].bounds))
    if pair in RECALL_PRECISION:
        _f1_curves(axes)
    else:
        axes.grid(color="#eceef0")
    for metric, label in zip(metrics, (axes.set_xlabel, axes.set_ylabel), strict=True):
        label(f"{mean_of(metric)} ({better(metric)})")
    return told


def words(view: View, pair: Axes, point: Row) -> str:
    """The two means of a point with their intervals."""
    values = []
    for name, a in zip(pair, "xy", strict=True):
        metric = view.of_metric(name).metric
        value = interval(point[a], point[f"{a}_low"], point[f"{a}_high"], decimals(metric.unit))
        values.append(f"{metric.long_name} {value}{unit_suffix(metric.unit)}")
    return ", ".join(values)


def ellipse(mean: np.ndarray, covariance: np.ndarray, look: Look) -> Ellipse:
    """The ellipse that holds 95 % of a normal distribution with this covariance."""
    variances, directions = np.linalg.eigh(covariance)
    width, height = 2 * np.sqrt(CHI2_95 * np.clip(variances, 0, None))
    angle = float(np.degrees(np.arctan2(directions[1, 0], directions[0, 0])))
    return Ellipse(
        (float(mean[0]), float(mean[1])), width, height, angle=angle, facecolor="none", edgecolor=look.color,
        linestyle=look.line, linewidth=1.2,
    )  # fmt: skip


def _f1_curves(axes: Any) -> None:
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for f1 in np.arange(0.1, 1.0, 0.1):
        x = np.linspace(f1 / 2 + 1e-3, 1.02, 200)
        y = f1 * x / (2 * x - f1)
        axes.plot(x, y, color=RULE, linewidth=0.7, zorder=0)
        inside = (x > left) & (x < right) & (y > bottom) & (y < top)
        if inside.sum() > 3:
            last = np.nonzero(inside)[0][-1]
            axes.annotate(f"{f1:.1f}", (x[last], y[last]), fontsize=6.5, color=MUTED, ha="right", va="bottom", zorder=0)
