"""The tables of finished trainings, kept where git can hold them, and put back so that nothing is trained twice."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.names import SPLITS_JSON, fold_name, table_name
from nnunet_losses.base.splits import Splits, read_splits
from nnunet_losses.base.tables.results import LOG_ODDS
from nnunet_losses.base.tables.storage import write_tables
from nnunet_losses.nnunet.names.ensembles import is_ensemble
from nnunet_losses.study.record import Run

MEASURED = ("cases", "lesions", "thresholds", "calibration", "log_odds")
"""Tables of the evaluation, in ``results/tables``."""
TRAINED = ("training", "jobs")
"""Tables of the training, in ``results/models``."""
LATER = table_name(LOG_ODDS.name)
"""A table that trainings of earlier versions do not have; an empty one takes its place."""


def keep_tables(runs: Iterable[Run], plans: str, results: Path, kept: Path) -> list[Run]:
    """Copy the tables of all trainings that were trained and evaluated; what was kept before is brought up to date.

    Args:
        runs: trainings that may have finished, and ensembles, which have no tables of a training.
        plans: nnU-Net's plans.
        results: ``results`` of the workflow.
        kept: the folder to keep them in, such as ``reports/<study>/trainings``: a folder of tables for each
            training.

    Returns:
        The trainings and ensembles that have finished.

    Raises:
        DiskFullError: there is no space for them.
    """
    finished = []
    for run in runs:
        files = _files(run, plans, results)
        if all(file.is_file() for name, file in files.items() if name != LATER):
            for name, file in files.items():
                if file.is_file():
                    _copy(file, kept / _folder(run, plans) / name)
            finished.append(run)
    return finished


def kept_folders(runs: Iterable[Run], plans: str, kept: Path) -> tuple[Path, ...]:
    """The folders of those trainings and ensembles whose tables were kept."""
    folders = (kept / _folder(run, plans) for run in runs)
    return tuple(folder for folder in folders if (folder / table_name("cases")).is_file())


def restore_tables(runs: Iterable[Run], plans: str, results: Path, kept: Path) -> list[Run]:
    """Put kept tables back, so that the workflow takes their trainings for finished.

    The files are newer than the data that the workflow has prepared, which is what makes it skip the trainings. Tables
    that are there already stay as they are.

    Args:
        runs: trainings and ensembles whose tables may have been kept. A restored ensemble does not need the predictions
            of its members.
        plans: nnU-Net's plans.
        results: ``results`` of the workflow, in which the target ``data`` has been made.
        kept: the folder in which `keep_tables` put them.

    Returns:
        The trainings and ensembles that were put back.

    Raises:
        UserError: the data have not been split yet, or a training was evaluated on other cases than its fold has.
        DiskFullError: there is no space for them.
    """
    splits: dict[str, Splits] = {}
    restored = []
    for run in runs:
        folder = kept / _folder(run, plans)
        files = _files(run, plans, results)
        there = [file.exists() for name, file in files.items() if name != LATER]
        if all(there) or not all((folder / name).is_file() for name in files if name != LATER):
            continue
        if run.dataset not in splits:
            splits[run.dataset] = read_splits(
                results / "datasets" / run.dataset / SPLITS_JSON, "make the workflow's target 'data' first"
            )
        _check_cases(folder / table_name("cases"), splits[run.dataset][run.fold]["val"], run)
        for name, file in files.items():
            if (folder / name).is_file():
                _copy(folder / name, file)
            else:
                write_tables(file.parent, {LOG_ODDS.name: LOG_ODDS.build()})
        restored.append(run)
    return restored


def _check_cases(table: Path, expected: Iterable[str], run: Run) -> None:
    measured = set(pd.read_parquet(table, columns=["case"])["case"].astype(str))
    if differing := sorted(measured ^ set(expected)):
        raise UserError(
            f"{table} is from another split: fold {run.fold} of {run.dataset} and the table do not both have the case "
            f"{differing[0]}. Use the folds that it was trained with, or remove it."
        )


def _folder(run: Run, plans: str) -> Path:
    return Path(run.dataset, f"{plans}__{run.configuration}", run.trainer, fold_name(run.fold))


def _files(run: Run, plans: str, results: Path) -> dict[str, Path]:
    """Where the workflow has the tables of a training or an ensemble, by the name of the file."""
    kinds = {"tables": MEASURED, "models": () if is_ensemble(run.trainer) else TRAINED}
    return {
        table_name(table): results / kind / _folder(run, plans) / table_name(table)
        for kind, tables in kinds.items()
        for table in tables
    }


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(target) as temporary:
        shutil.copyfile(source, temporary)
