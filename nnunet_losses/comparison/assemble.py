"""The comparison as a report takes it, from tables, statistics and the record of what was asked."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from nnunet_losses.base.metrics import Metric
from nnunet_losses.report import Comparison, Decision
from nnunet_losses.study.record import StudyRecord


def assemble(
    tables: Mapping[str, pd.DataFrame],
    statistics: Mapping[str, pd.DataFrame],
    record: StudyRecord,
    *,
    provenance: Mapping[str, Any],
    gallery: pd.DataFrame | None = None,
    aggregated: bool = False,
    own_metrics: Mapping[str, Metric] | None = None,
    names_as_given: bool = False,
    declared: str = "chosen when this report was made",
) -> Comparison:
    """Put a comparison together.

    Args:
        tables: what `compare_tables` returned, or wrote.
        statistics: likewise.
        record: what was asked for.
        provenance: how the tables came about.
        gallery: the files for pictures; None for no pictures.
        aggregated: whether single cases are withheld.
        own_metrics: metrics that `nnunet_losses.base.metrics` does not know, by name, as given to `compare_tables`.
        names_as_given: whether the models' names are anybody's, not those of trainers, and are shown as they are.
        declared: when the decision was declared, in words that follow it.

    Raises:
        UserError: there are no cases, or none has the primary metric.
    """
    return Comparison(
        tables=tables,
        statistics=statistics,
        provenance=provenance,
        gallery=gallery,
        aggregated=aggregated,
        title=record.title,
        baseline=record.baseline,
        primary_metric=record.primary_metric,
        decision=Decision(record.config.decision.question, record.config.decision.alpha, declared),
        seed=record.seed,
        own_metrics=own_metrics or {},
        names_as_given=names_as_given,
    )
