"""Finished studies, read from the tables that they kept: one by one for its report, several for one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from nnunet_losses.base.config import named_file, read_yaml
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.identity import LABEL
from nnunet_losses.base.tables.storage import read_tables
from nnunet_losses.comparison.covariates import with_case_tables
from nnunet_losses.comparison.tables import loss_names, with_missing_jobs
from nnunet_losses.report import Comparison
from nnunet_losses.report.card import card_of
from nnunet_losses.statistics.papers.claims import Claim
from nnunet_losses.statistics.papers.evidence import evidence_tables
from nnunet_losses.statistics.tables.papers import STUDIES
from nnunet_losses.study.kept import kept_folders
from nnunet_losses.study.record import StudyRecord
from nnunet_losses.study.study import read_study

DATASETS = Path("config/datasets")


@dataclass(frozen=True)
class KeptStudy:
    """A study and the tables that it kept.

    file: of the study. name: its short name. record: what was asked for. tables: stacked, covariates included.
    folders: of the trainings that were kept.
    """

    file: Path
    name: str
    record: StudyRecord
    tables: Mapping[str, pd.DataFrame]
    folders: tuple[Path, ...]

    @property
    def told(self) -> str:
        """How many of its trainings were kept."""
        return f"{len(self.folders)} of {len(self.record.evaluated)} trainings"


def read_kept(file: Path, folder: Path | None = None, *, datasets: Path = DATASETS) -> KeptStudy | None:
    """A study from its file and its kept tables; None if nothing was kept of it.

    Args:
        file: of the study.
        folder: the kept tables; ``reports/<study>/trainings`` if absent.
        datasets: where data sets are described.

    Raises:
        UserError: the study or a table cannot be read.
    """
    from nnunet_losses.data.description import load_dataset_description

    study = read_study(file)
    folder = folder or Path("reports", study.name, "trainings")
    counted = study.config.folds.leave_out is not None and not study.config.folds.left_out
    needed = counted or study.config.statistics.cluster is not None
    # Their descriptions name local folders, which need not be there, so that only what is needed is read.
    files = [named_file(entry, datasets) for entry in study.config.datasets]
    found = {str(read_yaml(path, "data-set file")["name"]): path for path in files}
    descriptions = {name: load_dataset_description(path) for name, path in found.items()} if needed else {}
    record = study.record(study.runs(tuple(found), study.fold_count(descriptions)))
    folders = kept_folders(record.evaluated, str(study.plans), folder)
    if not folders:
        return None
    tables = read_tables(folders)
    if record.config.statistics.cluster is not None:
        by_case = [(name, Path(path)) for name, path in study.case_tables(descriptions).items()]
        tables, _ = with_case_tables(tables, by_case, record.config.statistics.cluster)
    return KeptStudy(file, study.name, record, tables, folders)


def with_earlier(tables: Mapping[str, pd.DataFrame], folder: Path, studies: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The tables, and what an earlier page says of studies whose own tables are not here.

    Where a licence forbids to pass values of single cases on, the page is all that is left of a study.

    Args:
        tables: as of `evidence_of`.
        folder: of the earlier page's tables, as CSV.
        studies: the short names of all studies, in the order of the rows.
    """
    here = {study for table in tables.values() for study in table["study"]}
    found = {}
    for name, table in tables.items():
        file = folder / f"{name}.csv"
        if file.is_file():
            numbers = table.select_dtypes("number").columns
            earlier = pd.read_csv(file, keep_default_na=False, na_values={column: [""] for column in numbers})
            earlier = earlier[earlier["study"].isin(list(studies)) & ~earlier["study"].isin(here)]
            if list(earlier.columns) == list(table.columns) and len(earlier):
                table = pd.concat([table, earlier], ignore_index=True)
                table = table.sort_values("study", key=lambda of: of.map(list(studies).index), kind="stable")
        found[name] = table.reset_index(drop=True)
    return found


def evidence_of(studies: Sequence[KeptStudy], claims: Sequence[Claim]) -> dict[str, pd.DataFrame]:
    """The tables of what several studies say, each with the column ``study`` first, and the table ``studies``.

    ``answers`` also has the column ``best``: whether the card of the study's report shows the value in bold.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    rows = []
    for study in studies:
        record, cases = study.record, study.tables["cases"]
        decision = record.config.decision
        trainers = list(dict.fromkeys(cases["trainer"]))
        if record.baseline not in trainers:
            raise UserError(f"{study.file}: the baseline {record.baseline} has not been kept yet.")
        found = evidence_tables(
            {**study.tables, "jobs": with_missing_jobs(study.tables.get("jobs"), record.runs)},
            baseline=record.baseline,
            primary_metric=decision.metric,
            margins={} if decision.margin is None else {decision.metric: decision.margin},
            alpha=decision.alpha,
            claims=claims,
            loss_names=loss_names(trainers),
            seed=record.seed,
            cluster=record.config.statistics.cluster,
        )
        found["answers"] = _with_best(found, study)
        for name, table in found.items():
            parts.setdefault(name, []).append(table.assign(study=study.name))
        for dataset, own in cases.groupby("dataset", sort=False):
            rows.append(
                {
                    "study": study.name, "title": record.title, "dataset": dataset, "baseline": record.baseline,
                    "primary_metric": decision.metric, "cases": own["case"].nunique(), "trainers": len(trainers),
                    "trainings": own[["trainer", "fold", "seed"]].drop_duplicates().shape[0],
                    "asked": sum(run.dataset == dataset for run in record.evaluated),
                }
            )  # fmt: skip
    stacked = {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}
    ordered = {name: table[["study", *table.columns.drop("study")]] for name, table in stacked.items()}
    return {**ordered, "studies": STUDIES.build(rows)}


def _with_best(found: Mapping[str, pd.DataFrame], study: KeptStudy) -> pd.DataFrame:
    answers = found["answers"]
    comparison = Comparison(
        tables=study.tables,
        statistics={name: found[name] for name in ("answers", "decisions")},
        title=study.record.title,
        baseline=study.record.baseline,
        primary_metric=study.record.config.decision.metric,
    )
    best = {
        (view.dataset, view.configuration, view.label, str(line.question), trainer)
        for view in comparison.views
        for line in card_of(view).lines
        for trainer in line.best
    }
    keys = answers[[*LABEL, "question", "trainer"]].astype(str).itertuples(index=False, name=None)
    return answers.assign(best=[key in best for key in keys])
