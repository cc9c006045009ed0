"""From tables of trainings to the statistics of a study and its report: the rooms put together."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from nnunet_losses import __version__
from nnunet_losses.base.errors import UserError
from nnunet_losses.losses import CATALOGUE
from nnunet_losses.nnunet.names.grammar import TrainerNameError, parse_trainer_name
from nnunet_losses.nnunet.results.outcome import identity
from nnunet_losses.report import Comparison, write_report
from nnunet_losses.statistics import compare

KEYS = ["dataset", "configuration", "trainer", "fold", "seed"]
COMPARED_METRICS = (
    "dice", "precision", "recall", "f2", "hd95", "nsd", "lesion_recall", "lesion_precision", "lesion_f1",
    "lesion_recall_small", "lesion_recall_medium", "lesion_recall_large",
)  # fmt: skip
"""What is compared unless a study says otherwise; all metrics that exist are in the tables."""
EVALUATING_SOFTWARE = ("numpy", "scipy", "pandas", "statsmodels", "connected-components-3d")
"""What matters where the trainings are of elsewhere: the versions that trained are not those of today's environment."""
REPORTED_VERSIONS = (
    "nnunetv2", "torch", "numpy", "scipy", "pandas", "statsmodels", "connected-components-3d", "snakemake"
)  # fmt: skip


def compare_tables(
    tables: Mapping[str, pd.DataFrame], *, study: Mapping[str, Any], baseline: str | None = None
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Statistics of stacked tables, and those tables with a row for every training that is missing.

    Args:
        tables: the stacked tables of all trainings; ``cases`` is needed.
        study: the record of a study (``study.json``); empty for tables that come from elsewhere.
        baseline: the trainer that all others are compared with; if absent, the study's or that of `default_baseline`.

    Raises:
        UserError: no cases, or an unknown baseline.
    """
    if "cases" not in tables or tables["cases"].empty:
        raise UserError("There is no case to compare: no folder holds a cases.parquet with rows.")
    tables = dict(tables)
    tables["jobs"] = with_missing_jobs(tables.get("jobs"), study.get("runs", []))
    trainers = list(dict.fromkeys(tables["cases"]["trainer"]))
    baseline = baseline or study.get("baseline") or default_baseline(tables["cases"])
    if baseline not in trainers:
        raise UserError(f"The baseline {baseline} has no cases; there are cases of {', '.join(trainers)}.")
    settings = study.get("config", {}).get("statistics", {})
    try:
        statistics = compare(
            tables["cases"],
            baseline=baseline,
            lesions=tables.get("lesions"),
            thresholds=tables.get("thresholds"),
            jobs=tables["jobs"],
            metrics=study.get("config", {}).get("evaluation", {}).get("metrics") or _metrics_of(tables["cases"]),
            **settings,
        )
    except ValueError as error:  # the table of cases does not fit what was asked for
        raise UserError(str(error)) from None
    return tables, statistics


def default_baseline(cases: pd.DataFrame) -> str:
    """Whom to compare with when nobody says: nnU-Net's own trainer, its loss among ours, or the most complete one."""
    counts = cases.drop_duplicates(["trainer", "configuration", "case"])["trainer"].value_counts(sort=False)
    names = sorted(counts.index, key=lambda name: (-counts[name], name))
    for wanted in ("nnUNetTrainer", "DiceCrossEntropyTrainer"):
        near = [name for name in names if name == wanted or name.startswith(f"{wanted}_")]
        if near:
            return str(wanted if wanted in near else near[0])
    return str(names[0])


def report_tables(
    tables: Mapping[str, pd.DataFrame],
    statistics: Mapping[str, pd.DataFrame],
    out: Path,
    *,
    study: Mapping[str, Any],
    baseline: str | None,
    title: str,
    folders: Iterable[Path],
) -> Path:
    """Write the report of tables that come from several studies or sites, without pictures; return its path.

    Args:
        tables: what `compare_tables` returned.
        statistics: likewise.
        out: folder for the page and its data.
        study: the record of a study, or empty.
        baseline: as given to `compare_tables`.
        title: headline.
        folders: where the tables were read from.
    """
    trainers = sorted(set(tables["cases"]["trainer"]))
    config = study.get("config", {})
    comparison = Comparison(
        tables=tables,
        statistics=statistics,
        provenance={
            "versions": software_versions(EVALUATING_SOFTWARE),
            "found_in": "\n".join(str(folder) for folder in folders),
            "config": config,
            "losses": loss_descriptions(trainers),
        },
        title=title,
        baseline=baseline or study.get("baseline") or default_baseline(tables["cases"]),
        primary_metric=config.get("evaluation", {}).get("primary_metric", "dice"),
        seed=config.get("statistics", {}).get("seed", 0),
    )
    return write_report(out, comparison)


def with_missing_jobs(jobs: pd.DataFrame | None, runs: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The jobs table with a row of status ``missing`` for each expected training that left none."""
    expected = pd.DataFrame(
        [identity(run["dataset"], run["configuration"], run["trainer"], run["fold"]) for run in runs], columns=KEYS
    )
    if jobs is None:
        jobs = pd.DataFrame(columns=[*KEYS, "seconds", "peak_memory_mb", "device", "hardware", "epochs", "status"])
    there = set(jobs[KEYS].itertuples(index=False, name=None))
    missing = expected[[key not in there for key in expected.itertuples(index=False, name=None)]]
    return pd.concat([jobs, missing.assign(status="missing")], ignore_index=True) if len(missing) else jobs


def provenance(study: Mapping[str, Any], trainers: Iterable[str], folder: Path) -> dict[str, Any]:
    """How a report came about: versions, commit, config, splits, and each loss with its formula and source.

    Args:
        study: the record of the study.
        trainers: the compared trainers.
        folder: the checkout whose commit is recorded; the splits are looked for in its ``results/datasets``.
    """
    splits = {
        path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("results/datasets/*/splits_final.json"))
        if path.parent.name in {run["dataset"] for run in study.get("runs", [])}
    }
    return {
        "versions": software_versions(REPORTED_VERSIONS),
        "commit": _commit(folder),
        "config": study.get("config", {}),
        "splits": splits,
        "losses": loss_descriptions(trainers),
    }


def software_versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of this package, of Python, and of those of the packages that are installed."""
    ours = {"nnunet-losses": __version__, "python": platform.python_version()}
    return ours | {name: found for name in packages if (found := _version(name))}


def loss_descriptions(trainers: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Formula, reference and parameters of the losses of those trainers that are ours."""
    return {trainer: loss for trainer in trainers if (loss := _loss(trainer))}


def gallery_files(
    study: Mapping[str, Any], cases: pd.DataFrame, *, predictions: Path, raw: Path, preprocessed: Path
) -> pd.DataFrame:
    """Where the image, the reference and each trainer's prediction of every case lie.

    Several seeds of one trainer show the first.
    """
    rows = []
    endings: dict[str, str] = {}
    for run in study["runs"]:
        dataset = run["dataset"]
        if dataset not in endings:
            described = preprocessed / dataset / "dataset.json"
            if not described.is_file():
                raise UserError(
                    f"{described} is missing; let nnUNet_preprocessed be the folder that the study was trained in"
                )
            endings[dataset] = json.loads(described.read_text())["file_ending"]
        ending = endings[dataset]
        folder = predictions / dataset / f"{study['plans']}__{run['configuration']}" / run["trainer"]
        key = identity(dataset, run["configuration"], run["trainer"], run["fold"])
        for prediction in sorted((folder / f"fold_{run['fold']}").glob(f"*{ending}")):
            case = prediction.name.removesuffix(ending)
            rows.append(
                {
                    **{name: key[name] for name in ("dataset", "configuration", "trainer")},
                    "case": case,
                    "image": str(raw / dataset / "imagesTr" / f"{case}_0000{ending}"),
                    "reference": str(preprocessed / dataset / "gt_segmentations" / f"{case}{ending}"),
                    "prediction": str(prediction),
                }
            )
    columns = ["dataset", "configuration", "trainer", "case", "image", "reference", "prediction"]
    gallery = pd.DataFrame(rows, columns=columns)
    known = set(cases["case"])
    return gallery[gallery["case"].isin(known)].drop_duplicates(["dataset", "configuration", "trainer", "case"])


def _metrics_of(cases: pd.DataFrame) -> list[str] | None:
    """The usual metrics as far as these tables have them; None, which is all they have, if they have none."""
    there = set(cases["metric"])
    return [name for name in COMPARED_METRICS if name in there] or None


def _loss(trainer: str) -> dict[str, Any] | None:
    try:
        name = parse_trainer_name(trainer)
    except TrainerNameError:  # somebody's own, whose name begins like one of ours
        return None
    if name is None:
        return None
    loss = CATALOGUE[name.loss]
    return {
        "formula": loss.formula,
        "reference": loss.reference,
        "parameters": dict(name.parameters),
        "weighting": name.weighting,
        "repr": repr(loss(**name.parameters)),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit(folder: Path) -> str | None:
    """The checked-out commit, marked if files differ from it; none outside a checkout or without git."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
