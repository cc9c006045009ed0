"""The whole comparison: tables of results in, tables of statistics out."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from nnunet_losses.statistics.detection.froc import froc_tables
from nnunet_losses.statistics.detection.lesion_model import lesion_model_table
from nnunet_losses.statistics.detection.negatives import negatives_table
from nnunet_losses.statistics.detection.strata import EDGES_MM, strata_table
from nnunet_losses.statistics.detection.thresholds import threshold_tables
from nnunet_losses.statistics.estimators.bayes import posterior_table
from nnunet_losses.statistics.estimators.bootstrap import bootstrap_means
from nnunet_losses.statistics.estimators.fold_test import fold_test_table
from nnunet_losses.statistics.estimators.friedman import friedman_tables
from nnunet_losses.statistics.estimators.mixed import mixed_table
from nnunet_losses.statistics.panels.foreground import with_foreground_mean
from nnunet_losses.statistics.panels.panel import Panel, check_cases, panels
from nnunet_losses.statistics.panels.policy import Policy
from nnunet_losses.statistics.panels.seeds import experiment_of, merge_seeds
from nnunet_losses.statistics.ranking.consensus import consensus_table
from nnunet_losses.statistics.ranking.noise import noise_tables
from nnunet_losses.statistics.ranking.pairwise import pairwise_table
from nnunet_losses.statistics.ranking.pareto import pareto_table
from nnunet_losses.statistics.ranking.power import power_table
from nnunet_losses.statistics.ranking.ranks import BootstrapRanks, rank_by_mean, rank_by_ranks, ranking_table
from nnunet_losses.statistics.ranking.sensitivity import sensitivity_table
from nnunet_losses.statistics.ranking.significance_ranking import rank_by_tests
from nnunet_losses.statistics.ranking.stability import kendall_table, leave_one_fold_out, rank_by_n, rank_frequencies
from nnunet_losses.statistics.tables.columns import COLUMNS
from nnunet_losses.statistics.tables.failures import failures_table

# Differences below these do not matter in practice; 0 where the field has no convention.
ROPE = {"mm": 0.5, "1": 0.01}


def compare(
    cases: pd.DataFrame,
    *,
    baseline: str,
    lesions: pd.DataFrame | None = None,
    thresholds: pd.DataFrame | None = None,
    jobs: pd.DataFrame | None = None,
    metrics: Sequence[str] | None = None,
    resamples: int = 10_000,
    test_resamples: int = 1_000,
    draws: int = 4_000,
    seed: int = 0,
    confidence: float = 0.95,
    rope: Mapping[str, float] | None = None,
    policy: Policy | None = None,
    higher_is_better: Mapping[str, bool] | None = None,
    edges_mm: Sequence[float] = EDGES_MM,
    foreground_mean: bool = False,
) -> dict[str, pd.DataFrame]:
    """Every statistic of a study, by table name; the columns are listed in `nnunet_losses.statistics`.

    lesions, thresholds, jobs add their tables. resamples: of cases, for means, ranks and detection; test_resamples:
    of cases for test-then-rank; draws: of the Bayesian posterior. rope: region of practical equivalence by metric
    (default 0.01 for scores, 0.5 mm for distances). edges_mm: bins of lesion diameter. foreground_mean: of several
    labels also compare the mean over labels, as label "foreground mean".
    Raises ValueError for a malformed table, an unknown baseline or metric.
    """
    # One decision for all tables: a repeat of which only a failed job is left still is a repeat.
    given = [table for table in (cases, lesions, thresholds, jobs) if table is not None]
    check_cases(cases, baseline)
    baseline = experiment_of(baseline, *given)
    cases = merge_seeds(cases, *given)
    lesions, thresholds, jobs = (
        None if table is None else merge_seeds(table, *given) for table in (lesions, thresholds, jobs)
    )
    values = with_foreground_mean(cases) if foreground_mean else cases
    cut = list(panels(values, baseline=baseline, metrics=metrics, policy=policy, higher_is_better=higher_is_better))
    all_ranks: dict[tuple[str, ...], list[BootstrapRanks]] = {}
    parts: dict[str, list[pd.DataFrame]] = {}
    for panel in cut:
        means = bootstrap_means(panel.values, resamples=resamples, seed=seed) if panel.cases else panel.values
        ranks = [
            rank_by_mean(panel, means),
            rank_by_ranks(panel, resamples=resamples, seed=seed),
            rank_by_tests(panel, resamples=min(resamples, test_resamples), seed=seed),
        ]
        all_ranks[tuple(panel.identity.values())] = ranks
        width = (rope or {}).get(panel.metric, ROPE.get(panel.unit, 0.0))
        tables = _panel_tables(panel, ranks, seed=seed, confidence=confidence)
        tables["ranking"] = ranking_table(panel, ranks, means=means, confidence=confidence)
        tables["pairwise"] = pairwise_table(
            panel, rope=width, confidence=confidence, resamples=resamples, draws=draws, seed=seed
        )
        tables["posterior"] = posterior_table(panel, rope=width, seed=seed)
        for name, table in tables.items():
            parts.setdefault(name, []).append(table)
    result = {name: _stacked(tables) for name, tables in parts.items()}
    result["mixed"] = mixed_table(cut, confidence=confidence)
    result["pareto"] = pareto_table(cut, resamples=resamples, seed=seed, confidence=confidence)
    result["consensus"] = consensus_table(result["ranking"])
    options: dict[str, Any] = {"baseline": baseline, "confidence": confidence, "policy": policy}
    drawn = {**options, "resamples": resamples, "seed": seed}
    if lesions is not None and len(lesions):
        result |= froc_tables(lesions, cases, **drawn)
        result["strata"] = strata_table(lesions, cases, edges_mm=edges_mm, **drawn)
        result["lesion_model"] = lesion_model_table(lesions, cases, **options)
        result["negatives"] = negatives_table(lesions, cases, **options)
    if thresholds is not None and len(thresholds):
        result |= threshold_tables(thresholds, cases, **options)
    if jobs is not None and len(jobs):
        result["failures"] = failures_table(jobs)
    result["sensitivity"] = sensitivity_table(
        values, cut, all_ranks, policy=policy, higher_is_better=higher_is_better, thresholds=result.get("thresholds")
    )
    return {
        name: result[name] if len(result[name]) else pd.DataFrame(columns=list(columns))
        for name, columns in COLUMNS.items()
        if name in result
    }


def _panel_tables(
    panel: Panel, ranks: list[BootstrapRanks], *, seed: int, confidence: float
) -> dict[str, pd.DataFrame]:
    friedman, nemenyi = friedman_tables(panel, confidence=confidence)
    noise, effect_noise = noise_tables(panel)
    return {
        "rank_frequencies": rank_frequencies(panel, ranks),
        "kendall": kendall_table(panel, ranks),
        "rank_by_n": rank_by_n(panel, seed=seed, confidence=confidence),
        "leave_one_fold_out": leave_one_fold_out(panel),
        "friedman": friedman,
        "nemenyi": nemenyi,
        "noise": noise,
        "effect_noise": effect_noise,
        "fold_test": fold_test_table(panel, confidence=confidence),
        "power": power_table(panel, confidence=confidence),
    }


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    full = [table for table in tables if len(table)]
    return pd.concat(full or tables[:1], ignore_index=True)
