"""Which files belong to which case, checked before any long work."""

import dataclasses
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_losses import __version__
from nnunet_losses.base.errors import UserError
from nnunet_losses.evaluation.images import Geometry, read_geometry
from nnunet_losses.evaluation.labels import LabelSet
from nnunet_losses.evaluation.settings import EvaluationSettings

_SHOWN_PROBLEMS = 20


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A folder of predictions of one trainer (and fold).

    probabilities_dir: nnU-Net's `.npz` files of the same cases. identity: values of the columns dataset, configuration,
    trainer, fold, seed; missing ones get a default (trainer: the folder's name). cases: those to evaluate; None takes
    every file of the folder that ends as the references do.
    """

    directory: Path
    probabilities_dir: Path | None = None
    identity: Mapping[str, str | int] = dataclasses.field(default_factory=dict)
    cases: Sequence[str] | None = None


@dataclasses.dataclass(frozen=True)
class Task:
    """One prediction of one case, and the folder its tables go to."""

    prediction: Path
    probabilities: Path | None
    identity: Mapping[str, str | int]
    part: Path


@dataclasses.dataclass(frozen=True)
class Job:
    """One case: its reference and all predictions of it."""

    case: str
    reference: Path
    spacing: tuple[float, ...]
    tasks: tuple[Task, ...]
    labels: LabelSet
    settings: EvaluationSettings


def plan(
    reference_dir: Path,
    predictions: Sequence[Prediction],
    out_dir: Path,
    *,
    dataset_json: Path | str | Mapping[str, Any],
    settings: EvaluationSettings,
    allow_geometry_mismatch: bool = False,
) -> list[Job]:
    """Jobs in the order of the case names; `UserError` that lists every problem, a sentence each."""
    dataset = _read_dataset(dataset_json)
    labels, ending = LabelSet.parse(dataset["labels"]), dataset["file_ending"]
    references = _cases(reference_dir, ending)
    if not references:
        raise UserError(f"{reference_dir}: no reference files ending in {ending!r} (the file_ending of dataset.json)")
    defaults = {"dataset": dataset.get("name", reference_dir.name), "configuration": "", "fold": 0, "seed": 0}

    problems: list[str] = []
    tasks: dict[str, list[Task]] = defaultdict(list)
    geometries: dict[str, Geometry] = {}
    for prediction in predictions:
        identity = {**defaults, "trainer": prediction.directory.name}
        if unknown := set(prediction.identity) - set(identity):
            raise UserError(f"identity: unknown column {min(unknown)!r}; columns are {', '.join(identity)}")
        identity |= prediction.identity
        predicted = _cases(prediction.directory, ending)
        if not predicted:
            problems.append(f"{prediction.directory}: holds no predictions ending in {ending!r}")
            continue
        for case in predicted if prediction.cases is None else prediction.cases:
            if case not in references:
                problems.append(f"{reference_dir / (case + ending)}: is missing, the reference of case {case!r}")
                continue
            files = _Files(references[case], prediction.directory / (case + ending), _npz(prediction, case))
            if found := files.problem(case, geometries, allow_geometry_mismatch):
                problems.append(found)
                continue
            part = parts_dir(out_dir) / files.fingerprint(identity, labels, settings)
            tasks[case].append(Task(files.prediction, files.probabilities, identity, part))
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        shown = problems[:_SHOWN_PROBLEMS] + ([f"... and {more} more"] if more > 0 else [])
        raise UserError("\n".join(shown))
    return [
        Job(case, references[case], geometries[case].spacing, tuple(tasks[case]), labels, settings)
        for case in sorted(tasks)
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
        """What is wrong with them, from their headers. geometries: those of the references, by case; filled here."""
        for path in (self.prediction, self.probabilities):
            if path is not None and not path.is_file():
                return f"{path}: is missing (the reference is {self.reference})"
        try:
            if case not in geometries:
                geometries[case] = read_geometry(self.reference)
            reference = geometries[case]
            predicted = read_geometry(self.prediction)
        except UserError as error:
            return str(error)
        if predicted.shape != reference.shape:
            return (
                f"{self.prediction}: has shape {predicted.shape}, its reference {self.reference} has {reference.shape}"
            )
        if not allow_geometry_mismatch and not predicted.matches(reference):
            return (
                f"{self.prediction}: lies elsewhere than its reference {self.reference} (spacing, origin or direction "
                "differ); resample it, or --allow-geometry-mismatch if only the header is wrong"
            )
        return None

    def fingerprint(self, identity: Mapping[str, object], labels: LabelSet, settings: EvaluationSettings) -> str:
        """Names the result: another file, setting or version gives another name."""
        files = [path for path in (self.reference, self.prediction, self.probabilities) if path is not None]
        stamps = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
        parts = repr((__version__, stamps, sorted(identity.items()), labels, settings))
        return hashlib.sha256(parts.encode()).hexdigest()[:24]


def _npz(prediction: Prediction, case: str) -> Path | None:
    return None if prediction.probabilities_dir is None else prediction.probabilities_dir / f"{case}.npz"


def _cases(directory: Path, ending: str) -> dict[str, Path]:
    if not directory.is_dir():
        raise UserError(f"{directory}: no such folder")
    files = sorted(path for path in directory.iterdir() if path.name.endswith(ending) and not path.name.startswith("."))
    return {path.name.removesuffix(ending): path for path in files}


def _read_dataset(source: Path | str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        dataset, name = source, "dataset.json"
    else:
        name = str(source)
        try:
            dataset = json.loads(Path(source).read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"{source}: cannot be read as nnU-Net's dataset.json ({error})") from error
    for key in ("labels", "file_ending"):
        if not isinstance(dataset, Mapping) or key not in dataset:
            raise UserError(f"{name}: has no {key!r}, which nnU-Net's dataset.json needs")
    return dataset
