"""Folders of references and predictions to Parquet tables: parallel over cases, resumable, the reference read once."""

import multiprocessing
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import read_segmentation
from nnunet_losses.base.names import table_name
from nnunet_losses.base.tables.storage import write_tables
from nnunet_losses.evaluation import tables
from nnunet_losses.evaluation.case import Reference, evaluate_case
from nnunet_losses.evaluation.plan import LAST_TABLE, Job, Prediction, Task, parts_dir, plan
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

    Raises:
        UserError: before any work, listing every missing file and every mismatch of shape or place.
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
    todo = [job for job in jobs if not all(task.done for task in job.tasks)]
    done = sum(task.done for task in tasks)
    with tqdm(total=len(tasks), initial=done, unit="prediction", desc="evaluate", disable=not progress) as bar:
        for measured in _run_all(todo, workers):
            bar.update(measured)

    result = {
        name: tables.join(name, [pd.read_parquet(task.part / table_name(name)) for task in tasks])
        for name in tables.COLUMNS
    }
    write_tables(out_dir, result)
    if not keep_cases:
        shutil.rmtree(parts_dir(out_dir), ignore_errors=True)
    return result


def _run_all(jobs: Sequence[Job], workers: int) -> Iterator[int]:
    """Measure all cases; yield for each job that ends how many predictions it measured."""
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


def _run(job: Job) -> int:
    """Measure what is missing of a case, with one thread, and return how many predictions that were."""
    with threadpool_limits(1):
        return _measure(job)


def _measure(job: Job) -> int:
    reference = None
    measured = 0
    for task in job.tasks:
        if task.done:
            continue
        if reference is None:
            segmentation = read_segmentation(job.reference)
            with _named(job.reference):
                reference = Reference(segmentation, job.spacing, job.labels, job.settings)
        prediction = read_segmentation(task.prediction)
        probabilities = None
        if task.probabilities is not None:
            probabilities = read_probabilities(task.probabilities, prediction.shape, job.labels.channels)
        with _named(task.prediction):
            found = evaluate_case(reference, prediction, probabilities)
        _write_part(task, job.case, found)
        measured += 1
    return measured


def _write_part(task: Task, case: str, found: Mapping[str, pd.DataFrame]) -> None:
    """Write the tables of one prediction; it does no harm if another process writes the same at the same time."""
    for table in found.values():
        for position, (column, value) in enumerate({**task.identity, "case": case}.items()):
            table.insert(position, column, value)
    others = {name: table for name, table in found.items() if name != LAST_TABLE}
    write_tables(task.part, {**others, LAST_TABLE: found[LAST_TABLE]})


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say which file a `UserError` is about."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
