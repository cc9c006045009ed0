"""Which files belong to which case, checked before any long work."""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_losses import __version__
from nnunet_losses.base.dataset import read_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import SAME_GRID_VOXELS, Geometry, read_geometry
from nnunet_losses.base.labels import LabelSet
from nnunet_losses.base.names import DATASET_JSON, PROBABILITIES, table_name
from nnunet_losses.base.scale import Length, mixed
from nnunet_losses.base.tables.results import CASES
from nnunet_losses.evaluation.settings import EvaluationSettings
from nnunet_losses.evaluation.tables import COLUMNS

LAST_TABLE = CASES.name
"""Is written last, so that the tables of a case are complete if this one is there."""
_SHOWN_PROBLEMS = 20


class BrokenPredictionError(UserError):
    """A prediction cannot be measured; the text names its file."""


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A folder of predictions of one trainer (and fold).

    directory: files named as the references.
    probabilities_dir: nnU-Net's `.npz` files of the same cases.
    identity: values of the columns dataset, configuration, trainer, fold and seed; those that are absent get a default
        (the trainer is the folder's name).
    cases: those to evaluate; None takes every file of the folder that ends like the references.
    """

    directory: Path
    probabilities_dir: Path | None = None
    identity: Mapping[str, str | int] = dataclasses.field(default_factory=dict)
    cases: Sequence[str] | None = None


@dataclasses.dataclass(frozen=True)
class Task:
    """One prediction of one case, and the folder that its tables go to."""

    prediction: Path
    probabilities: Path | None
    identity: Mapping[str, str | int]
    part: Path

    @property
    def done(self) -> bool:
        """Whether all of its tables are there."""
        return (self.part / table_name(LAST_TABLE)).exists()


@dataclasses.dataclass(frozen=True)
class Broken:
    """One prediction of one case that cannot be measured.

    fault: a sentence that names the file and says what is wrong.
    with_probabilities: whether probabilities were to be measured too.
    """

    identity: Mapping[str, str | int]
    fault: str
    with_probabilities: bool


@dataclasses.dataclass(frozen=True)
class Job:
    """One case: its reference, all predictions of it that look intact, and those that are known to be broken."""

    case: str
    reference: Path
    spacing: tuple[float, ...]
    tasks: tuple[Task, ...]
    labels: LabelSet
    settings: EvaluationSettings
    unit: Length
    broken: tuple[Broken, ...] = ()


def plan(
    reference_dir: Path,
    predictions: Sequence[Prediction],
    out_dir: Path,
    *,
    dataset_json: Path | str | Mapping[str, Any],
    settings: EvaluationSettings,
    allow_geometry_mismatch: bool = False,
) -> list[Job]:
    """What to measure, in the order of the case names; the arguments are those of `evaluate_folders`.

    A prediction is broken if its header, or that of its probabilities, cannot be read or has another shape than the
    reference; its voxels are read only when it is measured.

    Raises:
        UserError: files are missing or shifted, or a reference cannot be read; the text lists every problem, a sentence
            each.
    """
    dataset = _read_dataset(dataset_json)
    labels, ending = LabelSet.parse(dataset["labels"]), dataset["file_ending"]
    references = _cases(reference_dir, ending)
    if not references:
        raise UserError(f"{reference_dir} holds no references ending in '{ending}', the file_ending of {DATASET_JSON}.")
    defaults = {"dataset": dataset.get("name", reference_dir.name), "configuration": "", "fold": 0, "seed": 0}

    problems: list[str] = []
    tasks: dict[str, list[Task]] = defaultdict(list)
    broken: dict[str, list[Broken]] = defaultdict(list)
    geometries: dict[str, Geometry] = {}
    for prediction in predictions:
        identity = {**defaults, "trainer": prediction.directory.name}
        if unknown := set(prediction.identity) - set(identity):
            raise UserError(f"identity: unknown column '{min(unknown)}'; the columns are {', '.join(identity)}.")
        identity |= prediction.identity
        predicted = _cases(prediction.directory, ending)
        if not predicted:
            problems.append(f"{prediction.directory} holds no predictions ending in '{ending}'.")
            continue
        for case in predicted if prediction.cases is None else prediction.cases:
            if case not in references:
                problems.append(f"{reference_dir / (case + ending)} is missing, the reference of case '{case}'.")
                continue
            files = _Files(references[case], prediction.directory / (case + ending), _npz(prediction, case))
            try:
                found = files.problem(case, geometries, allow_geometry_mismatch)
            except BrokenPredictionError as error:
                broken[case].append(Broken(identity, str(error), files.probabilities is not None))
                continue
            if found is not None:
                problems.append(found)
                continue
            part = parts_dir(out_dir) / files.fingerprint(identity, labels, settings)
            tasks[case].append(Task(files.prediction, files.probabilities, identity, part))
    units = {geometry.unit: case for case, geometry in sorted(geometries.items())}
    if mixed(units):
        problems.append(
            f"{references[units[Length.PX]]} has no spacing, {references[units[Length.MM]]} has one: write the spacing "
            "of every image of a data set, or of none."
        )
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        shown = problems[:_SHOWN_PROBLEMS] + ([f"… and {more} more."] if more > 0 else [])
        raise UserError("\n".join(shown))
    return [
        Job(
            case,
            references[case],
            geometries[case].spacing_mm,
            tuple(tasks[case]),
            labels,
            settings,
            geometries[case].unit,
            tuple(broken[case]),
        )
        for case in sorted({*tasks, *broken})
    ]


def parts_dir(out_dir: Path) -> Path:
    """Where finished cases wait until the tables are written."""
    return out_dir / ".evaluated_cases"


@dataclasses.dataclass(frozen=True)
class _Files:
    """The files of one prediction of one case."""

    reference: Path
    prediction: Path
    probabilities: Path | None

    def problem(self, case: str, geometries: dict[str, Geometry], allow_geometry_mismatch: bool) -> str | None:
        """What is wrong with them, from their headers; None if nothing is.

        geometries: those of the references, by case; a missing one is added.

        Raises:
            BrokenPredictionError: this prediction alone cannot be measured.
        """
        for path in (self.prediction, self.probabilities):
            if path is not None and not path.is_file():
                return f"{path} is missing (the reference is {self.reference})."
        try:
            if case not in geometries:
                geometries[case] = read_geometry(self.reference)
            reference = geometries[case]
        except UserError as error:
            return str(error)
        try:
            predicted = read_geometry(self.prediction)
        except UserError as error:
            raise BrokenPredictionError(str(error)) from error
        if predicted.shape != reference.shape:
            raise BrokenPredictionError(
                f"{self.prediction} has shape {predicted.shape}, its reference {self.reference} has {reference.shape}; "
                "resample it."
            )
        if not allow_geometry_mismatch and (offset := predicted.offset_voxels(reference)) > SAME_GRID_VOXELS:
            return (
                f"{self.prediction} is shifted against its reference {self.reference} (a corner by {offset:.3g} "
                "voxels); resample it, or give --allow-geometry-mismatch if only its header is wrong."
            )
        return None

    def fingerprint(self, identity: Mapping[str, object], labels: LabelSet, settings: EvaluationSettings) -> str:
        """A name for the result: it changes with the files, the settings, the version and the tables that are made."""
        files = [path for path in (self.reference, self.prediction, self.probabilities) if path is not None]
        stamps = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
        parts = repr((__version__, COLUMNS, stamps, sorted(identity.items()), labels, settings))
        return hashlib.sha256(parts.encode()).hexdigest()[:24]


def _npz(prediction: Prediction, case: str) -> Path | None:
    return None if prediction.probabilities_dir is None else prediction.probabilities_dir / f"{case}{PROBABILITIES}"


def _cases(directory: Path, ending: str) -> dict[str, Path]:
    if not directory.is_dir():
        raise UserError(f"There is no folder {directory}.")
    files = sorted(path for path in directory.iterdir() if path.name.endswith(ending) and not path.name.startswith("."))
    return {path.name.removesuffix(ending): path for path in files}


def _read_dataset(source: Path | str | Mapping[str, Any]) -> Mapping[str, Any]:
    required = ("labels", "file_ending")
    if not isinstance(source, Mapping):
        return read_dataset_json(Path(source), required)
    for key in required:
        if key not in source:
            raise UserError(f"{DATASET_JSON} has no '{key}'; add it as nnU-Net's dataset format asks.")
    return source
