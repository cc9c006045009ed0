"""What went wrong: trainings that did not complete, and values that are not defined."""

import math

from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import View, records
from nnunet_losses.report.numbers import duration, number
from nnunet_losses.report.tables.cells import head, named, numeric


def runs(view: View) -> Table | None:
    """The trainings that did not complete and what became of them; None if all completed."""
    failed = view.failures
    if failed is None or failed.empty:
        return None
    columns = [
        Column("Loss", numeric=False),
        Column("Fold"),
        Column("Seed"),
        Column("What happened", numeric=False),
        Column("Epochs"),
        Column("Time"),
    ]
    rows = [
        [
            head(view, str(job["trainer"])),
            numeric(job["fold"], number(job["fold"], 0)),
            numeric(job["seed"], number(job["seed"], 0)),
            Cell(str(job["status"]), str(job["status"]), kind="bad"),
            numeric(job.get("epochs", math.nan), number(job.get("epochs"), 0)),
            numeric(job["seconds"], duration(job["seconds"])),
        ]
        for job in records(failed)
    ]
    return Table(f"Trainings that did not complete, {view.dataset}, {view.configuration}", columns, rows, "jobs")


def undefined(view: View) -> Table | None:
    """Every kind of undefined value, how many there are, and what they were counted as; None if there are none."""
    metrics = view.comparison.metrics
    parts = [view.of_metric(name).statistic("undefined") for name in metrics]
    found = [row for part in parts if part is not None for row in records(part)]
    if not found:
        return None
    columns = [
        Column("Metric", numeric=False),
        Column("Loss", numeric=False),
        Column("Why undefined", numeric=False),
        Column("Counted as", "A case that is left out is left out for every loss", numeric=False),
        Column("Values", "Over all seeds"),
    ]
    rows = [
        [
            Cell(view.comparison.metric(str(row["metric"])).long_name),
            named(view.comparison, str(row["trainer"])),
            Cell(str(row["status"]).replace("_", " ")),
            Cell(str(row["resolved"])),
            numeric(row["n"], number(row["n"], 0)),
        ]
        for row in sorted(found, key=lambda row: (metrics.index(row["metric"]), view.trainers.index(row["trainer"])))
    ]
    return Table(
        f"Undefined values, {view.title}", columns, rows, "statistics_undefined",
        "Every figure and table of this report uses the values as counted here.", long=len(rows) > 15,
    )  # fmt: skip
