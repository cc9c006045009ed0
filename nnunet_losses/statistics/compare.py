"""The whole comparison, in the order in which it happens: tables of results in, tables of statistics out."""

from collections.abc import Mapping, Sequence

import pandas as pd

from nnunet_losses.base.metrics import IMAGE_DIAGONAL, Metric
from nnunet_losses.statistics.answer.questions import Asker
from nnunet_losses.statistics.calibration import calibration_tables
from nnunet_losses.statistics.detection.froc import froc_tables
from nnunet_losses.statistics.detection.lesion_model import lesion_model_table
from nnunet_losses.statistics.detection.missed import missed_table
from nnunet_losses.statistics.detection.negatives import negatives_table
from nnunet_losses.statistics.detection.strata import EDGES_MM, strata_table
from nnunet_losses.statistics.detection.thresholds import threshold_tables
from nnunet_losses.statistics.estimators.bootstrap import bootstrap_means
from nnunet_losses.statistics.failures import costs_table, failures_table
from nnunet_losses.statistics.panels.derived import with_derived
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.panels.policy import Policy
from nnunet_losses.statistics.panels.results import Results
from nnunet_losses.statistics.papers.claims import Claim, claims_table
from nnunet_losses.statistics.papers.reproduction import LossNames, Ours, reproduction_tables
from nnunet_losses.statistics.papers.responses import Curve, responses_table
from nnunet_losses.statistics.ranking.challenge import challenge_ranking_table
from nnunet_losses.statistics.ranking.consensus import consensus_table
from nnunet_losses.statistics.ranking.decision import ALPHA
from nnunet_losses.statistics.ranking.folds import fold_test_table, leave_one_fold_out
from nnunet_losses.statistics.ranking.mixed import mixed_table
from nnunet_losses.statistics.ranking.noise import noise_tables
from nnunet_losses.statistics.ranking.pairwise import friedman_tables, pairwise_table, posterior_table
from nnunet_losses.statistics.ranking.pareto import pareto_table
from nnunet_losses.statistics.ranking.power import power_table
from nnunet_losses.statistics.ranking.ranks import BootstrapRanks, rank_by_mean, rank_by_ranks, ranking_table
from nnunet_losses.statistics.ranking.sensitivity import Key, sensitivity_table
from nnunet_losses.statistics.ranking.significance_ranking import rank_by_tests
from nnunet_losses.statistics.ranking.stability import kendall_table, rank_by_n, rank_frequencies
from nnunet_losses.statistics.ranking.subgroups import subgroup_tables
from nnunet_losses.statistics.ranking.together import together_table
from nnunet_losses.statistics.ranking.variance import variance_table
from nnunet_losses.statistics.tables import TABLES


def compare(
    cases: pd.DataFrame,
    *,
    baseline: str,
    lesions: pd.DataFrame | None = None,
    thresholds: pd.DataFrame | None = None,
    log_odds: pd.DataFrame | None = None,
    jobs: pd.DataFrame | None = None,
    training: pd.DataFrame | None = None,
    metrics: Sequence[str] | None = None,
    resamples: int = 10_000,
    test_resamples: int = 1_000,
    draws: int = 4_000,
    seed: int = 0,
    confidence: float = 0.95,
    rope: Mapping[str, float] | None = None,
    primary_metric: str = "dice",
    alpha: float = ALPHA,
    policy: Policy | None = None,
    own_metrics: Mapping[str, Metric] | None = None,
    edges_mm: Sequence[float] = EDGES_MM,
    foreground_mean: bool = False,
    covariates: pd.DataFrame | None = None,
    cuts: Mapping[str, Sequence[float]] | None = None,
    cluster: str | None = None,
    published: pd.DataFrame | None = None,
    claims: Sequence[Claim] = (),
    loss_names: LossNames | None = None,
    curves: Sequence[Curve] = (),
) -> dict[str, pd.DataFrame]:
    """Every statistic of a study, by table name; `nnunet_losses.statistics.TABLES` describes the tables.

    Args:
        cases: the table of cases.
        baseline: the trainer that all others are compared with.
        lesions: adds the tables of detection; with `diameter_mm`, also those by size.
        thresholds: adds the tables of thresholds.
        log_odds: adds the tables of temperature scaling.
        jobs: adds the tables of failures and of costs.
        training: adds to the failures the trainings that learned and then lost what they had learned.
        metrics: those to compare; all in the table of cases if absent.
        resamples: of cases, for means, ranks and detection.
        test_resamples: of cases, for test-then-rank.
        draws: of the Bayesian posterior.
        seed: of all of them.
        confidence: of intervals and tests.
        rope: region of practical equivalence by metric, the margin of all decisions; the metric's own if absent.
        primary_metric: the metric that the answer rests on.
        alpha: level of the decisions: their intervals have a confidence of 1 − alpha, for equivalence 1 − 2·alpha.
        policy: what undefined values count as.
        own_metrics: metrics that `nnunet_losses.base.metrics` does not know, by name.
        edges_mm: limits of the strata of lesion diameter.
        foreground_mean: of several labels also compare the mean over labels, as label "foreground mean".
        covariates: what is known of the cases; adds the tables of subgroups, for the primary metric.
        cuts: limits between groups of numeric covariates, by covariate; the median if absent.
        cluster: the covariate, such as the patient, of which the values and not the cases are the independent units:
            metrics are averaged within them, lesions are resampled by them.
        published: published numbers; adds the tables that hold them against ours.
        claims: conclusions of papers; adds the table that judges them.
        loss_names: for these two, the loss of each trainer and what else its name says.
        curves: hyper-parameter sweeps; adds the table of their response curves.

    Raises:
        TableError: a table does not hold what it should; an unknown baseline or metric.
    """
    further = frozenset(claim.metric for claim in claims)
    metrics = [m for m in dict.fromkeys(cases["metric"]) if m != IMAGE_DIAGONAL.name] if metrics is None else metrics
    results = Results.of(
        with_derived(cases, further),
        baseline=baseline,
        lesions=lesions,
        thresholds=thresholds,
        log_odds=log_odds,
        jobs=jobs,
        training=training,
        policy=policy,
        own_metrics=own_metrics,
        foreground_mean=foreground_mean,
        covariates=covariates,
        cluster=cluster,
    )
    panels = results.panels(metrics)
    ranks: dict[Key, list[BootstrapRanks]] = {}
    parts: dict[str, list[pd.DataFrame]] = {}
    for panel in panels:
        means = bootstrap_means(panel.values, resamples=resamples, seed=seed) if panel.cases else panel.values
        ranks[panel.key] = [
            rank_by_mean(panel, means),
            rank_by_ranks(panel, resamples=resamples, seed=seed),
            rank_by_tests(panel, resamples=min(resamples, test_resamples), seed=seed),
        ]
        width = (rope or {}).get(panel.metric.name, panel.metric.margin)
        tables = _panel_tables(panel, ranks[panel.key], seed=seed, confidence=confidence)
        tables["ranking"] = ranking_table(panel, ranks[panel.key], means=means, confidence=confidence)
        tables["pairwise"] = pairwise_table(
            panel, rope=width, confidence=confidence, resamples=resamples, draws=draws, seed=seed
        )
        tables["posterior"] = posterior_table(panel, rope=width, seed=seed)
        for name, table in tables.items():
            parts.setdefault(name, []).append(table)
    found = {name: TABLES[name].concat(tables) for name, tables in parts.items()}
    found["mixed"] = mixed_table(panels, confidence=confidence)
    found["pareto"] = pareto_table(panels, resamples=resamples, seed=seed, confidence=confidence)
    found["challenge_ranking"] = challenge_ranking_table(panels)
    found["consensus"] = consensus_table(found["ranking"])
    if results.lesions is not None:
        found |= froc_tables(results.rosters, resamples=resamples, seed=seed, confidence=confidence)
        if "diameter_mm" in results.lesions:
            found["strata"] = strata_table(
                results.rosters, edges_mm=edges_mm, resamples=resamples, seed=seed, confidence=confidence
            )
            found["lesion_model"] = lesion_model_table(results.rosters, confidence=confidence)
        found["negatives"] = negatives_table(results.rosters, confidence=confidence)
        found["missed"] = missed_table(results.rosters, seed=seed, confidence=confidence)
    if results.thresholds is not None:
        found |= threshold_tables(results.thresholds, results.rosters, confidence=confidence)
    if results.log_odds is not None:
        found |= calibration_tables(results.log_odds, results.rosters, confidence=confidence)
    if results.jobs is not None:
        found["failures"] = failures_table(results.jobs, results.training)
        found["costs"] = costs_table(results.jobs)
    asker = Asker(results, primary_metric, rope or {}, alpha, seed, further)
    found["answers"], found["decisions"] = asker.tables(panels, found.get("threshold_cases"))
    if claims:
        found["claims"] = claims_table(found["decisions"], claims, loss_names or {})
    if len(results.covariates):
        primary = [panel for panel in panels if panel.metric.name == primary_metric]
        found |= subgroup_tables(primary, results.covariates, cuts=cuts, seed=seed, confidence=confidence)
    if published is not None and len(published):
        measured = set(results.scored["metric"]) - {panel.metric.name for panel in panels}
        others = results.panels(sorted(measured & set(published["metric"])))
        ours = Ours.of(
            [*panels, *others], results.rosters, found.get("froc"), published, seed=seed, confidence=confidence
        )
        found["reproduction"], found["agreement"] = reproduction_tables(ours, published, loss_names or {})
    if curves:
        found["responses"] = responses_table(panels, curves, published, confidence=confidence)
    found["sensitivity"] = sensitivity_table(results, panels, ranks, thresholds=found.get("thresholds"))
    return {name: found[name] for name in TABLES if name in found}


def _panel_tables(
    panel: Panel, ranks: list[BootstrapRanks], *, seed: int, confidence: float
) -> dict[str, pd.DataFrame]:
    friedman, nemenyi = friedman_tables(panel, confidence=confidence)
    noise, effect_noise = noise_tables(panel)
    return {
        "values": panel.values_table(),
        "undefined": panel.undefined_table(),
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
        "variance": variance_table(panel),
        "together": together_table(panel, confidence=confidence),
    }
