"""Who ranks where, by three ranking methods, and how sure that is."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nnunet_losses.statistics.estimators.bootstrap import (
    FEW_CASES,
    bootstrap_means,
    median_interval,
    percentile_interval,
)
from nnunet_losses.statistics.estimators.means import mean_interval
from nnunet_losses.statistics.estimators.ranks import best_first, case_ranks
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.ranking import RANKING


@dataclass(frozen=True)
class BootstrapRanks:
    """Ranks (1 is best; equal scores share the better rank) of one panel by one method."""

    method: str
    ranks: np.ndarray  # (trainers,)
    resampled: np.ndarray  # (resamples, trainers)


def ranking_table(
    panel: Panel,
    ranks: list[BootstrapRanks],
    *,
    means: np.ndarray,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """One row per trainer, best first, those left out last: location, spread, ranks, what is missing.

    Columns without suffix (rank, rank_low, rank_high, p_first, p_top3) are mean-then-rank; `_ranks` and `_tests`
    mark the other two methods. worst5 is the mean of the worst 5 % of cases (at least one).
    """
    values, n = panel.values, len(panel.cases)
    low, high, method, reason = mean_interval(values, confidence=confidence, bounds=panel.metric.bounds)
    percentile_low, percentile_high = percentile_interval(means, n, confidence)
    median_low, median_high = median_interval(values, confidence=confidence)
    nan = np.full(len(panel.trainers), np.nan)
    worst_first = np.sort(panel.oriented, axis=0)[: max(1, round(0.05 * n))]
    table = pd.DataFrame(
        {
            "trainer": panel.trainers,
            "mean": values.mean(axis=0) if n else nan,
            "mean_low": low,
            "mean_high": high,
            "mean_low_percentile": percentile_low,
            "mean_high_percentile": percentile_high,
            "interval": method,
            "median": np.median(values, axis=0) if n else nan,
            "median_low": median_low,
            "median_high": median_high,
            "sd": values.std(axis=0, ddof=1) if n > 1 else nan,
            "iqr": np.subtract(*np.quantile(values, [0.75, 0.25], axis=0)) if n else nan,
            "worst5": np.abs(worst_first.mean(axis=0)) if n else nan,
        }
    )
    alpha = (1 - confidence) / 2
    for entry in ranks:
        suffix = "" if entry.method == "mean" else f"_{entry.method}"
        table[f"rank{suffix}"] = entry.ranks
        ends = np.quantile(entry.resampled, [alpha, 1 - alpha], axis=0, method="inverted_cdf") if n > 1 else (nan, nan)
        table[f"rank_low{suffix}"], table[f"rank_high{suffix}"] = ends
        table[f"p_first{suffix}"] = (entry.resampled == 1).mean(axis=0) if n > 1 else nan
        table[f"p_top3{suffix}"] = (entry.resampled <= 3).mean(axis=0) if n > 1 else nan
    table = panel.coverage.merge(table, on="trainer", how="left").sort_values("rank", kind="stable")
    few = f"n = {n}: ranks resampled from so few cases understate the doubt" if 1 < n < FEW_CASES else ""
    if n == 0:
        reason = "no case in which every trainer has a value"
    note = "; ".join(part for part in (reason, few) if part)
    table["reason"] = [own or note for own in table["reason"]]
    return panel.table(RANKING, **{str(name): column.to_numpy() for name, column in table.items()})


def unranked(panel: Panel, method: str) -> BootstrapRanks:
    """What a panel without cases has: no ranks, no resamples."""
    k = len(panel.trainers)
    return BootstrapRanks(method, np.full(k, np.nan), np.empty((0, k)))


def rank_by_mean(panel: Panel, means: np.ndarray) -> BootstrapRanks:
    """Mean over cases, then rank; `means` (resamples, trainers) are the bootstrap means."""
    if not panel.cases:
        return unranked(panel, "mean")
    sign = 1.0 if panel.metric.higher_is_better else -1.0
    return BootstrapRanks("mean", best_first(panel.oriented.mean(axis=0)), best_first(sign * means))


def rank_by_ranks(panel: Panel, *, resamples: int, seed: int) -> BootstrapRanks:
    """Rank in every case (ties averaged), mean of the ranks, then rank."""
    if not panel.cases:
        return unranked(panel, "ranks")
    per_case = case_ranks(panel.oriented)
    means = bootstrap_means(per_case, resamples=resamples, seed=seed)
    return BootstrapRanks("ranks", best_first(-per_case.mean(axis=0)), best_first(-means))
