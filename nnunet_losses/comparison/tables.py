"""From stacked tables and the record of what was asked to the statistics."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from nnunet_losses.base.config import checked
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.identity import RUN
from nnunet_losses.base.metrics import IMAGE_DIAGONAL, Metric
from nnunet_losses.base.metrics.challenges import CHALLENGE_METRICS
from nnunet_losses.base.states import RunStatus
from nnunet_losses.base.tables.results import JOBS
from nnunet_losses.statistics import compare
from nnunet_losses.statistics.papers.claims import Claim
from nnunet_losses.statistics.papers.responses import Curve
from nnunet_losses.study.config import COMPARED_METRICS
from nnunet_losses.study.record import Run, StudyRecord

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class ByCase:
    """How what is known of the cases is used.

    cluster: the covariate, such as the patient, of which the values and not the cases are independent; None for cases.
    cuts: limits between groups of numeric covariates, by covariate; the median if absent.
    """

    cluster: str | None = None
    cuts: Mapping[str, Sequence[float]] = field(default_factory=dict)


def compare_tables(
    tables: Mapping[str, pd.DataFrame],
    record: StudyRecord,
    *,
    own_metrics: Mapping[str, Metric] | None = None,
    by_case: ByCase | None = None,
    margins: Mapping[str, float] | None = None,
    published: pd.DataFrame | None = None,
    claims: Sequence[Claim] = (),
) -> tuple[Tables, Tables]:
    """Compute every statistic of a comparison.

    Args:
        tables: the stacked tables of all trainings; ``cases`` is needed.
        record: what was asked for; `record_of` makes one for tables of unknown origin.
        own_metrics: metrics that `nnunet_losses.base.metrics` does not know, by name.
        by_case: how the table ``covariates`` is used.
        margins: by metric, where it is not the metric's own; that of the decision is in the record.
        published: published numbers to hold against ours.
        claims: conclusions of papers to judge.

    Returns:
        The tables, with a row of ``jobs`` for every training that is missing, and the statistics. Where nothing is
        known of trainings, there is no table of ``jobs``.

    Raises:
        UserError: there are no cases, or none of the baseline.
    """
    by_case = by_case or ByCase()
    cases = _cases(tables)
    trainers = list(dict.fromkeys(cases["trainer"]))
    if record.baseline not in trainers:
        raise UserError(f"The baseline {record.baseline} has no cases; there are cases of {', '.join(trainers)}.")
    jobs = with_ensemble_jobs(with_missing_jobs(tables.get("jobs"), record.runs), record.ensembles)
    of_trainings = {"jobs": jobs} if "jobs" in tables or len(jobs) else {}
    decision, measured = record.config.decision, set(cases["metric"])
    try:
        statistics = compare(
            cases,
            baseline=record.baseline,
            lesions=tables.get("lesions"),
            thresholds=tables.get("thresholds"),
            log_odds=tables.get("log_odds"),
            jobs=of_trainings.get("jobs"),
            training=tables.get("training"),
            # what a preset measures only in some cases, such as those without reference, may not be there
            metrics=[name for name in record.metrics if name in measured or name not in CHALLENGE_METRICS],
            resamples=record.resamples,
            seed=record.seed,
            own_metrics=own_metrics,
            primary_metric=decision.metric,
            rope={**(margins or {}), **({} if decision.margin is None else {decision.metric: decision.margin})},
            alpha=decision.alpha,
            covariates=tables.get("covariates"),
            cluster=by_case.cluster,
            cuts=by_case.cuts,
            published=published,
            claims=claims,
            loss_names=loss_names(trainers) if claims or published is not None else None,
            curves=curves_of(trainers, published) if of_trainings else (),
        )
    except ValueError as error:  # the table of cases does not fit what was asked for
        raise UserError(str(error)) from None
    return {**tables, **of_trainings}, statistics


def loss_names(trainers: Iterable[str]) -> dict[str, tuple[str, str]]:
    """By trainer: the trainer with the same loss and nothing else, and what else its name says."""
    from nnunet_losses.nnunet.names.loss_names import loss_and_variant  # loads torch

    return {trainer: loss_and_variant(trainer) for trainer in trainers}


def curves_of(trainers: Iterable[str], published: pd.DataFrame | None) -> list[Curve]:
    """The hyper-parameter sweeps among trainers, and where published trainers lie on them."""
    from nnunet_losses.nnunet.names.sweeps import find_sweeps  # loads torch

    told = [] if published is None else [name for name in published["trainer"].unique() if name]
    curves = []
    for sweep in find_sweeps(trainers):
        places = {names: sweep.at(names.split("|")[0]) for names in told}
        points = {names: x for names, x in places.items() if x is not None}
        curves.append(Curve(sweep.family, sweep.parameter, sweep.values, points))
    return curves


def record_of(
    tables: Mapping[str, pd.DataFrame],
    *,
    title: str,
    baseline: str | None = None,
    primary_metric: str = "dice",
    metrics: Sequence[str] = COMPARED_METRICS,
    decision: Mapping[str, Any] | None = None,
    resamples: int = 10_000,
    seed: int = 0,
    runs: Sequence[Run] = (),
) -> StudyRecord:
    """Make the record of a comparison that no study asked for.

    Args:
        tables: as for `compare_tables`.
        title: heading of the report.
        baseline: the trainer that all others are compared with; that of `default_baseline` if absent.
        primary_metric: the metric that the answer rests on.
        metrics: the others to compare, as far as they were measured; those of challenges are compared in any case.
        decision: what else of the key ``decision`` of a study is given: margin, question, alpha.
        resamples: number of bootstrap resamples.
        seed: seed of the resampling.
        runs: the trainings that ought to be there.

    Raises:
        UserError: there are no cases, the primary metric was not measured, or a setting is out of range.
    """
    cases = _cases(tables)
    measured = set(cases["metric"]) - {IMAGE_DIAGONAL.name}
    if primary_metric not in measured:
        raise UserError(f"There is no metric {primary_metric}; there are {', '.join(sorted(measured))}.")
    compared = [name for name in dict.fromkeys([primary_metric, *metrics, *CHALLENGE_METRICS]) if name in measured]
    content = {
        "config": {
            "evaluation": {"metrics": compared},
            "decision": {"metric": primary_metric, **(decision or {})},
            "statistics": {"resamples": resamples, "seed": seed},
        },
        "title": title,
        "baseline": default_baseline(cases) if baseline is None else baseline,
        "trainers": list(dict.fromkeys([*cases["trainer"], *(str(_row(run)["trainer"]) for run in runs)])),
        "runs": runs,
    }
    return checked(StudyRecord, content, "the comparison")


def default_baseline(cases: pd.DataFrame) -> str:
    """The baseline if none is named: nnU-Net's trainer, else its loss among ours, else the most complete trainer."""
    counts = cases.drop_duplicates(["trainer", "configuration", "case"])["trainer"].value_counts(sort=False)
    names = sorted(counts.index, key=lambda name: (-counts[name], name))
    for wanted in ("nnUNetTrainer", "DiceCrossEntropyTrainer"):
        near = [name for name in names if name == wanted or name.startswith(f"{wanted}_")]
        if near:
            return str(wanted if wanted in near else near[0])
    return str(names[0])


def with_missing_jobs(jobs: pd.DataFrame | None, runs: Iterable[Run]) -> pd.DataFrame:
    """The jobs table with a row of status ``missing`` for each expected training that left none."""
    keys = list(RUN)
    expected = pd.DataFrame([_row(run) for run in runs], columns=keys)
    if jobs is None:
        jobs = JOBS.build()
    there = set(jobs[keys].itertuples(index=False, name=None))
    missing = expected[[key not in there for key in expected.itertuples(index=False, name=None)]]
    if missing.empty:
        return jobs
    return JOBS.modernise(pd.concat([jobs, missing.assign(status=str(RunStatus.MISSING))], ignore_index=True))


def with_ensemble_jobs(jobs: pd.DataFrame, ensembles: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The jobs table with a row for each ensemble and fold: it costs what its members cost.

    Time is the sum, memory the largest; it is completed if all of its members are, else it has the status of the first
    that is not.
    """
    if not ensembles:
        return jobs
    from nnunet_losses.nnunet.names.identity import identity  # loads torch

    parts = [jobs]
    for name, members in ensembles.items():
        keys = pd.DataFrame([identity("", "", member, 0) for member in members])[["trainer", "seed"]]
        own = jobs.merge(keys, on=["trainer", "seed"])
        for (dataset, configuration, fold), rows in own.groupby(["dataset", "configuration", "fold"], sort=False):
            if len(rows) < len(members):
                continue
            failed = rows.loc[rows["status"] != RunStatus.COMPLETED, "status"]
            row = identity(str(dataset), str(configuration), name, int(str(fold))) | {
                "seconds": rows["seconds"].sum(min_count=len(rows)),
                "peak_memory_mb": rows["peak_memory_mb"].max(),
                "status": str(failed.iloc[0]) if len(failed) else str(RunStatus.COMPLETED),
            }
            same = {column: rows[column].iloc[0] for column in ("device", "hardware") if column in rows}
            parts.append(pd.DataFrame([row | same]))
    return pd.concat(parts, ignore_index=True)


def _row(run: Run) -> dict[str, str | int]:
    from nnunet_losses.nnunet.names.identity import identity  # loads torch, which a table of results does not need

    return identity(run.dataset, run.configuration, run.trainer, run.fold)


def _cases(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    if "cases" not in tables or tables["cases"].empty:
        raise UserError("There is no case to compare: no folder holds a cases.parquet with rows.")
    return tables["cases"]
