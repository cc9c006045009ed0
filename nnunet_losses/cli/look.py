"""A data set looked into: its summary, its imbalance, and what to be warned of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from nnunet_losses.base.files import write_atomically, write_json
from nnunet_losses.base.labels import LabelSet
from nnunet_losses.data import inspection
from nnunet_losses.data.imbalance import GridCase, imbalance, vanishing
from nnunet_losses.data.summary import DatasetSummary


@dataclass(frozen=True)
class Seen:
    """What is known of a data set.

    summary: its cases in numbers.
    facts: as `nnunet_losses.data.imbalance.imbalance` gives them.
    warnings: what to look at, one sentence each.
    """

    summary: DatasetSummary
    facts: pd.DataFrame
    warnings: list[str]

    def write(self, folder: Path, warnings: Sequence[str]) -> None:
        """Write ``imbalance.csv``, ``imbalance.svg``, ``summary.json`` and ``warnings.txt``."""
        from nnunet_losses.report.data_page import write_data_page

        folder.mkdir(parents=True, exist_ok=True)
        with write_atomically(folder / "imbalance.csv") as temporary:
            self.facts.to_csv(temporary, index=False)
        write_json(folder / "summary.json", self.summary.as_dict())
        with write_atomically(folder / "warnings.txt") as temporary:
            temporary.write_text("".join(f"{warning}\n" for warning in warnings), encoding="utf-8")
        write_data_page(self.summary, folder / "imbalance.svg")


def look_into(folder: Path, *, plans: Path | None, configuration: str, workers: int) -> Seen:
    """Inspect a raw data set, and follow its lesions into the network's grid.

    Args:
        folder: the raw data set.
        plans: nnU-Net's plans; without them, the spacing that its planner would choose.
        configuration: of the plans.
        workers: threads over cases.

    Raises:
        UserError: something is wrong with the data, or there is no such configuration.
    """
    summary = inspection.inspect_dataset(folder, workers=workers)
    grid = _grid(summary, plans, configuration, workers)
    if grid is None:
        return Seen(summary, imbalance(summary), list(summary.warnings))
    cases, name, spacing = grid
    return Seen(summary, imbalance(summary, cases), [*summary.warnings, *vanishing(cases, name, spacing)])


def _grid(
    summary: DatasetSummary, plans: Path | None, configuration: str, workers: int
) -> tuple[Sequence[GridCase], str, Sequence[float]] | None:
    """None if there are no plans, and none are needed: images of one spacing keep it at full resolution."""
    spacings = {case.spacing_mm for case in summary.cases}
    if plans is None and len(spacings) == 1:
        return None
    from nnunet_losses.base.dataset import read_dataset_json
    from nnunet_losses.nnunet.preparation.grid import expected_grid, lesions_in_grid, planned_grid

    if plans is not None:
        grid = planned_grid(plans, configuration)
    else:
        grid = expected_grid([case.shape for case in summary.cases], [case.spacing_mm for case in summary.cases])
    files, _ = inspection.list_files(summary.folder, read_dataset_json(summary.folder))
    labels = {name: case.label for name, case in files.items()}
    found = lesions_in_grid(labels, LabelSet.parse(summary.label_table), grid, workers=workers)
    return found, grid.name, grid.spacing
