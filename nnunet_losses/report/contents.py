"""Which figures and tables a report shows, in reading order. A new figure or table is added here."""

from collections.abc import Callable
from dataclasses import dataclass

from nnunet_losses.report import tables
from nnunet_losses.report.blocks import Figure, Table, Text
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures import (
    cost,
    critical_difference,
    detection,
    differences,
    distribution,
    folds,
    lesion_size,
    noise,
    operating_points,
    pairwise,
    podium,
    posterior,
    ranking,
    reliability,
    significance,
    stability,
    thresholds,
    training,
)

Maker = Callable[[View], Figure | Table | Text | None]
"""What draws a figure or fills a table of a view; None where it has nothing to show."""


@dataclass(frozen=True)
class Part:
    """A sub-section.

    title: its headline.
    makers: what makes its blocks, in order.
    needs: what is missing if they make none.
    """

    title: str
    makers: tuple[Maker, ...]
    needs: str


ANSWER: tuple[Maker, ...] = (tables.answer.table, ranking.draw)
"""What stands below a verdict."""

RESULTS = (
    Part("Ranking", (tables.ranking.table, tables.sensitivity.power), "a ranking"),
    Part("Distribution", (distribution.draw,), "values of the cases"),
    Part(
        "Differences from the baseline",
        (differences.draw, posterior.baseline_bars, posterior.triangle),
        "the baseline and another loss",
    ),
    Part(
        "Every pair of losses",
        (tables.decisions.table, pairwise.draw, significance.draw, tables.pairs.table, posterior.heat_map,
         critical_difference.draw, tables.mixed.table),
        "a comparison of pairs",
    ),
    Part(
        "Stability of the ranking",
        (stability.blob, stability.stacked, stability.kendall, stability.over_methods, stability.by_cases,
         folds.leave_one_out, folds.test_on_folds, tables.sensitivity.table),
        "rankings of bootstrap samples",
    ),
    Part("Case by case", (podium.podium, podium.rank_map), "two losses with values in the same cases"),
    Part(
        "Operating points",
        (operating_points.recall_precision, operating_points.further, tables.operating_points.table),
        "two metrics that a loss can trade for each other, such as recall and precision",
    ),
    Part("Thresholds", (thresholds.draw,), "counts at several thresholds"),
    Part(
        "Detection",
        (detection.draw, tables.detection.measures, detection.differences, tables.detection.negatives),
        "scored lesion candidates",
    ),
    Part("Lesions by size", (lesion_size.draw, tables.detection.lesion_model), "the table of lesions"),
    Part("Calibration", (reliability.draw, reliability.scaled, tables.calibration.table), "the table of calibration"),
    Part("Effects and training noise", (noise.draw,), "a loss trained with more than one seed"),
)  # fmt: skip
"""For every data set, configuration and label."""

OTHER_METRICS: tuple[Maker, ...] = (tables.ranking.table, ranking.draw, distribution.draw, pairwise.draw)
"""For every metric but the primary one."""

RUNS = (
    Part("Training", (training.pseudo_dice, training.losses), "the table of training curves"),
    Part("Time and memory", (tables.costs.table, cost.draw), "the table of jobs with a completed training"),
)
"""For every data set and configuration."""
