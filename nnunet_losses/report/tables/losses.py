"""The losses compared: formula, hyper-parameters, reference."""

from collections.abc import Mapping

from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import Comparison
from nnunet_losses.report.numbers import NOTHING
from nnunet_losses.report.tables.cells import named


def table(comparison: Comparison) -> Table | None:
    """One row per trainer whose loss is described; None if there is none."""
    losses = comparison.provenance.get("losses") or {}
    if not losses:
        return None
    columns = [Column(name, numeric=False) for name in ("Loss", "Formula", "Hyper-parameters", "Reference")]
    rows = []
    for trainer, loss in losses.items():
        parameters = loss.get("parameters") or {}
        if isinstance(parameters, Mapping):
            parameters = ", ".join(f"{key} = {value}" for key, value in parameters.items())
        words = (loss.get("formula"), parameters, loss.get("reference"))
        rows.append([named(comparison, str(trainer)), *(Cell(str(word or NOTHING)) for word in words)])
    return Table("The losses compared", columns, rows)
