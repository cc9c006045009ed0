"""How far the ranking can be trusted: resampled ranks, fewer cases, one fold less."""

import numpy as np
import pandas as pd

from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.ranking.ranks import BootstrapRanks, best_first

KEPT_RESAMPLES = 1_000  # enough for a violin, small enough for a report
SUBSAMPLES = 200


def rank_frequencies(panel: Panel, ranks: list[BootstrapRanks]) -> pd.DataFrame:
    """P(rank) of each trainer in resamples: one row per method × trainer × rank that occurs."""
    parts = []
    for entry in ranks:
        for k, trainer in enumerate(panel.trainers):
            values, counts = np.unique(entry.resampled[:, k], return_counts=True)
            probability = counts / max(len(entry.resampled), 1)
            parts.append(
                pd.DataFrame({"method": entry.method, "trainer": trainer, "rank": values, "probability": probability})
            )
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return panel.table(**{str(name): column.to_numpy() for name, column in table.items()})


def kendall_tau_b(ranks: np.ndarray, resampled: np.ndarray) -> np.ndarray:
    """Kendall's τ_b between one ranking and each row of `resampled`; NaN where either ties all trainers."""
    a, b = np.triu_indices(len(ranks), 1)
    reference = np.sign(ranks[a] - ranks[b])
    signs = np.sign(resampled[:, a] - resampled[:, b])
    scale = np.sqrt((reference != 0).sum() * (signs != 0).sum(axis=1).astype(float))
    return np.divide(signs @ reference, scale, out=np.full(len(resampled), np.nan), where=scale > 0)


def kendall_table(panel: Panel, ranks: list[BootstrapRanks]) -> pd.DataFrame:
    """τ_b between the ranking of all cases and each of at most 1,000 resamples, by ranking method.

    Source: Maier-Hein et al., Nature Communications 2018; Wiesenfarth et al., Scientific Reports 2021.
    """
    kept = {entry.method: kendall_tau_b(entry.ranks, entry.resampled[:KEPT_RESAMPLES]) for entry in ranks}
    methods = np.repeat(list(kept), [len(tau) for tau in kept.values()])
    return panel.table(method=methods, tau=np.concatenate(list(kept.values())))


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
            panel.table(n=n, trainer=panel.trainers, rank_mean=ranks.mean(axis=0), rank_low=low, rank_high=high)
        )
    return pd.concat(parts, ignore_index=True) if parts else panel.table(trainer=[])


def leave_one_fold_out(panel: Panel) -> pd.DataFrame:
    """Mean and rank of every trainer without the cases of one fold; empty if there is only one fold."""
    folds = np.unique(panel.folds)
    parts = []
    for fold in folds if len(folds) > 1 else []:
        kept = panel.folds != fold
        ranks = best_first(panel.oriented[kept].mean(axis=0))
        parts.append(
            panel.table(
                fold=fold, trainer=panel.trainers, n=int(kept.sum()), mean=panel.values[kept].mean(axis=0), rank=ranks
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else panel.table(trainer=[])
