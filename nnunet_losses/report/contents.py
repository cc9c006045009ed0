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
    published,
    ranking,
    reliability,
    responses,
    significance,
    stability,
    subgroups,
    thresholds,
    together,
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


def of_metric(metric: str, *makers: Maker) -> tuple[Maker, ...]:
    """Makers that show another metric of the same data set, configuration and label."""

    def shown(maker: Maker) -> Maker:
        def make(view: View) -> Figure | Table | Text | None:
            other = view.of_metric(metric)
            return None if other.values.empty else maker(other)

        return make

    return tuple(map(shown, makers))


def words_on(metric: str) -> Maker:
    """The decisions on another metric, which the card may need though its values are not compared in detail."""
    return lambda view: tables.decisions.table(view.of_metric(metric))


OTHER_METRICS: tuple[Maker, ...] = (tables.ranking.table, ranking.draw, distribution.draw, pairwise.draw)
"""For every metric but the primary one."""

QUESTIONS = (
    Part(
        "Overlap",
        (tables.answer.table, ranking.draw, tables.decisions.table, distribution.draw, differences.draw),
        "a ranking",
    ),
    Part(
        "Thresholds",
        (thresholds.draw, operating_points.recall_precision, operating_points.further, tables.operating_points.table),
        "counts at several thresholds, or two metrics that can be traded for each other",
    ),
    Part("Surface", of_metric("nsd", tables.decisions.table, distribution.draw), "the normalised surface distance"),
    Part(
        "Lesions found",
        (detection.draw, tables.detection.measures, detection.differences),
        "scored lesion candidates",
    ),
    Part("Small lesions found", (lesion_size.draw, tables.detection.lesion_model), "the table of lesions"),
    Part(
        "False alarms",
        (words_on("false_positive_count"), tables.detection.negatives),
        "lesion candidates",
    ),
    Part(
        "Probabilities",
        (reliability.draw, reliability.scaled, tables.calibration.table, words_on("ece")),
        "the table of calibration",
    ),
    Part("Subgroups", (subgroups.draw, tables.subgroups.table), "covariates of the cases (--cases)"),
    Part(
        "Stability",
        (noise.draw, folds.test_on_folds, folds.leave_one_out),
        "several folds or seeds",
    ),
)  # fmt: skip
"""For every data set, configuration and label: why the card says what it says, in the order of its lines."""

APPENDIX = (
    Part("Ranking", (tables.ranking.table, tables.challenge.table, tables.sensitivity.power), "a ranking"),
    Part("What would change the ranking", (tables.sensitivity.table,), "a ranking"),
    Part(
        "Pairs over cases",
        (pairwise.draw, significance.draw, tables.pairs.table, posterior.baseline_bars, posterior.triangle,
         posterior.heat_map, critical_difference.draw, tables.mixed.table),
        "a comparison of pairs",
    ),
    Part(
        "Stability of the ranking over cases",
        (stability.blob, stability.stacked, stability.kendall, stability.over_methods, stability.by_cases),
        "rankings of bootstrap samples",
    ),
    Part("Case by case", (podium.podium, podium.rank_map), "values of the same cases from at least two"),
    Part(
        "Errors in common",
        (together.told, together.missed, together.correlation),
        "values or lesions of the same cases from at least two",
    ),
)  # fmt: skip
"""The same in detail, opened on demand."""

PAPERS = (
    Part("Claims", (tables.claims.table,), "claims"),
    Part(
        "Published and reproduced numbers",
        (tables.published.agreement, published.draw, tables.published.values),
        "published numbers",
    ),
    Part("Response to hyper-parameters", (responses.draw,), "three values of a hyper-parameter"),
)
"""For every data set, configuration and label: what papers say, beside what was found here."""

RUNS = (
    Part("Training", (training.pseudo_dice, training.losses), "the table of training curves"),
    Part(
        "Time and memory",
        (tables.costs.table, cost.draw, tables.costs.trainings),
        "the table of jobs with a completed training",
    ),
)
"""For every data set and configuration."""
