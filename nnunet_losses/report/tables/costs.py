"""Time and memory of each loss, and of each training."""

import math
from collections.abc import Callable

from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import View, records
from nnunet_losses.report.numbers import NOTHING, duration, memory, number, percent
from nnunet_losses.report.tables.cells import head, numeric


def table(view: View) -> Table | None:
    """One row per loss with a completed training."""
    spent = view.by_trainer("costs")
    if not spent:
        return None
    base = spent.get(view.baseline or "", {}).get("seconds", math.nan)
    columns = [
        Column(view.noun.capitalize(), numeric=False),
        Column("Time per training", "Mean over folds and seeds"),
        Column("Fastest – slowest"),
        Column("Relative to the baseline", "Ratio of the mean times"),
        Column("Peak memory", "Highest of any training"),
        Column("Trainings", "Completed"),
        Column("Hardware", numeric=False),
    ]
    rows = []
    for trainer in view.present(spent):
        row = spent[trainer]
        ratio = row["seconds"] / base if base > 0 else math.nan
        rows.append(
            [
                head(view, trainer),
                numeric(row["seconds"], duration(row["seconds"])),
                numeric(row["fastest"], f"{duration(row['fastest'])} – {duration(row['slowest'])}"),
                numeric(ratio, NOTHING if math.isnan(ratio) else f"{ratio:.2f}×"),
                numeric(row["peak_memory_mb"], memory(row["peak_memory_mb"])),
                numeric(row["runs"], str(row["runs"])),
                Cell(row["hardware"] or NOTHING),
            ]
        )
    return Table(f"Time and memory, {view.dataset}, {view.configuration}", columns, rows, "statistics_costs")


# Column of the table of jobs, its head here, its tooltip, and how its values are written.
OF_A_TRAINING: tuple[tuple[str, str, str, Callable[[float], str]], ...] = (
    ("seconds", "Time", "Sum of its epochs", duration),
    ("epochs", "Epochs", "", lambda n: number(n, 0)),
    ("peak_memory_mb", "Peak memory", "Of the GPU, or of the process on a CPU", memory),
    (
        "utilisation",
        "Device busy",
        "Share of time for which the GPU was busy, or of the CPU time of all threads",
        percent,
    ),
    ("resumes", "Resumed", "How often it was taken up again", lambda n: number(n, 0)),
    ("queued_seconds", "In the queue", "Of a cluster, all starts together", duration),
)


def trainings(view: View) -> Table | None:
    """One row per training, with what is known of it; what is known of none has no column."""
    jobs = view.table("jobs")
    if jobs is None:
        return None
    known = [entry for entry in OF_A_TRAINING if entry[0] in jobs and jobs[entry[0]].notna().any()]
    if not known:
        return None
    columns = [
        Column(view.noun.capitalize(), numeric=False),
        Column("Fold"),
        Column("Seed"),
        *(Column(title, tip) for _, title, tip, _ in known),
        Column("Hardware", numeric=False),
    ]
    rows = []
    for trainer in view.present(set(jobs["trainer"].astype(str))):
        for job in records(jobs[jobs["trainer"] == trainer].sort_values(["seed", "fold"])):
            cells = [head(view, trainer), numeric(job["fold"], number(job["fold"], 0))]
            cells.append(numeric(job["seed"], number(job["seed"], 0)))
            cells += [numeric(job[name], written(job[name])) for name, _, _, written in known]
            rows.append([*cells, Cell(str(job.get("hardware") or NOTHING))])
    return Table(f"Every training, {view.dataset}, {view.configuration}", columns, rows, "jobs", long=True)
