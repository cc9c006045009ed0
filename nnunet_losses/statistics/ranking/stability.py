"""How far the ranking can be trusted: resampled ranks, fewer cases."""

import numpy as np
import pandas as pd

from nnunet_losses.statistics.estimators.ranks import best_first, kendall_tau_b
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.ranking.ranks import BootstrapRanks
from nnunet_losses.statistics.tables.ranking import KENDALL, RANK_BY_N, RANK_FREQUENCIES

KEPT_RESAMPLES = 1_000  # enough for a violin, small enough for a report
SUBSAMPLES = 200


def rank_frequencies(panel: Panel, ranks: list[BootstrapRanks]) -> pd.DataFrame:
    """P(rank) of each trainer in resamples: one row per method × trainer × rank that occurs."""
    rows = []
    for entry in ranks:
        for k, trainer in enumerate(panel.trainers):
            for rank, count in zip(*np.unique(entry.resampled[:, k], return_counts=True), strict=True):
                share = count / max(len(entry.resampled), 1)
                rows.append({"method": entry.method, "trainer": trainer, "rank": rank, "probability": share})
    columns = ("method", "trainer", "rank", "probability")
    return panel.table(RANK_FREQUENCIES, **{name: [row[name] for row in rows] for name in columns})


def kendall_table(panel: Panel, ranks: list[BootstrapRanks]) -> pd.DataFrame:
    """τ_b between the ranking of all cases and each of at most 1,000 resamples, by ranking method.

    Source: Maier-Hein et al., Nature Communications 2018; Wiesenfarth et al., Scientific Reports 2021.
    """
    kept = {entry.method: kendall_tau_b(entry.ranks, entry.resampled[:KEPT_RESAMPLES]) for entry in ranks}
    methods = np.repeat(list(kept), [len(tau) for tau in kept.values()])
    return panel.table(KENDALL, method=methods, tau=np.concatenate(list(kept.values())))


def rank_by_n(panel: Panel, *, seed: int = 0, confidence: float = 0.95) -> pd.DataFrame:
    """Ranks (by mean) of subsamples of n cases without replacement: does the ranking need all of them?"""
    total = len(panel.cases)
    sizes = np.unique(np.linspace(min(5, total), total, 8).round().astype(int))
    rng = np.random.default_rng([seed, total, 3])
    order = rng.permuted(np.tile(np.arange(total), (SUBSAMPLES, 1)), axis=1)
    alpha = (1 - confidence) / 2
    parts = []
    for n in sizes[sizes > 0]:
        means = panel.oriented[order[:, :n]].mean(axis=1)
        ranks = best_first(means)
        low, high = np.quantile(ranks, [alpha, 1 - alpha], axis=0, method="inverted_cdf")
        parts.append(
            panel.table(
                RANK_BY_N, n=n, trainer=panel.trainers, rank_mean=ranks.mean(axis=0), rank_low=low, rank_high=high
            )
        )
    return RANK_BY_N.concat(parts)
