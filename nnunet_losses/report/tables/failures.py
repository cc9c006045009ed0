"""What went wrong: trainings that did not complete or collapsed, and values that are not defined."""

import math

from nnunet_losses.base.states import CaseStatus, RunStatus
from nnunet_losses.base.tables.results import COLLAPSED
from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import Row, View, records
from nnunet_losses.report.numbers import count, duration, number
from nnunet_losses.report.tables.cells import head, named, numeric


def runs(view: View) -> Table | None:
    """The trainings that did not complete or collapsed, and what became of each; None if there are none."""
    failed = view.failures
    if failed is None or failed.empty:
        return None
    columns = [
        Column(view.noun.capitalize(), numeric=False),
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
            Cell(fate := _fate(view, job), fate, kind="bad"),
            numeric(job.get("epochs", math.nan), number(job.get("epochs"), 0)),
            numeric(job["seconds"], duration(job["seconds"])),
        ]
        for job in records(failed)
    ]
    kinds = [
        *(["did not complete"] if (failed["status"] != RunStatus.COMPLETED).any() else []),
        *([COLLAPSED] if failed[COLLAPSED].any() else []),
    ]
    title = f"Trainings that {' or '.join(kinds)}, {view.dataset}, {view.configuration}"
    return Table(title, columns, rows, "jobs")


def _fate(view: View, job: Row) -> str:
    """What became of a training, in words."""
    if not job[COLLAPSED]:
        return "stopped early" if job["status"] == RunStatus.UNFINISHED else str(job["status"])
    found = view.without_foreground(str(job["trainer"]), int(job["fold"]), int(job["seed"]))
    if found is None:
        return "collapsed: predicted no foreground at the end of training"
    empty, cases = found
    return f"collapsed: predicts no foreground in {empty} of {count(cases, 'case')}"


def broken(view: View) -> Table | None:
    """The predictions that could not be measured and count as failures; None if there are none."""
    cases = view.table("cases")
    found = None if cases is None else cases[cases["status"] == CaseStatus.PREDICTION_BROKEN]
    if found is None or found.empty:
        return None
    columns = [
        Column(view.noun.capitalize(), numeric=False),
        Column("Fold"),
        Column("Seed"),
        Column("Cases"),
        Column("Which", numeric=False),
    ]
    rows = [
        [
            head(view, str(row["trainer"])),
            numeric(row["fold"], number(row["fold"], 0)),
            numeric(row["seed"], number(row["seed"], 0)),
            numeric(len(row["case"]), number(len(row["case"]), 0)),
            Cell(", ".join(row["case"])),
        ]
        for row in records(found.groupby(["trainer", "fold", "seed"])["case"].agg(sorted).reset_index())
    ]
    return Table(
        f"Broken predictions, {view.title}", columns, rows, "cases",
        "Files that are damaged, empty or do not fit their reference. Each counts as the worst value of every metric "
        "that has one, and as a miss of every lesion.",
    )  # fmt: skip


def undefined(view: View) -> Table | None:
    """Every kind of undefined value, how many there are, and what they were counted as; None if there are none."""
    metrics = view.comparison.metrics
    parts = [view.of_metric(name).statistic("undefined") for name in metrics]
    found = [row for part in parts if part is not None for row in records(part)]
    if not found:
        return None
    columns = [
        Column("Metric", numeric=False),
        Column(view.noun.capitalize(), numeric=False),
        Column("Why undefined", numeric=False),
        Column("Counted as", f"A case that is left out is left out for every {view.noun}", numeric=False),
        Column("Values", "Over all seeds"),
    ]
    rows = [
        [
            Cell(view.of_metric(str(row["metric"])).metric.long_name),
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
