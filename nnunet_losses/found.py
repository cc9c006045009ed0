"""From an existing folder ``nnUNet_results``, of any trainers, to tables and report."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nnunet_losses.base.dataset import find_dataset, read_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.identity import CASE, RUN
from nnunet_losses.base.labels import LabelSet
from nnunet_losses.base.names import DATASET_JSON, LABELS_FOLDER, REFERENCES_FOLDER, SPLITS_JSON, SUMMARY_JSON
from nnunet_losses.base.splits import Splits, read_splits
from nnunet_losses.base.states import CaseStatus
from nnunet_losses.base.tables.results import CASES
from nnunet_losses.base.tables.storage import write_tables
from nnunet_losses.comparison.assemble import assemble
from nnunet_losses.comparison.covariates import Covariates
from nnunet_losses.comparison.gallery import Predicted, gallery_files
from nnunet_losses.comparison.provenance import provenance_of_found
from nnunet_losses.comparison.tables import compare_tables, record_of
from nnunet_losses.evaluation import EvaluationSettings, Prediction, counted_case, evaluate_folders
from nnunet_losses.nnunet.names.identity import identity
from nnunet_losses.nnunet.results.history import job_row, read_history
from nnunet_losses.nnunet.results.models import remark_on_checkpoint
from nnunet_losses.nnunet.results.trainings import Training, find_trainings
from nnunet_losses.nnunet.results.validations import Validation, find_validation, without_repeats
from nnunet_losses.report import write_report
from nnunet_losses.report.papers import Format
from nnunet_losses.study.record import Run


@dataclass(frozen=True)
class Found:
    """The trainings of a data set, their out-of-fold predictions, and the data that these are compared with.

    references: folder of the reference segmentations; None if no training has predictions, only ``summary.json``.
    raw: the raw data set, for the pictures; None if it is not there.
    splits_file: the present ``splits_final.json``; None if it is not there.
    splits: what it says.
    of_checkpoints: remarks on checkpoints that are damaged or from another training.
    """

    dataset: str
    trainings: tuple[Training, ...]
    validations: tuple[Validation, ...]
    references: Path | None
    dataset_json: Mapping[str, Any]
    raw: Path | None
    splits_file: Path | None
    splits: Splits | None
    of_checkpoints: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The data set's folder in ``nnUNet_results``."""
        return self.trainings[0].folder.parents[1]

    @property
    def expected(self) -> list[Run]:
        """Every training that ought to be there: each trainer in each fold that its configuration has at all."""
        folds: dict[str, set[int]] = {}
        trainers: dict[str, dict[str, None]] = {}
        for training in self.trainings:
            folds.setdefault(self.configuration(training), set()).add(training.fold)
            trainers.setdefault(self.configuration(training), {})[training.trainer] = None
        return [
            Run(dataset=self.dataset, configuration=configuration, trainer=trainer, fold=fold)
            for configuration, names in trainers.items()
            for trainer in names
            for fold in sorted(folds[configuration])
        ]

    @property
    def remarks(self) -> list[str]:
        """What a reader has to know about the origin of the results, a sentence each."""
        of_each = [remark for validation in self.validations for remark in validation.remarks]
        return _remarks(self) + of_each + list(self.of_checkpoints)

    @property
    def ending(self) -> str:
        """Ending of the names of image files."""
        return str(self.dataset_json["file_ending"])

    def row(self, training: Training) -> dict[str, str | int]:
        """The identity columns of a training."""
        return identity(training.dataset, self.configuration(training), training.trainer, training.fold)

    def configuration(self, training: Training) -> str:
        """The configuration's name; with its plans where there are several, because tables know no plans."""
        several = len({other.plans for other in self.trainings}) > 1
        return f"{training.plans}__{training.configuration}" if several else training.configuration


def find_results(
    results: Path,
    dataset: str,
    *,
    raw: Path | None = None,
    preprocessed: Path | None = None,
    references: Path | None = None,
    trainers: Sequence[str] = (),
    configurations: Sequence[str] = (),
    plans: Sequence[str] = (),
) -> Found:
    """Look through a results folder.

    Args:
        results: ``nnUNet_results``.
        dataset: ``DatasetXXX_Name`` or its number.
        raw: ``nnUNet_raw``; only the pictures need it.
        preprocessed: ``nnUNet_preprocessed``, for the splits and the references.
        references: folder of the reference segmentations, if they are in neither.
        trainers: those to take, by name or pattern; all if empty.
        configurations: likewise.
        plans: likewise.

    Raises:
        UserError: no such data set, no training, neither predictions nor ``summary.json``, no references.
    """
    if not results.is_dir():
        raise UserError(f"There is no folder {results}; give nnU-Net's results folder, --results.")
    folder = find_dataset(results, dataset)
    trainings = find_trainings(folder, trainers=trainers, configurations=configurations, plans=plans)
    raw, preprocessed = (
        base / folder.name if base is not None and (base / folder.name).is_dir() else None
        for base in (raw, preprocessed)
    )
    described = [path for path in (preprocessed, raw, *(t.folder.parent for t in trainings)) if path is not None]
    dataset_json = _dataset_json(described, folder.name)
    splits_file = None if preprocessed is None else preprocessed / SPLITS_JSON
    if splits_file is not None and not splits_file.is_file():
        splits_file = None
    splits = None if splits_file is None else read_splits(splits_file, folder.name)
    labels, ending = LabelSet.parse(dataset_json["labels"]), str(dataset_json["file_ending"])
    validations = without_repeats([find_validation(training, ending, splits, labels) for training in trainings], splits)
    if not any(validation.cases for validation in validations):
        raise UserError(
            f"No training of {folder} has predictions or a {SUMMARY_JSON} in fold_*/validation; nnU-Net writes them at "
            f"the end of a training, and again with nnUNetv2_train ... --val."
        )
    if references is None and any(validation.cases and not validation.counts for validation in validations):
        references = _references(folder.name, raw, preprocessed, ending)
    return Found(
        dataset=folder.name,
        trainings=tuple(trainings),
        validations=tuple(validations),
        references=references,
        dataset_json=dataset_json,
        raw=raw,
        splits_file=splits_file,
        splits=splits,
        of_checkpoints=tuple(remark for training in trainings if (remark := remark_on_checkpoint(training))),
    )


def evaluate_results(
    found: Found,
    out: Path,
    *,
    settings: EvaluationSettings | None = None,
    workers: int = 1,
    progress: bool = True,
    allow_geometry_mismatch: bool = False,
    skip_broken: bool = False,
    tell: Callable[[str], None] | None = None,
) -> dict[str, pd.DataFrame]:
    """Measure all predictions and read all histories: the tables of `nnunet-losses evaluate` and of the workflow.

    They are written to ``out``. Each prediction is measured once: what is there already is used again. Where only
    ``summary.json`` is left, the voxel metrics follow from its counts. The options are those of `evaluate_folders`.
    """
    predictions, counted = [], []
    for validation in found.validations:
        for case, counts in validation.counts.items():
            identity = found.row(validation.training) | {"case": case}
            rows = counted_case(counts, settings)
            counted.append(pd.DataFrame(identity, index=rows.index).join(rows))
        if validation.counts:
            continue
        training = validation.training
        with_npz = validation.with_probabilities
        for cases, npz in ((with_npz, training.validation), (set(validation.cases) - with_npz, None)):
            if cases:
                predictions.append(Prediction(training.validation, npz, found.row(training), sorted(cases)))
    tables: dict[str, pd.DataFrame] = {}
    if found.references is not None and predictions:
        tables = evaluate_folders(
            found.references,
            predictions,
            out,
            dataset_json=found.dataset_json,
            settings=settings,
            workers=workers,
            progress=progress,
            allow_geometry_mismatch=allow_geometry_mismatch,
            keep_cases=True,
            skip_broken=skip_broken,
            tell=tell,
        )
    if counted:
        tables["cases"] = CASES.concat([*([tables["cases"]] if tables else []), *counted])
        write_tables(out, {"cases": tables["cases"]})
    histories = {training: read_history(training.folder) for training in found.trainings}
    curves = [curve.assign(**found.row(training)) for training, curve in histories.items() if len(curve)]
    jobs = [
        found.row(training) | job_row(training.folder, curve, finished=training.finished)
        for training, curve in histories.items()
    ]
    further = {"jobs": pd.DataFrame(jobs)}
    if curves:
        table = pd.concat(curves, ignore_index=True)
        columns = list(found.row(found.trainings[0]))
        further["training"] = table[[*columns, *(column for column in table if column not in columns)]]
    write_tables(out, further)
    return {name: table for name, table in tables.items() if len(table)} | further


def report_results(
    found: Found,
    tables: Mapping[str, pd.DataFrame],
    out: Path,
    *,
    title: str | None = None,
    baseline: str | None = None,
    primary_metric: str = "dice",
    resamples: int = 10_000,
    seed: int = 0,
    viewer: bool = False,
    figures: Iterable[Format] = ("svg",),
    covariates: Covariates | None = None,
    aggregated: bool = False,
) -> Path:
    """Compare the trainers and write ``report.html``, by the same functions as the workflow; return its path.

    Args:
        found: the trainings.
        tables: what `evaluate_results` returned.
        out: folder for the page and its data.
        title: heading; the data set if absent.
        baseline: the trainer that all others are compared with; if absent, nnU-Net's own trainer, else its loss among
            ours, else the trainer with the most cases.
        primary_metric: the metric that the verdict rests on.
        resamples: number of bootstrap resamples.
        seed: seed of the resampling.
        viewer: also write ``viewer.html``.
        figures: formats of the figures as files.
        covariates: what is known of the cases, and how it is used.
        aggregated: whether single cases are withheld.

    Raises:
        UserError: the baseline has no cases, or the primary metric does not exist.
    """
    record = record_of(
        tables,
        title=title or found.dataset,
        baseline=baseline,
        primary_metric=primary_metric,
        resamples=resamples,
        seed=seed,
        runs=found.expected,
    )
    covariates = covariates or Covariates()
    tables, said = covariates.join(tables)
    tables, statistics = compare_tables(tables, record, by_case=covariates.by_case)
    splits = {} if found.splits_file is None else {found.dataset: found.splits_file}
    comparison = assemble(
        tables,
        statistics,
        record,
        provenance=provenance_of_found(record, [found.folder], remarks=[*found.remarks, *said], splits=splits)
        | covariates.facts,
        gallery=None if aggregated else gallery_files(_predicted(found, tables["cases"])),
        aggregated=aggregated,
    )
    return write_report(out, comparison, viewer=viewer, figures=figures)


def _dataset_json(folders: Sequence[Path], dataset: str) -> dict[str, Any]:
    for folder in folders:
        if (folder / DATASET_JSON).is_file():
            content = read_dataset_json(folder)
            if {"labels", "file_ending"} <= set(content):
                return content
    raise UserError(f"There is no {DATASET_JSON} of {dataset} with 'labels' and 'file_ending' beside its trainings.")


def _references(dataset: str, raw: Path | None, preprocessed: Path | None, ending: str) -> Path:
    """nnU-Net measures with the copies in the preprocessed data set; the raw labels are the same."""
    places = ((preprocessed, REFERENCES_FOLDER), (raw, LABELS_FOLDER))
    for folder in (base / name for base, name in places if base is not None):
        if folder.is_dir() and any(path.name.endswith(ending) for path in folder.iterdir()):
            return folder
    raise UserError(
        f"The reference segmentations of {dataset} are neither in nnUNet_preprocessed/{dataset}/{REFERENCES_FOLDER} "
        f"nor in nnUNet_raw/{dataset}/{LABELS_FOLDER}; set these two variables, or name the folder: --references."
    )


def _remarks(found: Found) -> list[str]:
    remarks = []
    if (found.folder / "ensembles").is_dir():
        remarks.append("Ensembles are left out: they do not belong to one trainer.")
    if any((training.folder.parent / "fold_all").is_dir() for training in found.trainings):
        remarks.append("fold_all is left out: it predicted the cases that it was trained on.")
    if found.splits is None:
        remarks.append("There is no splits_final.json: the cases of a fold are those that its log or its files name.")
    else:
        trained = {training.fold for training in found.trainings}
        if nobody := sorted(set(range(len(found.splits))) - trained):
            remarks.append(f"No trainer has fold {', '.join(map(str, nobody))} of {len(found.splits)}.")
    if without := [v.training for v in found.validations if v.counts]:
        remarks.append(
            f"The predictions of {_listed(without)} were deleted: their voxel metrics follow from the counts in "
            f"{SUMMARY_JSON}; their surfaces, lesions, volumes, thresholds, calibration and pictures are missing."
        )
    lacking = {
        v.training.trainer for v in found.validations if not v.counts and len(v.with_probabilities) < len(v.cases)
    }
    if lacking:
        remarks.append(
            f"Probabilities (.npz) of {', '.join(sorted(lacking))} are missing: their thresholds, calibration and "
            f"detection curves are left out; nnUNetv2_train ... --val --npz makes them."
        )
    return remarks


def _listed(trainings: Sequence[Training]) -> str:
    """The trainings, their folds together."""
    folds: dict[str, list[str]] = {}
    for training in trainings:
        folds.setdefault(f"{training.trainer}, {training.configuration}", []).append(str(training.fold))
    return "; ".join(f"{name}, fold{'s' if len(own) > 1 else ''} {', '.join(own)}" for name, own in folds.items())


def _predicted(found: Found, cases: pd.DataFrame) -> Iterator[Predicted]:
    """The predictions that pictures can be made of: intact ones, and none without the raw images."""
    if found.raw is None or found.references is None:
        return
    broken = cases.loc[cases["status"] == CaseStatus.PREDICTION_BROKEN, [*CASE]].drop_duplicates()
    failed = set(broken.itertuples(index=False, name=None))
    for validation in found.validations:
        row = found.row(validation.training)
        run = tuple(row[name] for name in RUN)
        yield Predicted(
            row=row,
            cases=[case for case in validation.cases if not validation.counts and (*run, case) not in failed],
            raw=found.raw,
            references=found.references,
            predictions=validation.training.validation,
            ending=found.ending,
            ignore=LabelSet.parse(found.dataset_json["labels"]).ignore,
        )
