"""From a table of anybody's results, a row for each case and model, to a report."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.tables.storage import write_tables
from nnunet_losses.comparison.assemble import assemble
from nnunet_losses.comparison.covariates import Covariates
from nnunet_losses.comparison.given.file import read_given, read_given_of_models
from nnunet_losses.comparison.given.layout import Reading
from nnunet_losses.comparison.given.metrics import understood
from nnunet_losses.comparison.given.read import FromTable, cases_from
from nnunet_losses.comparison.provenance import provenance_of_table
from nnunet_losses.comparison.tables import compare_tables, default_baseline, record_of
from nnunet_losses.report import write_report
from nnunet_losses.report.papers import Format


@dataclass(frozen=True)
class Given:
    """A table that was read, the files it came from, and the margins that were given, by metric."""

    table: FromTable
    files: tuple[Path, ...]
    margins: Mapping[str, float] = field(default_factory=dict)

    @property
    def dataset(self) -> str:
        """The name of the data set, or of the first of several."""
        return str(self.table.cases["dataset"].iloc[0])


def read_results(texts: Sequence[str], reading: Reading | None = None) -> Given:
    """Read the table of results, or one table a model.

    texts: one file with all models, or ``NAME=FILE`` for each model.

    Raises:
        UserError: as `cases_from`; or several files of which one names no model.
    """
    named = [_named(text) for text in texts]
    if len(named) == 1 and named[0][0] is None:
        table = read_given(named[0][1])
    else:
        if unnamed := next((path for name, path in named if name is None), None):
            raise UserError(f"Of several files each needs its model: --table NAME={unnamed}.")
        table = read_given_of_models([(str(name), path) for name, path in named])
    return Given(cases_from(table, reading), tuple(path for _, path in named))


def with_margins(given: Given, texts: Iterable[str]) -> Given:
    """The table with the margins in ``METRIC=NUMBER``, and a sentence on every metric that has none.

    Raises:
        UserError: a text has another form, or its metric is not in the table.
    """
    margins: dict[str, float] = {}
    metrics = given.table.metrics
    for text in texts:
        name, _, number = (part.strip() for part in text.rpartition("="))
        try:
            margin = float(number)
        except ValueError:
            margin = math.nan
        if not name or not 0 <= margin < math.inf:
            raise UserError(f"--margin takes a metric and a number from 0, such as dice=0.02, got '{text}'.")
        meant = understood(name)
        metric = name if name in metrics or meant is None else meant.metric.name
        if metric not in metrics:
            raise UserError(f"--margin '{text}': the table has no metric '{name}'; it has {', '.join(metrics)}.")
        margins[metric] = margin
    own = {name: given.table.own_metrics.get(name) or metric_named(name) for name in metrics}
    lacking = [name for name in metrics if margins.get(name, own[name].margin) == 0]
    told = [f"Margin of {name}: {margin:g}." for name, margin in margins.items()]
    told += [
        f"No margin of {name} is known, so any difference counts and none can be called equivalent; give the smallest "
        f"that matters: --margin '{name}=NUMBER'."
        for name in lacking
        if name not in margins
    ]
    return replace(given, margins=margins, table=replace(given.table, decisions=(*given.table.decisions, *told)))


def report_table(
    given: Given,
    out: Path,
    *,
    title: str | None = None,
    baseline: str | None = None,
    primary_metric: str | None = None,
    resamples: int = 10_000,
    seed: int = 0,
    figures: Iterable[Format] = ("svg",),
    covariates: Covariates | None = None,
    aggregated: bool = False,
) -> Path:
    """Compare the models of a table and write ``report.html``; return its path.

    Args:
        given: what `read_results` returned, or `with_margins`.
        out: folder for the page, its data and the tables.
        title: heading; the data set if absent.
        baseline: the model that all others are compared with; if absent, nnU-Net's own, else the one with most cases.
        primary_metric: the metric that the verdict rests on; if absent, Dice, or the only one there is.
        resamples: number of bootstrap resamples.
        seed: seed of the resampling.
        figures: formats of the figures as files.
        covariates: what is known of the cases beside the table, and how it is used.
        aggregated: whether single cases are withheld, and the tables not copied.

    Raises:
        UserError: there is no such baseline or metric, or several metrics and none of them is Dice.
    """
    read, table = given.table, given.table.cases
    primary_metric = primary_metric or _primary(read.metrics)
    baseline = baseline or default_baseline(table)
    if baseline not in set(table["trainer"]):
        names = ", ".join(dict.fromkeys(table["trainer"]))
        raise UserError(f"There is no model '{baseline}' to be the baseline; there are {names}.")
    record = record_of(
        {"cases": table},
        title=title or given.dataset,
        baseline=baseline,
        primary_metric=primary_metric,
        metrics=read.metrics,
        decision={"margin": given.margins[primary_metric]} if primary_metric in given.margins else None,
        resamples=resamples,
        seed=seed,
    )
    tables: dict[str, pd.DataFrame] = {"cases": table}
    if len(read.covariates):
        tables["covariates"] = read.covariates
    covariates = covariates or Covariates()
    tables, said = covariates.join(tables)
    if not aggregated:
        write_tables(out / "tables", tables)
    tables, statistics = compare_tables(
        tables, record, own_metrics=read.own_metrics, by_case=covariates.by_case, margins=given.margins
    )
    comparison = assemble(
        tables,
        statistics,
        record,
        provenance=provenance_of_table(record, given.files, [*read.decisions, *said]) | covariates.facts,
        own_metrics=read.own_metrics,
        names_as_given=True,
        aggregated=aggregated,
    )
    return write_report(out, comparison, figures=figures)


def _primary(metrics: Sequence[str]) -> str:
    if "dice" in metrics:
        return "dice"
    if len(metrics) == 1:
        return metrics[0]
    raise UserError(
        f"Several metrics and no Dice: name the one that the verdict rests on, --primary-metric {metrics[0]} "
        f"(there are {', '.join(metrics)})."
    )


def _named(text: str) -> tuple[str | None, Path]:
    """Model and file of ``NAME=FILE``; a file whose own name has an equals sign is taken as it is."""
    name, equals, path = text.partition("=")
    return (None, Path(text)) if not equals or Path(text).exists() else (name.strip(), Path(path))
