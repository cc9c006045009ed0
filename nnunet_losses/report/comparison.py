"""A comparison, which is all that a report shows, and one view of it per data set, configuration, label and metric."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.identity import LABEL, PANEL
from nnunet_losses.base.metrics import METRICS, Metric, metric_named
from nnunet_losses.base.scale import Scale
from nnunet_losses.base.states import CaseStatus, RunStatus
from nnunet_losses.base.tables.results import COLLAPSED, RESULTS
from nnunet_losses.report.names import cut_names, printable, short_names
from nnunet_losses.report.numbers import count
from nnunet_losses.report.style import Look, looks
from nnunet_losses.statistics.panels.clusters import clusters_of, in_several_folds
from nnunet_losses.statistics.panels.repeats import experiment_of, experiments, merge_seeds
from nnunet_losses.statistics.tables.pairwise import turned

COMPARED = ("cases", "lesions", "thresholds", "jobs")  # the tables that statistics are made of
Row = dict[str, Any]  # one row of a table, by column


@dataclass(frozen=True)
class Decision:
    """What a study has declared about its decision.

    question: "superiority", or "non_inferiority" to the baseline.
    alpha: level of the decisions, as given to `compare`.
    declared: when it was declared, as words that follow it; empty if that is not known.
    """

    question: str = "superiority"
    alpha: float = 0.05
    declared: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A comparison of trainers: everything that a report shows. Repeats with other seeds count as one trainer.

    Attributes:
        tables: data frames by name: ``cases`` (required), ``lesions``, ``training``, ``jobs``, ``thresholds``,
            ``calibration``, ``log_odds``.
        statistics: the tables that `nnunet_losses.statistics.compare` returned for them, by name.
        provenance: how the tables were made: ``versions`` (by package), ``losses`` (trainer to formula, reference,
            parameters), and whatever else is known (git commit, config, hash of the splits, hardware); shown in
            this order.
        gallery: dataset, case, image, reference, trainer, prediction (paths of the files); None for no pictures.
        aggregated: whether rows, marks and pictures of single cases are withheld, for data of which only aggregated
            results may be passed on.
        title: headline of the page.
        baseline: the trainer that all others are compared with.
        primary_metric: the metric that decides the ranking.
        decision: what was declared about the decision.
        seed: seed of the statistics' resampling.
        created: date printed on the page; now unless given.
        own_metrics: metrics that `nnunet_losses.base.metrics` does not know, by name, as given to `compare`.
        names_as_given: whether names are anybody's, not those of trainers; they are then shown as they are,
            and the report speaks of models, not of losses.

    Raises:
        UserError: there are no cases, or none has the primary metric.
    """

    tables: Mapping[str, pd.DataFrame]
    statistics: Mapping[str, pd.DataFrame]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    gallery: pd.DataFrame | None = None
    aggregated: bool = False
    title: str
    baseline: str
    primary_metric: str = "dice"
    decision: Decision = field(default_factory=Decision)
    seed: int = 0
    created: str = field(default_factory=lambda: datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"))
    own_metrics: Mapping[str, Metric] = field(default_factory=dict)
    names_as_given: bool = False

    def __post_init__(self) -> None:
        if "cases" not in self.tables or self.tables["cases"].empty:
            raise UserError("A report needs the table 'cases' with at least one row; evaluate predictions first.")
        metrics = sorted(self.cases["metric"].astype(str).unique())
        if self.primary_metric not in metrics:
            raise UserError(
                f"The primary metric '{self.primary_metric}' is not in the table 'cases'; it has {', '.join(metrics)}."
            )
        # As the statistics do, so that a loss has the same name everywhere.
        names = experiments(*(self.tables[name] for name in COMPARED if name in self.tables))
        tables = {name: merge_seeds(table, names) for name, table in self.tables.items()}
        if "jobs" in tables:
            tables["jobs"] = RESULTS["jobs"].modernise(tables["jobs"])
        object.__setattr__(self, "tables", tables)
        if self.aggregated:
            object.__setattr__(self, "gallery", None)
        object.__setattr__(self, "baseline", experiment_of(self.baseline, names))

    @property
    def cases(self) -> pd.DataFrame:
        """The table of cases."""
        return self.tables["cases"]

    @cached_property
    def files(self) -> dict[str, pd.DataFrame]:
        """All tables, by the name of their file beside the page."""
        return {**self.tables, **{f"statistics_{name}": frame for name, frame in self.statistics.items()}}

    @cached_property
    def withheld(self) -> set[str]:
        """The files that are not written, nor anything shown of: those of single cases, if the report is aggregated."""
        return {name for name, frame in self.files.items() if self.aggregated and "case" in frame}

    @cached_property
    def trainers(self) -> list[str]:
        """All trainers, those without a single case included, in alphabetical order."""
        found = [frame["trainer"].astype(str) for frame in self.tables.values() if "trainer" in frame]
        return sorted(set(pd.concat(found)))

    @property
    def noun(self) -> str:
        """What was compared, in the singular: a loss, or a model where no more than names is known."""
        return "model" if self.names_as_given else "loss"

    @property
    def nouns(self) -> str:
        """What was compared, in the plural."""
        return "models" if self.names_as_given else "losses"

    @property
    def subtitle(self) -> str:
        """How much was compared, in one line."""
        cases = self.cases
        parts = [
            count(len(self.trainers), self.noun, self.nouns),
            count(cases["dataset"].nunique(), "data set"),
            count(cases[["dataset", "case"]].drop_duplicates().shape[0], "case"),
            count(cases["fold"].nunique(), "fold"),
            count(cases["seed"].nunique(), "seed"),
        ]
        return f"{', '.join(parts)} · {self.created}"

    @cached_property
    def _names(self) -> tuple[dict[str, str], list[str]]:
        if self.names_as_given:
            return {trainer: printable(trainer) for trainer in self.trainers}, []
        return short_names(self.trainers)

    def name(self, trainer: str) -> str:
        """The short name of a trainer."""
        return self._names[0].get(trainer) or printable(trainer)

    def cut_name(self, trainer: str, length: int) -> str:
        """The name of a trainer in at most `length` characters, unless another's would then look the same."""
        names = [self.name(other) for other in self.trainers]
        return dict(zip(self.trainers, cut_names(names, length), strict=True)).get(trainer) or self.name(trainer)

    @property
    def shared_options(self) -> list[str]:
        """The options that all trainers' names share and that short names leave out."""
        return self._names[1]

    @cached_property
    def looks(self) -> dict[str, Look]:
        """How each trainer is drawn."""
        return looks(self.trainers, self.baseline)

    @cached_property
    def metrics(self) -> list[str]:
        """The metrics that were compared: the primary one first, then in the order of the catalogue."""
        known = {name: i for i, name in enumerate(METRICS)}
        ranking = self.statistics.get("ranking")
        found = {self.primary_metric} if ranking is None else {self.primary_metric, *ranking["metric"].astype(str)}
        return sorted(found, key=lambda m: (m != self.primary_metric, known.get(m, len(known)), m))

    def metric(self, name: str) -> Metric:
        """What is known of a metric.

        Raises:
            UserError: nobody knows it.
        """
        if name in self.own_metrics:
            return self.own_metrics[name]
        try:
            return metric_named(name)
        except KeyError:
            raise UserError(f"The report does not know the metric '{name}'; describe it in own_metrics.") from None

    @cached_property
    def scales(self) -> dict[str, Scale]:
        """What each data set is measured in."""
        lesions, cases = self.tables.get("lesions"), self.cases
        found = {}
        for dataset, own in cases.groupby("dataset", sort=False):
            sizes = None if lesions is None else lesions[lesions["dataset"] == dataset]
            found[str(dataset)] = Scale.of_tables(own, sizes)
        return found

    @property
    def cluster(self) -> str:
        """What was resampled instead of cases, such as ``patient``; empty if cases were."""
        return str(self.provenance.get("cluster") or "")

    @cached_property
    def clusters_in_several_folds(self) -> tuple[int, int]:
        """How many clusters have cases in several folds of one trainer and seed, and how many there are."""
        covariates = self.tables.get("covariates")
        if covariates is None or self.cluster not in set(covariates["covariate"]):
            return 0, 0
        clusters = clusters_of(self.cases, covariates, self.cluster)
        clusters = clusters.index.get_level_values("dataset") + "\0" + clusters
        runs = self.cases[["dataset", "configuration", "trainer", "seed", "case", "fold"]].drop_duplicates()
        most = max(
            in_several_folds(rows.set_index(["dataset", "case"])["fold"], clusters)
            for _, rows in runs.groupby(["configuration", "trainer", "seed"], sort=False)
        )
        return most, clusters.nunique()

    @cached_property
    def run_views(self) -> list["View"]:
        """One view per data set and configuration, for whatever does not depend on the label."""
        first: dict[tuple[str, str], View] = {}
        for view in self.views:
            first.setdefault((view.dataset, view.configuration), view)
        return list(first.values())

    @cached_property
    def views(self) -> list["View"]:
        """One view per data set, configuration and label that has the primary metric, in a fixed order."""
        rows = self.cases[self.cases["metric"] == self.primary_metric]
        keys = rows[[*LABEL]].astype(str).drop_duplicates()
        return [
            View(self, d, c, label, self.primary_metric)
            for d, c, label in sorted(keys.itertuples(index=False, name=None))
        ]


@dataclass(frozen=True)
class View:
    """One data set, configuration, label and metric of a comparison."""

    comparison: Comparison
    dataset: str
    configuration: str
    label: str
    metric_name: str
    _cache: dict[str, pd.DataFrame | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def metric(self) -> Metric:
        """The metric of this view, in the units of its data set."""
        known = self.comparison.metric(self.metric_name)
        return known if self.metric_name in self.comparison.own_metrics else self.scale.metric(known)

    @property
    def scale(self) -> Scale:
        """What the data set is measured in."""
        return self.comparison.scales[self.dataset]

    @property
    def noun(self) -> str:
        """What was compared, in the singular, as of the comparison."""
        return self.comparison.noun

    @property
    def nouns(self) -> str:
        """What was compared, in the plural, as of the comparison."""
        return self.comparison.nouns

    @property
    def title(self) -> str:
        """Data set, configuration and label."""
        return " · ".join(part for part in (self.dataset, self.configuration, self.label) if part)

    def of_metric(self, metric: str) -> "View":
        """The same data set, configuration and label, with another metric."""
        return View(self.comparison, self.dataset, self.configuration, self.label, metric)

    def table(self, name: str) -> pd.DataFrame | None:
        """The rows of a table that belong to this view; None if the table is missing or has no such row."""
        return self._part(f"table {name}", self.comparison.tables.get(name))

    @property
    def cases(self) -> pd.DataFrame:
        """The rows of the table of cases; empty for a metric that was not measured."""
        rows = self.table("cases")
        return self.comparison.cases.iloc[:0] if rows is None else rows

    def statistic(self, name: str) -> pd.DataFrame | None:
        """The rows of a statistic that belong to this view; None if it is missing or has no such row."""
        return self._part(f"statistic {name}", self.comparison.statistics.get(name))

    def by_trainer(self, name: str) -> dict[str, Row]:
        """The rows of a statistic that has one row per trainer; empty if it is missing."""
        frame = self.statistic(name)
        return {} if frame is None else rows_by(frame, "trainer")

    def against(self, trainer: str | None, pairs: pd.DataFrame | None = None) -> dict[str, Row]:
        """The pairs with one trainer, by the other; every difference is the other minus this one. Empty if none.

        Args:
            trainer: the one that all differences are taken from.
            pairs: a table of pairs; the paired tests of this view if absent.
        """
        pairs = self.statistic("pairwise") if pairs is None else pairs
        if pairs is None or trainer is None:
            return {}
        here = pairs[(pairs["trainer_a"] == trainer) | (pairs["trainer_b"] == trainer)]
        return rows_by(turned(here, here["trainer_a"] == trainer), "trainer_a")

    def best_first(self, pairs: pd.DataFrame) -> list[Row]:
        """The rows of a table of pairs in the order of `trainers`, the better ranked trainer first in each."""
        order = {trainer: i for i, trainer in enumerate(self.trainers)}
        pairs = turned(pairs, pairs["trainer_a"].map(order) > pairs["trainer_b"].map(order))
        return sorted(records(pairs), key=lambda pair: (order[pair["trainer_a"]], order[pair["trainer_b"]]))

    @property
    def failures(self) -> pd.DataFrame | None:
        """The trainings that did not complete or collapsed; None if there is no table of jobs."""
        jobs = self.table("jobs")
        return None if jobs is None else jobs[(jobs["status"] != RunStatus.COMPLETED) | jobs[COLLAPSED]]

    def without_foreground(self, trainer: str, fold: int, seed: int) -> tuple[int, int] | None:
        """In how many cases a training predicts no foreground of any label, and of how many; None without cases."""
        cases = self.comparison.cases
        wanted = {
            "dataset": self.dataset, "configuration": self.configuration, "metric": self.comparison.primary_metric,
            "trainer": trainer, "fold": fold, "seed": seed,
        }  # fmt: skip
        for column, value in wanted.items():
            cases = cases[cases[column] == value]
        if cases.empty:
            return None
        nothing = cases["status"].isin([CaseStatus.PREDICTION_EMPTY, CaseStatus.BOTH_EMPTY])
        by_case = nothing.groupby(cases["case"]).all()
        return int(by_case.sum()), len(by_case)

    def _part(self, key: str, frame: pd.DataFrame | None) -> pd.DataFrame | None:
        if key not in self._cache:
            self._cache[key] = self._select(frame)
        return self._cache[key]

    def _select(self, frame: pd.DataFrame | None) -> pd.DataFrame | None:
        if frame is None:
            return None
        wanted = dict(zip(PANEL, (self.dataset, self.configuration, self.label, self.metric_name), strict=True))
        keep = pd.Series(True, index=frame.index)
        for column, value in wanted.items():
            if column in frame:
                keep &= frame[column].astype(str) == value
        part = frame[keep].reset_index(drop=True)
        return None if part.empty else part

    @cached_property
    def trainers(self) -> list[str]:
        """Trainers of this data set and configuration: best first, then those without a rank in alphabetical order."""
        ranking = self.statistic("ranking")
        ranked: list[str] = []
        if ranking is not None and "rank" in ranking:
            ranked = list(ranking.dropna(subset="rank").sort_values(["rank", "trainer"])["trainer"].astype(str))
        here = set(ranked)
        for frame in self.comparison.tables.values():
            if "trainer" in frame:
                keep = pd.Series(True, index=frame.index)
                for column, value in (("dataset", self.dataset), ("configuration", self.configuration)):
                    if column in frame:
                        keep &= frame[column].astype(str) == value
                here |= set(frame.loc[keep, "trainer"].astype(str))
        return ranked + sorted(here - set(ranked))

    @cached_property
    def values(self) -> pd.DataFrame:
        """Cases × trainers, best trainer first: the values that all statistics use, undefined ones resolved.

        Empty if nothing was compared; figures and tables know no other values of cases.
        """
        return self._cells("value")

    @cached_property
    def resolved(self) -> pd.DataFrame:
        """Cases × trainers: what an undefined value is counted as (``worst``, ``perfect``); "" for a defined one."""
        return self._cells("resolved")

    def _cells(self, column: str) -> pd.DataFrame:
        rows = self.statistic("values")
        if rows is None:
            return pd.DataFrame()
        wide = rows.set_index(["case", "trainer"])[column].unstack("trainer")  # noqa: PD010 (it refuses repeated rows)
        return wide[self.present(wide)]

    @property
    def baseline(self) -> str | None:
        """The baseline, if this data set and configuration have it."""
        return self.comparison.baseline if self.comparison.baseline in self.trainers else None

    def name(self, trainer: str) -> str:
        """The short name of a trainer."""
        return self.comparison.name(trainer)

    def cut_name(self, trainer: str, length: int) -> str:
        """The name of a trainer in at most `length` characters, unless another's would then look the same."""
        return self.comparison.cut_name(trainer, length)

    def present(self, found: Container[str]) -> list[str]:
        """The trainers that are in ``found``, in the order of `trainers`."""
        return [trainer for trainer in self.trainers if trainer in found]

    def look(self, trainer: str) -> Look:
        """How a trainer is drawn."""
        return self.comparison.looks[trainer]


def rows_by(frame: pd.DataFrame, column: str) -> dict[str, Row]:
    """The rows of a table by the text of a column."""
    return {str(row[column]): row for row in records(frame)}


def records(frame: pd.DataFrame) -> list[Row]:
    """The rows of a table."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
