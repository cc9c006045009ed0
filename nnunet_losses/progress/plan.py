"""What a study will cost and when it will end, from measured steps: its own so far, or those of a short benchmark."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from nnunet_losses.base.dataset import read_dataset_json
from nnunet_losses.base.disk import free_bytes
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import SPLITS_JSON
from nnunet_losses.base.splits import read_splits
from nnunet_losses.nnunet.benchmark import Figure
from nnunet_losses.nnunet.names.changes import default_length
from nnunet_losses.nnunet.names.grammar import parse_trainer_name
from nnunet_losses.nnunet.results.text_logs import log_seconds, text_logs
from nnunet_losses.progress.status import last_events
from nnunet_losses.progress.trainings import TrainingProgress, is_published, read_progress, training_folder
from nnunet_losses.study.cost import case_seconds, checkpoint_bytes, training_seconds
from nnunet_losses.study.record import Run
from nnunet_losses.study.study import Study

Experiment = tuple[str, str]
"""Data set and configuration."""


@dataclass(frozen=True)
class LossCost:
    """What a loss costs in one data set and configuration.

    step: seconds of a training step with its share of validation.
    seconds: of all its trainings, predicted and evaluated.
    source: "trainings", "benchmark", or "other losses": whose mean it is.
    """

    dataset: str
    configuration: str
    loss: str
    step: float
    seconds: float
    source: str


@dataclass(frozen=True)
class StudyPlan:
    """What a study costs in all, and what of that is left.

    costs: of each loss.
    trainings, finished: their number.
    seconds: of all trainings, one after the other.
    seconds_left: of what is not finished.
    bytes_left: on the disk, of what is not finished.
    bytes_free: on that disk.
    pilot_trainings, pilot_seconds: of every loss on the first fold, with the first seed.
    race_trainings, race_seconds: of a study that goes on with the better half of the losses after each round.
    """

    costs: Sequence[LossCost]
    trainings: int
    finished: int
    seconds: float
    seconds_left: float
    bytes_left: int
    bytes_free: int
    pilot_trainings: int
    pilot_seconds: float
    race_trainings: int
    race_seconds: float


def loss_of(trainer: str) -> str:
    """What a trainer's name says of its loss, without seed and length; another's trainer stands for itself."""
    name = parse_trainer_name(trainer)
    return trainer if name is None else str(name.replace(seed=None, epochs=None, iterations=None))


def length_of(trainer: str) -> tuple[int, int]:
    """Epochs of a trainer, and iterations in each."""
    name = parse_trainer_name(trainer)
    return default_length(()) if name is None else name.length


def figures_file(directory: Path, study: str) -> Path:
    """Where the measured steps of a study are kept.

    Args:
        directory: where it runs.
        study: its name.
    """
    return directory / "logs" / "plan" / f"{study}.json"


def experiments_of(study: Study, runs: Sequence[Run], directory: Path) -> dict[Experiment, Mapping[str, Any]]:
    """The configurations that a study trains, as nnU-Net has planned them.

    Args:
        study: the study.
        runs: its trainings.
        directory: where it runs.

    Raises:
        UserError: the data have not been prepared yet.
    """
    from nnunet_losses.nnunet.preparation.plans import resolved_configuration

    found = {}
    for dataset, configuration in dict.fromkeys((run.dataset, run.configuration) for run in runs):
        plans = directory / "work" / "nnUNet_preprocessed" / dataset / f"{study.plans}.json"
        done = directory / "results" / "preprocessed" / dataset / study.plans / f"{configuration}.json"
        if not plans.is_file() or not done.is_file() or not _splits(directory, dataset).is_file():
            raise UserError(
                f"{dataset} has not been prepared for {configuration} in {directory.absolute()}, and the cost depends "
                f"on that; first: nnunet-losses run data --configfile {study.where}"
            )
        found[dataset, configuration] = resolved_configuration(plans, configuration)["configuration"]
    return found


def plan_study(study: Study, runs: Sequence[Run], directory: Path, figures: Iterable[Figure]) -> StudyPlan:
    """Estimate a study from what its trainings have taken so far, and from a benchmark.

    Args:
        study: the study.
        runs: its trainings.
        directory: where it runs.
        figures: of a benchmark; a loss of which trainings have run here does not need them.

    Raises:
        UserError: the data have not been prepared yet, or nothing is known of the steps of some experiment.
    """
    experiments = experiments_of(study, runs, directory)
    benchmark = {(figure.dataset, figure.configuration, figure.loss): figure for figure in figures}
    folders = {run: training_folder(directory, study.plans, run) for run in runs}
    finished = {run for run in runs if is_published(directory, study.plans, run)}
    progress = {run: read_progress(folders[run], finished=run in finished) for run in runs}
    cases = {dataset: read_splits(_splits(directory, dataset), dataset) for dataset, _ in experiments}
    number = {run: len(cases[run.dataset][run.fold]["val"]) for run in runs}

    steps, sources = _steps(runs, progress, benchmark)
    after = _after(study, directory, finished, number, experiments, benchmark)

    training, left = {}, {}
    for run in runs:
        epochs, iterations = length_of(run.trainer)
        whole = training_seconds(steps[_key(run)], 0.0, epochs, iterations)
        rest = number[run] * after[run.dataset, run.configuration]
        share = min(1.0, progress[run].epoch / epochs)
        training[run], left[run] = whole + rest, 0.0 if run in finished else (1 - share) * whole + rest
    waiting = [run for run in runs if run not in finished]
    weights = {key: _parameters(study, directory, *key) for key in experiments}
    saved = sum(checkpoint_bytes(weights[run.dataset, run.configuration]) for run in waiting)
    costs = [
        LossCost(*key, steps[key], sum(training[run] for run in runs if _key(run) == key), sources[key])
        for key in dict.fromkeys(map(_key, runs))
    ]
    return StudyPlan(
        costs=costs,
        trainings=len(runs),
        finished=len(finished),
        seconds=sum(training.values()),
        seconds_left=sum(left.values()),
        bytes_left=saved,
        bytes_free=free_bytes(directory),
        **_savings(study, runs, training),
    )


def _steps(
    runs: Sequence[Run], progress: Mapping[Run, TrainingProgress], benchmark: Mapping[tuple[str, str, str], Figure]
) -> tuple[dict[tuple[str, str, str], float], dict[tuple[str, str, str], str]]:
    """Seconds of a training step of each loss, with its share of validation, and where that is from."""
    seen: dict[tuple[str, str, str], list[float]] = {}
    for run in runs:
        if progress[run].epoch:
            seen.setdefault(_key(run), []).append(progress[run].seconds_per_epoch / length_of(run.trainer)[1])
    steps, sources = {key: median(values) for key, values in seen.items()}, dict.fromkeys(seen, "trainings")
    for run in runs:
        key = _key(run)
        if key not in steps and key in benchmark:
            iterations = length_of(run.trainer)[1]
            of = benchmark[key]
            steps[key] = training_seconds(of.step, of.validation_step, 1, iterations) / iterations
            sources[key] = "benchmark"
    for run in runs:
        key = _key(run)
        if key not in steps:
            others = [value for other, value in steps.items() if other[:2] == key[:2]]
            if not others:
                raise UserError(f"Nothing is known of steps of {key[1]} of {key[0]}; measure them: --measure")
            steps[key], sources[key] = mean(others), "other losses"
    return steps, sources


def unmeasured(
    study: Study, runs: Sequence[Run], directory: Path, figures: Iterable[Figure], *, all_of_them: bool = False
) -> list[Run]:
    """A training of each loss that has to be measured: that has neither run nor been measured.

    Once anything of an experiment is known by its trainings, nothing of it has to be: another loss costs about as much.

    Args:
        study: the study.
        runs: its trainings.
        directory: where it runs.
        figures: what has been measured.
        all_of_them: whether to measure every loss.

    Raises:
        UserError: the data have not been prepared yet.
    """
    experiments_of(study, runs, directory)
    known = set() if all_of_them else {(figure.dataset, figure.configuration, figure.loss) for figure in figures}
    begun: set[Experiment] = set()
    if not all_of_them:
        begun = {
            (run.dataset, run.configuration)
            for run in runs
            if read_progress(training_folder(directory, study.plans, run), finished=True).epoch
        }
    chosen: dict[tuple[str, str, str], Run] = {}
    for run in runs:
        if _key(run) not in known and (run.dataset, run.configuration) not in begun:
            chosen.setdefault(_key(run), run)
    return list(chosen.values())


def _after(
    study: Study,
    directory: Path,
    finished: Iterable[Run],
    number: Mapping[Run, int],
    experiments: Mapping[Experiment, Mapping[str, Any]],
    benchmark: Mapping[tuple[str, str, str], Figure],
) -> dict[Experiment, float]:
    """Seconds for each case of a fold after the last epoch: its prediction, and its evaluation where that is known."""
    taken: dict[Experiment, list[float]] = {}
    for run in finished:
        logs = text_logs(training_folder(directory, study.plans, run))
        if logs and (rest := log_seconds(logs[-1])) is not None:
            taken.setdefault((run.dataset, run.configuration), []).append(rest / number[run])
    events = last_events(directory, study.name)
    per_fold = 0.0
    for rule in ("predict", "evaluate"):  # `predict` only collects what nnU-Net has predicted after the last epoch
        ended = [job.ended - job.started for job in events.of_rule(rule) if job.ended is not None and not job.failed]
        per_fold += mean(ended) if ended else 0.0
    per_case = per_fold / mean(number.values())
    found = {}
    for key, configuration in experiments.items():
        patches = [figure.patch for of, figure in benchmark.items() if of[:2] == key]
        if key in taken:
            predicted = mean(taken[key])
        elif patches:
            shape = [int(n) for n in configuration["median_image_size_in_voxels"]]
            predicted = case_seconds(shape, [int(n) for n in configuration["patch_size"]], mean(patches))
        else:
            predicted = 0.0
        found[key] = predicted + per_case
    return found


def _savings(study: Study, runs: Sequence[Run], seconds: Mapping[Run, float]) -> dict[str, Any]:
    """What a pilot and a race would take instead of the study."""
    rounds = study.rounds(runs)
    first = [run for run in runs if rounds[run] == 0]
    losses = len({loss_of(run.trainer) for run in runs})
    trainings, spent = 0.0, 0.0
    for number in range(max(rounds.values()) + 1):
        here = [seconds[run] for run in runs if rounds[run] == number]
        share = max(min(2, losses), math.ceil(losses / 2**number)) / losses
        trainings, spent = trainings + share * len(here), spent + share * sum(here)
    return {
        "pilot_trainings": len(first),
        "pilot_seconds": sum(seconds[run] for run in first),
        "race_trainings": round(trainings),
        "race_seconds": spent,
    }


def _parameters(study: Study, directory: Path, dataset: str, configuration: str) -> int:
    """How many parameters the network of a configuration has."""
    from nnunet_losses.nnunet.preparation.expected import parameters_of

    folder = directory / "work" / "nnUNet_preprocessed" / dataset
    return parameters_of(folder / f"{study.plans}.json", read_dataset_json(folder), configuration)


def _key(run: Run) -> tuple[str, str, str]:
    return run.dataset, run.configuration, loss_of(run.trainer)


def _splits(directory: Path, dataset: str) -> Path:
    return directory / "results" / "datasets" / dataset / SPLITS_JSON
