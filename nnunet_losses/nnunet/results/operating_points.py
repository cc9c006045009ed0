"""The operating point that is stored with an exported model: chosen on a study's tables, applied to new cases."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from nnunet_losses.base.config import ConfigModel, Line, Many, checked, key
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_json
from nnunet_losses.base.tables.schema import TableError
from nnunet_losses.nnunet.names.identity import identity
from nnunet_losses.nnunet.training.origin import Origin
from nnunet_losses.statistics.calibration import temperature_of
from nnunet_losses.statistics.detection.operating_points import Goal, operating_point
from nnunet_losses.statistics.panels.clusters import clusters_of

OPERATING_POINT_JSON = "operating_point.json"
"""In the folder of an exported model."""
OUT_OF_FOLD, FLATTERED = "out of fold", "on the cases that it was chosen on"


class Measure(ConfigModel):
    """What an operating point is worth."""

    value: float = key("the value")
    low: float | None = key("low end of its 95 % interval", default=None)
    high: float | None = key("high end", default=None)


class LabelPoint(ConfigModel):
    """What is kept of the prediction of one label or region."""

    threshold: float | None = key(
        "a voxel belongs to the label above this probability", default=None, absent="as nnU-Net segments", gt=0, lt=1
    )
    min_score: float | None = key(
        "smallest log-odds that the largest in a component must reach", default=None, absent="any"
    )
    min_voxels: int = key("smallest component that is kept", default=1, unit="voxel", ge=1)
    temperature: float | None = key(
        "what the log-odds are divided by in probabilities that are written", default=None, absent="1", gt=0
    )
    measured: Line = key("on which cases the measures hold", default=OUT_OF_FOLD)
    measures: dict[Line, Measure] = key("what it is worth", default={})
    remarks: Many[Line] = key("what a reader has to know", default=())


class ModelPoint(ConfigModel):
    """The operating point of a model."""

    goal: Line = key("what it was chosen for")
    dataset: Line = key("the data set")
    configuration: Line = key("nnU-Net's configuration")
    trainer: Line = key("the trainer, without its seed")
    seed: int = key("the seed; 0 if unseeded", ge=0)
    folds: Many[int] = key("the folds whose cases it was chosen on")
    cases: Many[Line] = key("these cases")
    connectivity: int = key("voxel neighbourhood of a component, in 3D", default=26)
    labels: dict[Line, LabelPoint] = key("for each label or region")

    @property
    def run(self) -> tuple[str, str, str, int]:
        """The trainings that it is of."""
        return self.dataset, self.configuration, self.trainer, self.seed


def choose_point(
    goal: str,
    tables: Mapping[str, pd.DataFrame],
    origin: Origin,
    *,
    cluster: str | None = None,
    connectivity: int = 26,
) -> ModelPoint:
    """Choose the operating point of a model from the tables of the study that it was trained in.

    Args:
        goal: ``dice``, ``recall@K``, ``recall=R`` or ``precision=P``.
        tables: of results, by name; ``cases`` and, by the goal, ``thresholds`` or ``lesions``; ``log_odds`` if there.
        origin: the training of the model. All folds of the same trainer and seed are used.
        cluster: the covariate, such as the patient, of which the values and not the cases are independent; the table
            ``covariates`` has it.
        connectivity: that components were counted with.

    Raises:
        UserError: the goal does not exist or cannot be reached, or the tables know nothing of the training.
    """
    wanted = Goal.parse(goal)
    if "cases" not in tables:
        raise UserError("There is no table of cases; give the folder of a study's tables, --tables.")
    own = identity(origin.dataset, origin.configuration, origin.trainer, 0)
    dataset, trainer, seed = str(own["dataset"]), str(own["trainer"]), int(own["seed"])
    names = (origin.configuration, f"{origin.plans}__{origin.configuration}")  # the latter where plans are several

    def rows(name: str) -> pd.DataFrame | None:
        table = tables.get(name)
        if table is None or table.empty:
            return None
        here = (table["dataset"] == dataset) & table["configuration"].isin(names)
        return table[here & (table["trainer"] == trainer) & (table["seed"] == seed)]

    cases = rows("cases")
    if cases is None or cases.empty:
        there = ", ".join(sorted(set(tables["cases"]["trainer"])))
        raise UserError(
            f"There is no case of {trainer} (seed {seed}), {dataset}, {origin.configuration}; the tables hold {there}."
        )
    thresholds, lesions, log_odds = rows("thresholds"), rows("lesions"), rows("log_odds")
    clusters = None if cluster is None else _clusters(tables, cases, cluster)
    labels = {}
    for label, own_cases in cases.groupby("label", sort=False):
        name = str(label)
        try:
            found = operating_point(
                wanted, own_cases, thresholds=_of(thresholds, name), lesions=_of(lesions, name), clusters=clusters
            )
        except ValueError as error:
            raise UserError(f"{name}: {error}") from None
        bins = _of(log_odds, name)
        temperature = None if bins is None or bins.empty else _known(temperature_of(bins))
        labels[name] = LabelPoint(
            threshold=found.choice.threshold,
            min_score=found.choice.min_score,
            min_voxels=found.choice.min_voxels,
            temperature=temperature,
            measured=OUT_OF_FOLD if found.out_of_fold else FLATTERED,
            measures={
                measure: Measure(value=value, low=_known(low), high=_known(high))
                for measure, (value, low, high) in found.measures.items()
                if math.isfinite(value)
            },
            remarks=found.remarks,
        )
    return ModelPoint(
        goal=goal,
        dataset=dataset,
        configuration=origin.configuration,
        trainer=trainer,
        seed=seed,
        folds=tuple(sorted({int(fold) for fold in cases["fold"]})),
        cases=tuple(sorted(set(cases["case"].astype(str)))),
        connectivity=connectivity,
        labels=labels,
    )


def write_point(folder: Path, point: ModelPoint) -> Path:
    """Write the operating point of a model into its folder."""
    write_json(folder / OPERATING_POINT_JSON, point.plain())
    return folder / OPERATING_POINT_JSON


def read_point(file: Path) -> ModelPoint:
    """Read an operating point.

    Raises:
        UserError: the file does not exist, or holds something else.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"There is no {file}; export the model with --operating-point, or predict with nnUNetv2_predict."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file} cannot be read as an operating point ({error}); export the model again.") from None
    return checked(ModelPoint, content, str(file))


def _clusters(tables: Mapping[str, pd.DataFrame], cases: pd.DataFrame, cluster: str) -> "pd.Series[str]":
    """The cluster of each case of one data set, by case."""
    if "covariates" not in tables:
        raise UserError(f"The tables hold no covariates, so no '{cluster}' to resample by; leave --cluster out.")
    try:
        found = clusters_of(cases, tables["covariates"], cluster)
    except TableError as error:
        raise UserError(str(error)) from None
    return found.droplevel("dataset").rename(cluster)


def _of(rows: pd.DataFrame | None, label: str) -> pd.DataFrame | None:
    return None if rows is None else rows[rows["label"] == label]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
