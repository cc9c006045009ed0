"""The tables that a comparison returns: their schemas, by name in `TABLES`.

The unit of analysis is the case, pooled out of fold; several seeds of one trainer (`..._seed2`) are averaged per case.
Differences are always trainer_a − trainer_b in the metric's unit (in `decisions`, in the direction of benefit), and the
baseline is always trainer_b. Wherever a number cannot be had it is NaN and `reason` says why.
"""

from nnunet_losses.base.tables.schema import Table
from nnunet_losses.statistics.tables import (
    calibration,
    decision,
    detection,
    pairwise,
    panels,
    papers,
    ranking,
    subgroups,
    together,
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        panels.VALUES,
        panels.UNDEFINED,
        ranking.RANKING,
        decision.ANSWERS,
        decision.DECISIONS,
        decision.VARIANCE,
        pairwise.PAIRWISE,
        pairwise.POSTERIOR,
        ranking.RANK_FREQUENCIES,
        ranking.KENDALL,
        ranking.RANK_BY_N,
        ranking.LEAVE_ONE_FOLD_OUT,
        pairwise.FRIEDMAN,
        pairwise.NEMENYI,
        pairwise.NOISE,
        pairwise.EFFECT_NOISE,
        pairwise.FOLD_TEST,
        pairwise.POWER,
        pairwise.MIXED,
        ranking.PARETO,
        ranking.CONSENSUS,
        ranking.CHALLENGE_RANKING,
        detection.FROC,
        pairwise.FROC_PAIRWISE,
        detection.FROC_CURVE,
        detection.PR_CURVE,
        detection.STRATA,
        detection.LESION_MODEL,
        detection.NEGATIVES,
        together.TOGETHER,
        together.MISSED,
        detection.THRESHOLDS,
        detection.THRESHOLD_CASES,
        calibration.TEMPERATURES,
        calibration.TEMPERATURE_SCALING,
        calibration.RELIABILITY,
        pairwise.FAILURES,
        pairwise.COSTS,
        ranking.SENSITIVITY,
        subgroups.SUBGROUPS,
        subgroups.INTERACTIONS,
        papers.REPRODUCTION,
        papers.AGREEMENT,
        papers.CLAIMS,
        papers.RESPONSES,
    )
}

__all__ = ["TABLES"]
