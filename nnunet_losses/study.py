"""A study: from its config file to the list of trainings it asks for."""

import difflib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.metrics import METRICS, metric_named
from nnunet_losses.losses import CATALOGUE
from nnunet_losses.nnunet.names.grammar import build_trainer_name, nearest_trainer, parse_trainer_name

PLANNERS = {
    "nnUNetPlans": "ExperimentPlanner",
    "nnUNetResEncUNetMPlans": "nnUNetPlannerResEncM",
    "nnUNetResEncUNetLPlans": "nnUNetPlannerResEncL",
    "nnUNetResEncUNetXLPlans": "nnUNetPlannerResEncXL",
}


@dataclass(frozen=True)
class Configuration:
    """A configuration of nnU-Net's plans; with ``overrides``, a new one made from ``inherits_from``."""

    name: str
    inherits_from: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> str:
        """The command-line options of ``nnunet-losses configure`` that make it; none for nnU-Net's own."""
        if self.inherits_from is None:
            return ""
        values = {"inherits_from": self.inherits_from, **self.overrides}
        return " ".join(
            f"--{key.replace('_', '-')} {item}"
            for key, value in values.items()
            for item in (value if isinstance(value, (list, tuple)) else [value])
        )


@dataclass(frozen=True)
class Run:
    """One training."""

    dataset: str
    configuration: str
    trainer: str
    fold: int


@dataclass(frozen=True)
class Study:
    """A checked config: what is compared (``trainers``, seeds left out) and what is trained (``runs``)."""

    name: str
    title: str
    dataset_files: tuple[str, ...]
    plans: str
    configurations: tuple[Configuration, ...]
    trainers: tuple[str, ...]
    seeds: tuple[int, ...]
    baseline: str
    fold_count: int | None
    folds: tuple[int, ...] | None
    config: Mapping[str, Any]
    where: str

    @property
    def planner(self) -> str:
        """The planner that makes these plans."""
        return PLANNERS[self.plans]

    @property
    def foreign_trainers(self) -> tuple[str, ...]:
        """Trainers that are not ours, whose existence only nnU-Net knows."""
        return tuple(trainer for trainer in self.trainers if parse_trainer_name(trainer) is None)

    @property
    def trained(self) -> tuple[str, ...]:
        """Trainer names as nnU-Net is called with: one for each compared trainer and seed."""
        return tuple(name for trainer in self.trainers for name in self._seeded(trainer))

    def _seeded(self, trainer: str) -> Iterator[str]:
        parsed = parse_trainer_name(trainer)
        if parsed is None or not self.seeds:  # a trainer of nnU-Net's own has no seed
            yield trainer
        else:
            yield from (str(parsed.replace(seed=seed)) for seed in self.seeds)

    def checked_folds(self, count: int) -> tuple[int, ...]:
        """The folds to train, of ``count`` that exist.

        Raises:
            UserError: ``folds.run`` asks for a fold that does not exist.
        """
        folds = self.folds or tuple(range(count))
        for fold in folds:
            if fold >= count:
                raise UserError(
                    f"{self.where}: folds.run asks for fold {fold}, but there are {count} folds, 0 to {count - 1}."
                )
        return folds

    def record(self, runs: Iterable[Run]) -> dict[str, Any]:
        """What a report needs to know: the config with its defaults, and every training that belongs to the study."""
        return {
            "config": dict(self.config),
            "title": self.title,
            "baseline": self.baseline,
            "trainers": list(self.trainers),
            "plans": self.plans,
            "runs": [vars(run) for run in runs],
        }

    def configuration(self, name: str) -> Configuration:
        """The configuration of that name."""
        return next(c for c in self.configurations if c.name == name)


def load_study(config: Mapping[str, Any], schema: Mapping[str, Any], where: str = "the study's config") -> Study:
    """Check a study's config and work out what it asks for.

    Args:
        config: the parsed YAML; keys that are absent get the schema's defaults.
        schema: JSON schema of a study (``workflow/schemas/study.schema.yaml``).
        where: how messages call the config, usually its path.

    Raises:
        UserError: an unknown key, a wrong value, an unknown loss or trainer, a baseline that is not compared, a fold
            that does not exist.
    """
    config = _with_defaults(config, schema)
    _validate(config, schema, where)

    _check_metrics(config["evaluation"], where)
    seeds = tuple(config["seeds"])
    trainers = tuple(_trainers(config, where))
    baseline = _complete(config.get("baseline", ""), config, where) if config.get("baseline") else trainers[0]
    if baseline not in trainers:
        raise UserError(f"{where}: the baseline {baseline} is not among the trainers ({', '.join(trainers)}).")
    configurations = tuple(_configuration(entry) for entry in config["configurations"])
    _unique([c.name for c in configurations], "configuration", where)
    number = None if "file" in config["folds"] else config["folds"]["number"]
    folds = config["folds"].get("run")
    study = Study(
        name=config["study"],
        title=config.get("title", config["study"]),
        dataset_files=tuple(config["datasets"]),
        plans=config["plans"],
        configurations=configurations,
        trainers=trainers,
        seeds=seeds,
        baseline=baseline,
        fold_count=number,
        folds=None if folds is None else tuple(folds),
        config=config,
        where=where,
    )
    if number is not None:
        study.checked_folds(number)
    return study


def read_splits(path: Path | str, where: str) -> list[dict[str, list[str]]]:
    """Read a ``splits_final.json``: a list of ``{"train": [...], "val": [...]}``, every fold with cases of both.

    Raises:
        UserError: the file is missing or is not such a list, or a case is in both parts of a fold.
    """
    try:
        splits = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise UserError(f"{where}: the splits file {path} does not exist.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{where}: the splits file {path} cannot be read: {error}.") from None
    if not isinstance(splits, list) or not splits:
        raise UserError(f"{where}: {path} must hold a list of folds, each with 'train' and 'val' case lists.")
    for fold, split in enumerate(splits):
        if not isinstance(split, dict) or not all(
            isinstance(split.get(part), list) and split[part] and all(isinstance(c, str) for c in split[part])
            for part in ("train", "val")
        ):
            raise UserError(f"{where}: fold {fold} of {path} needs non-empty lists 'train' and 'val' of case names.")
        if both := sorted(set(split["train"]) & set(split["val"])):
            raise UserError(f"{where}: fold {fold} of {path} has {both[0]} in both 'train' and 'val'.")
    return splits


def _check_metrics(evaluation: Mapping[str, Any], where: str) -> None:
    for name in evaluation["metrics"]:
        try:
            metric_named(name)
        except KeyError:
            near = difflib.get_close_matches(name, METRICS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(METRICS)}."
            raise UserError(f"{where}: evaluation.metrics names '{name}', which is no metric; {hint}") from None
    if evaluation["primary_metric"] not in evaluation["metrics"]:
        raise UserError(
            f"{where}: evaluation.primary_metric '{evaluation['primary_metric']}' is not among evaluation.metrics."
        )


def _configuration(entry: str | Mapping[str, Any]) -> Configuration:
    if isinstance(entry, str):
        return Configuration(entry)
    overrides = {k: v for k, v in entry.items() if k not in ("name", "inherits_from")}
    return Configuration(entry["name"], entry.get("inherits_from", "3d_fullres"), overrides)


def _trainers(config: Mapping[str, Any], where: str) -> list[str]:
    """The compared trainers in the order of the config, products multiplied out, training length in the name."""
    names = []
    for entry in config["trainers"]:
        if isinstance(entry, str):
            names.append(_complete(entry, config, where))
            continue
        parameters = entry.get("parameters", {})
        for loss, weighting in itertools.product(entry["losses"], entry.get("weightings", ["none"])):
            for values in itertools.product(*parameters.values()):
                name = build_trainer_name(
                    loss,
                    parameters=_by_keyword(loss, dict(zip(parameters, values, strict=True)), where),
                    weighting=None if weighting == "none" else weighting,
                )
                names.append(_complete(str(name), config, where))
    _unique(names, "trainer", where)
    return names


def _by_keyword(loss: str, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Hyper-parameters by keyword, given by the short names that trainer names use."""
    if loss not in CATALOGUE:
        return {}  # the name builder explains an unknown loss
    keywords = {parameter.option: parameter.keyword for parameter in CATALOGUE[loss].hyper_parameters}
    for option in values:
        if option not in keywords:
            there = f"it has {', '.join(keywords)}" if keywords else "it has none"
            raise UserError(f"{where}: {loss} has no hyper-parameter '{option}'; {there}.")
    return {keywords[option]: value for option, value in values.items()}


def _complete(trainer: str, config: Mapping[str, Any], where: str) -> str:
    """Write the study's training length into a trainer's name, because the name says the experiment."""
    parsed = parse_trainer_name(trainer)
    if parsed is None:
        if nearest := nearest_trainer(trainer):
            raise UserError(f"{where}: there is no trainer {trainer}; did you mean {nearest}?")
        if config["training"]:
            raise UserError(
                f"{where}: {trainer} is not a trainer of this package, so 'training' (epochs, iterations) cannot "
                f"apply to it; use one of ours (DiceCrossEntropyTrainer is nnU-Net's default loss) or leave "
                f"'training' out."
            )
        return trainer
    if parsed.seed is not None and config["seeds"]:
        raise UserError(f"{where}: {trainer} names a seed, and so does 'seeds'; leave one of the two out.")
    return str(
        parsed.replace(
            epochs=parsed.epochs or config["training"].get("epochs"),
            iterations=parsed.iterations or config["training"].get("iterations"),
        )
    )


def _unique(names: list[str], what: str, where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{where}: the {what} {name} is listed twice.")


def _with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    """A copy of ``value`` with the schema's defaults in every object, absent sections included."""
    value = deepcopy(value)
    if isinstance(value, dict) and "properties" in schema:
        for key, child in schema["properties"].items():
            if key not in value and "default" in child:
                value[key] = deepcopy(child["default"])
            if key in value:
                value[key] = _with_defaults(value[key], child)
    return value


def _validate(config: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema).iter_errors(config))
    if error is None:
        return
    place = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = sorted(set(error.instance) - set(known))[0]
        near = difflib.get_close_matches(unknown, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}."
        raise UserError(f"{where}: unknown key '{unknown}'{f' in {place}' if place else ''}; {hint}")
    raise UserError(f"{where}: {place or 'the config'}: {error.message}.")
