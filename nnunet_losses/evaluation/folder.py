"""Folders of references and predictions to Parquet tables: parallel over cases, resumable, the reference read once."""

import multiprocessing
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import read_segmentation
from nnunet_losses.base.names import table_name
from nnunet_losses.base.tables.storage import write_tables
from nnunet_losses.evaluation import tables
from nnunet_losses.evaluation.case import Reference, broken_case, evaluate_case, unknown_label
from nnunet_losses.evaluation.plan import (
    LAST_TABLE,
    Broken,
    BrokenPredictionError,
    Job,
    Prediction,
    Task,
    parts_dir,
    plan,
)
from nnunet_losses.evaluation.probabilities import read_probabilities
from nnunet_losses.evaluation.settings import EvaluationSettings


def evaluate_folders(
    reference_dir: Path | str,
    predictions: Sequence[Prediction],
    out_dir: Path | str,
    *,
    dataset_json: Path | str | Mapping[str, Any],
    settings: EvaluationSettings | None = None,
    workers: int = 1,
    progress: bool = True,
    allow_geometry_mismatch: bool = False,
    keep_cases: bool = False,
    skip_broken: bool = False,
    tell: Callable[[str], None] | None = None,
) -> dict[str, pd.DataFrame]:
    """Evaluate predictions of several trainers against one folder of references, each reference prepared once.

    The tables cases, lesions, thresholds, calibration and log_odds are returned, and written as Parquet to ``out_dir``.
    Finished cases wait in a hidden folder there, so that an interrupted run goes on where it stopped; when the tables
    are written, that folder is removed.

    Args:
        reference_dir: the reference label maps.
        predictions: folders of predicted label maps with the same names.
        out_dir: folder for the tables.
        dataset_json: nnU-Net's file or its content (`labels`, `file_ending`).
        settings: what is measured; the defaults if absent.
        workers: processes, one thread each.
        progress: show a progress bar.
        allow_geometry_mismatch: only shapes must agree; the spacing is the reference's.
        keep_cases: keep the hidden folder, so that a later call measures only what is new.
        skip_broken: a prediction that cannot be measured (damaged, empty, of another shape, with a value that is no
            label) counts as a failure: its metrics are undefined, with status `prediction_broken`, and all lesions of
            the case are missed.
        tell: is given a sentence for each of them.

    Raises:
        UserError: before any work, listing every missing file and every shift against a reference; every prediction is
            broken; or, unless `skip_broken`, some are: the text names them all.
    """
    out_dir = Path(out_dir)
    jobs = plan(
        Path(reference_dir),
        predictions,
        out_dir,
        dataset_json=dataset_json,
        settings=settings or EvaluationSettings(),
        allow_geometry_mismatch=allow_geometry_mismatch,
    )
    tasks = [task for job in jobs for task in job.tasks]
    total = len(tasks) + sum(len(job.broken) for job in jobs)
    if not skip_broken and len(tasks) < total:
        _refuse(_every_fault(jobs), total)
    todo = [job for job in jobs if (skip_broken and job.broken) or not all(task.done for task in job.tasks)]
    done = sum(task.done for task in tasks)
    failures: list[Failure] = []
    with tqdm(total=total, initial=done, unit="prediction", desc="evaluate", disable=not progress) as bar:
        for measured in _run_all(todo, workers):
            bar.update(measured.predictions)
            failures += measured.failures
    failures.sort(key=lambda failure: failure.fault)
    if failures and (not skip_broken or len(failures) == total):
        _refuse([failure.fault for failure in failures], total)
    for failure in failures:
        if tell is not None:
            tell(f"Counts as a failure of {failure.trainer}: {failure.fault}")

    intact = [task for task in tasks if task.done]
    result = {
        name: tables.join(
            name,
            [pd.read_parquet(task.part / table_name(name)) for task in intact]
            + [failure.tables[name] for failure in failures],
        )
        for name in tables.COLUMNS
    }
    write_tables(out_dir, result)
    if not keep_cases:
        shutil.rmtree(parts_dir(out_dir), ignore_errors=True)
    return result


@dataclass(frozen=True)
class Failure:
    """A broken prediction: whose it is, why, and the tables that stand for it."""

    trainer: str
    fault: str
    tables: Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Measured:
    """What measuring a case gave: the number of predictions that were looked at, and the broken ones among them."""

    predictions: int = 0
    failures: list[Failure] = field(default_factory=list)


def _refuse(faults: Sequence[str], total: int) -> NoReturn:
    """Name every broken prediction."""
    advice = "To count such predictions as failures of their trainer instead, give --skip-broken."
    if len(faults) == total:
        advice = "There is nothing left to measure."
    if len(faults) == 1:
        raise UserError(f"1 of {total} predictions is broken: {faults[0]} {advice}")
    raise UserError("\n".join([f"{len(faults)} of {total} predictions are broken:", *faults, advice]))


def _every_fault(jobs: Sequence[Job]) -> list[str]:
    """The faults of all predictions; those whose header is sound are read."""
    faults = []
    for job in jobs:
        faults += [broken.fault for broken in job.broken]
        for task in job.tasks:
            if not task.done:
                try:
                    unknown = job.labels.unknown_value(_read(task, job)[0])
                    if unknown is not None:
                        faults.append(f"{task.prediction}: {unknown_label('prediction', unknown)}")
                except BrokenPredictionError as error:
                    faults.append(str(error))
    return sorted(faults)


def _run_all(jobs: Sequence[Job], workers: int) -> Iterator[Measured]:
    """Measure all cases, and yield what each gave as soon as it ends."""
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            yield _run(job)
        return
    # "spawn": forking a process that may already run threads (PyTorch, a progress bar) can hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context)
    try:
        for future in as_completed([pool.submit(_run, job) for job in jobs]):
            yield future.result()
    except BrokenProcessPool as error:
        raise UserError(
            "An evaluation process ended abruptly, most likely because memory ran out. Run again with fewer workers; "
            "finished cases are kept."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _run(job: Job) -> Measured:
    """Measure what is missing of a case, with one thread."""
    with threadpool_limits(1):
        return _measure(job)


def _measure(job: Job) -> Measured:
    segmentation = read_segmentation(job.reference)
    with _named(job.reference):
        reference = Reference(segmentation, job.spacing, job.labels, job.settings, job.unit)
    todo = [task for task in job.tasks if not task.done]
    broken = list(job.broken)
    for task in todo:
        try:
            prediction, probabilities = _read(task, job)
            with _named(task.prediction, BrokenPredictionError):
                found = evaluate_case(reference, prediction, probabilities)
        except BrokenPredictionError as error:
            broken.append(Broken(task.identity, str(error), task.probabilities is not None))
            continue
        _write_part(task, job.case, found)
    failures = []
    for one in broken:
        found = broken_case(reference, with_probabilities=one.with_probabilities)
        _identify(found, one.identity, job.case)
        failures.append(Failure(str(one.identity["trainer"]), one.fault, found))
    return Measured(len(todo) + len(job.broken), failures)


def _read(task: Task, job: Job) -> tuple[NDArray[np.integer], NDArray[np.floating] | None]:
    """Segmentation and probabilities of a prediction.

    Raises:
        BrokenPredictionError: one of them cannot be read.
    """
    try:
        prediction = read_segmentation(task.prediction)
        if task.probabilities is None:
            return prediction, None
        return prediction, read_probabilities(task.probabilities, prediction.shape, job.labels.channels)
    except UserError as error:
        raise BrokenPredictionError(str(error)) from error


def _identify(found: Mapping[str, pd.DataFrame], identity: Mapping[str, str | int], case: str) -> None:
    """Put the columns that say what the rows are about before the others."""
    for table in found.values():
        for position, (column, value) in enumerate({**identity, "case": case}.items()):
            table.insert(position, column, value)


def _write_part(task: Task, case: str, found: Mapping[str, pd.DataFrame]) -> None:
    """Write the tables of one prediction; it does no harm if another process writes the same at the same time."""
    _identify(found, task.identity, case)
    others = {name: table for name, table in found.items() if name != LAST_TABLE}
    write_tables(task.part, {**others, LAST_TABLE: found[LAST_TABLE]})


@contextmanager
def _named(path: Path, kind: type[UserError] = UserError) -> Iterator[None]:
    """Say which file a `UserError` is about, as an error of a kind."""
    try:
        yield
    except UserError as error:
        raise kind(f"{path}: {error}") from error
