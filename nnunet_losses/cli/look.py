"""A data set looked into: its summary, its imbalance, and what to be warned of."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nnunet_losses.base.dataset import read_dataset_json
from nnunet_losses.base.files import write_atomically, write_json
from nnunet_losses.base.labels import LabelSet
from nnunet_losses.data import inspection
from nnunet_losses.data.imbalance import imbalance, vanishing
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
        plans: nnU-Net's plans; without them, those that its planner would make, if it would resample anything.
        configuration: of the plans.
        workers: threads over cases.

    Raises:
        UserError: something is wrong with the data, or there is no such configuration.
    """
    summary = inspection.inspect_dataset(folder, workers=workers)
    if plans is not None:
        from nnunet_losses.nnunet.preparation.plans import resolved_configuration

        resolved_configuration(plans, configuration)  # a clear sentence, if it is not there
        return in_grid(summary, json.loads(plans.read_text(encoding="utf-8")), configuration, workers=workers)
    if len({case.spacing_mm for case in summary.cases}) == 1:
        return Seen(summary, imbalance(summary), list(summary.warnings))
    planned, usual = plans_for(summary)
    return in_grid(summary, planned, usual, workers=workers)


def plans_for(summary: DatasetSummary) -> tuple[dict[str, Any], str]:
    """The plans that nnU-Net is expected to make, and the configuration of full resolution."""
    from nnunet_losses.nnunet.preparation.expected import expected_plans

    plans = expected_plans(
        read_dataset_json(summary.folder),
        [case.shape for case in summary.cases],
        [case.spacing_mm for case in summary.cases],
    )
    return plans, "3d_fullres" if "3d_fullres" in plans["configurations"] else "2d"


def in_grid(
    summary: DatasetSummary, plans: Mapping[str, Any], configuration: str, *, workers: int, most: int | None = None
) -> Seen:
    """Follow the lesions of a data set into the grid of a configuration.

    Args:
        summary: of the data set.
        plans: nnU-Net's plans.
        configuration: of the plans.
        workers: threads over cases.
        most: number of cases to follow, spread over all; nnU-Net's resampling of a large label map takes a minute.
    """
    from nnunet_losses.nnunet.preparation.grid import lesions_in_grid, planned_grid

    grid = planned_grid(plans, configuration)
    files, _ = inspection.list_files(summary.folder, read_dataset_json(summary.folder))
    names = sorted(files)
    followed = names[:: max(1, math.ceil(len(names) / most))] if most is not None else names
    labels = {name: files[name].label for name in followed}
    cases = lesions_in_grid(labels, LabelSet.parse(summary.label_table), grid, workers=workers)
    warnings = [*summary.warnings, *vanishing(cases, grid.name, grid.spacing)]
    return Seen(summary, imbalance(summary, cases), warnings)
