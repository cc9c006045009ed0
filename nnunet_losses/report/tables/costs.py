"""Time and memory of each loss."""

import math

from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import View
from nnunet_losses.report.numbers import NOTHING, duration, memory
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
