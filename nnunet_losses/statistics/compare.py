"""The whole comparison: tables of results in, tables of statistics out."""

from collections.abc import Mapping, Sequence

import pandas as pd

from nnunet_losses.statistics.bootstrap import bootstrap_means
from nnunet_losses.statistics.pairwise import pairwise_table
from nnunet_losses.statistics.panel import Policy, panels
from nnunet_losses.statistics.ranking import rank_by_mean, rank_by_ranks, ranking_table
from nnunet_losses.statistics.significance_ranking import rank_by_tests

# Differences below these do not matter in practice; 0 where the field has no convention.
ROPE = {"mm": 0.5, "1": 0.01}


def compare(
    cases: pd.DataFrame,
    *,
    baseline: str,
    metrics: Sequence[str] | None = None,
    resamples: int = 10_000,
    test_resamples: int = 1_000,
    draws: int = 4_000,
    seed: int = 0,
    confidence: float = 0.95,
    rope: Mapping[str, float] | None = None,
    policy: Policy | None = None,
    higher_is_better: Mapping[str, bool] | None = None,
) -> dict[str, pd.DataFrame]:
    """Every statistic of a study, by table name; the columns are listed in `nnunet_losses.statistics`.

    rope: region of practical equivalence by metric (default 0.01 for scores, 0.5 mm for distances).
    Raises ValueError for a malformed table, an unknown baseline or metric.
    """
    ranking, pairwise = [], []
    for panel in panels(cases, baseline=baseline, metrics=metrics, policy=policy, higher_is_better=higher_is_better):
        means = bootstrap_means(panel.values, resamples=resamples, seed=seed)
        ranks = [
            rank_by_mean(panel, means),
            rank_by_ranks(panel, resamples=resamples, seed=seed),
            rank_by_tests(panel, resamples=min(resamples, test_resamples), seed=seed),
        ]
        ranking.append(ranking_table(panel, ranks, means=means, confidence=confidence))
        width = (rope or {}).get(panel.metric, ROPE.get(panel.unit, 0.0))
        pairwise.append(
            pairwise_table(panel, rope=width, confidence=confidence, resamples=resamples, draws=draws, seed=seed)
        )
    return {
        "ranking": pd.concat(ranking, ignore_index=True),
        "pairwise": pd.concat(pairwise, ignore_index=True),
    }
