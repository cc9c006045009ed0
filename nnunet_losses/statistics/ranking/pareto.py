"""Operating points: what a trainer gains in one metric and pays in another."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nnunet_losses.statistics.estimators.bootstrap import bootstrap_means
from nnunet_losses.statistics.estimators.front import on_front
from nnunet_losses.statistics.estimators.means import mean_interval
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.ranking import PARETO

AXES = (("recall", "precision"), ("lesion_recall", "lesion_precision"), ("dice", "hd95"))


def pareto_table(
    panels: Sequence[Panel],
    *,
    axes: Sequence[tuple[str, str]] = AXES,
    resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Means of two metrics over their common cases, with the covariance of the means for an ellipse.

    on_front: no other trainer is better in one metric and at least as good in the other; p_front: share of resampled
    case sets in which that holds.
    """
    by_key = {panel.key: panel for panel in panels}
    parts = []
    for (dataset, configuration, label, metric_x), x in by_key.items():
        for metric_y in (second for first, second in axes if first == metric_x):
            y = by_key.get((dataset, configuration, label, metric_y))
            if y is not None:
                identity = {"dataset": dataset, "configuration": configuration, "label": label}
                points = _points(x, y, resamples=resamples, seed=seed, confidence=confidence)
                parts.append(PARETO.build(points.assign(**identity, metric_x=metric_x, metric_y=metric_y)))
    return PARETO.concat(parts)


def _points(x: Panel, y: Panel, *, resamples: int, seed: int, confidence: float) -> pd.DataFrame:
    trainers = [t for t in x.trainers if t in y.trainers]
    cases = [c for c in x.cases if c in set(y.cases)]
    first, second = (
        pd.DataFrame(p.values, index=p.cases, columns=p.trainers).loc[cases, trainers].to_numpy() for p in (x, y)
    )
    n = len(cases)
    table = pd.DataFrame({"trainer": trainers, "n": n})
    if n < 2:
        for name in ("x", "y", "x_low", "x_high", "y_low", "y_high", "var_x", "cov_xy", "var_y", "on_front", "p_front"):
            table[name] = np.nan
        return table
    means = [bootstrap_means(values, resamples=resamples, seed=seed) for values in (first, second)]
    for name, values, panel in zip("xy", (first, second), (x, y), strict=True):
        low, high, *_ = mean_interval(values, confidence=confidence, bounds=panel.metric.bounds)
        table[name], table[f"{name}_low"], table[f"{name}_high"] = values.mean(axis=0), low, high
    covariance = np.array([np.cov(first[:, k], second[:, k]) / n for k in range(len(trainers))])
    table["var_x"], table["cov_xy"], table["var_y"] = covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1]
    signs = [1.0 if p.metric.higher_is_better else -1.0 for p in (x, y)]
    table["on_front"] = on_front(np.stack([table["x"] * signs[0], table["y"] * signs[1]], axis=-1))
    table["p_front"] = on_front(np.stack([means[0] * signs[0], means[1] * signs[1]], axis=-1)).mean(axis=0)
    return table
