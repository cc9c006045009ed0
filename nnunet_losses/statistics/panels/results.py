"""The entrance: tables of results, checked, with repeats of one experiment under one name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from nnunet_losses.base.identity import STUDY
from nnunet_losses.base.metrics import IMAGE_DIAGONAL, Metric, metric_named
from nnunet_losses.base.scale import mixed
from nnunet_losses.base.tables.results import CASES, COVARIATES, JOBS, LESIONS, LOG_ODDS, THRESHOLDS, TRAINING
from nnunet_losses.base.tables.schema import Table, TableError
from nnunet_losses.statistics.panels.clusters import clusters_of
from nnunet_losses.statistics.panels.foreground import with_foreground_mean
from nnunet_losses.statistics.panels.panel import Panel, cut_panel
from nnunet_losses.statistics.panels.policy import Policy
from nnunet_losses.statistics.panels.repeats import experiment_of, experiments, merge_seeds
from nnunet_losses.statistics.panels.roster import Roster, make_rosters

ROUNDING = 1e-6  # a share computed in single precision may exceed 1 by so much


@dataclass(frozen=True)
class Results:
    """All tables of a comparison as every statistic takes them; made with `Results.of`, once.

    cases, lesions, thresholds, log_odds, jobs: as their schemas say, the trainers of repeats without their seed.
    scored: `cases`, with the mean over labels as one more label if that was asked for.
    covariates: what is known of the cases. clusters: the cluster of each case, by data set and case, if clusters are
        the units of analysis.
    """

    cases: pd.DataFrame
    scored: pd.DataFrame
    lesions: pd.DataFrame | None
    thresholds: pd.DataFrame | None
    log_odds: pd.DataFrame | None
    jobs: pd.DataFrame | None
    training: pd.DataFrame | None
    baseline: str
    policy: Policy
    own_metrics: Mapping[str, Metric]
    covariates: pd.DataFrame
    clusters: "pd.Series[str] | None" = None

    @classmethod
    def of(
        cls,
        cases: pd.DataFrame,
        *,
        baseline: str,
        lesions: pd.DataFrame | None = None,
        thresholds: pd.DataFrame | None = None,
        log_odds: pd.DataFrame | None = None,
        jobs: pd.DataFrame | None = None,
        training: pd.DataFrame | None = None,
        policy: Policy | None = None,
        own_metrics: Mapping[str, Metric] | None = None,
        foreground_mean: bool = False,
        covariates: pd.DataFrame | None = None,
        cluster: str | None = None,
    ) -> "Results":
        """Check the tables and merge repeats.

        own_metrics: metrics that `nnunet_losses.base.metrics` does not know, by name. covariates: the table of that
        name. cluster: the covariate of which the values, not the cases, are the independent units.

        Raises:
            TableError: a table does not hold what it should, or has no case of the baseline.
        """
        if not len(cases):
            raise TableError("The table of cases is empty: nothing to compare.")
        cases = CASES.check(cases)
        lesions, thresholds, jobs = _checked(lesions, LESIONS), _checked(thresholds, THRESHOLDS), _checked(jobs, JOBS)
        log_odds, training = _checked(log_odds, LOG_ODDS), _checked(training, TRAINING)
        # One decision for all tables: a repeat of which only a failed job is left still is a repeat.
        names = experiments(*(table for table in (cases, lesions, thresholds, jobs) if table is not None))
        cases, baseline = merge_seeds(cases, names), experiment_of(baseline, names)
        trainers = sorted(set(cases["trainer"]))
        if baseline not in trainers:
            raise TableError(f"The baseline {baseline!r} is not among the trainers {trainers}.")
        lesions, thresholds, log_odds, jobs, training = (
            None if table is None else merge_seeds(table, names)
            for table in (lesions, thresholds, log_odds, jobs, training)
        )
        results = cls(
            cases=cases,
            scored=with_foreground_mean(cases) if foreground_mean else cases,
            lesions=lesions,
            thresholds=thresholds,
            log_odds=log_odds,
            jobs=jobs,
            training=training,
            baseline=baseline,
            policy=policy or Policy(),
            own_metrics=own_metrics or {},
            covariates=COVARIATES.build() if covariates is None else COVARIATES.check(covariates),
        )
        results._check_units()
        if cluster is not None:
            results = replace(results, clusters=clusters_of(cases, results.covariates, cluster).rename(cluster))
        results._check_bounds()
        return results

    def clusters_in(self, dataset: str) -> "pd.Series[str] | None":
        """The cluster of each case of a data set, by case; None if cases are the units."""
        return None if self.clusters is None else self.clusters.xs(dataset, level="dataset")

    def metric(self, name: str) -> Metric:
        """What is known of a metric.

        Raises:
            TableError: nothing is.
        """
        if name in self.own_metrics:
            return self.own_metrics[name]
        try:
            return metric_named(name)
        except KeyError:
            raise TableError(
                f"Unknown metric {name!r}: describe it with own_metrics={{{name!r}: Metric(...)}}."
            ) from None

    def panels(self, metrics: Sequence[str] | None = None, policy: Policy | None = None) -> list[Panel]:
        """One panel per dataset × configuration × label × metric; every trainer of a panel has the same cases.

        metrics: those to take; all if absent. policy: another one than that of these results.

        Raises:
            TableError: a metric is not in the table of cases, or nothing is known of it.
        """
        rows, policy = self.scored, policy or self.policy
        present = list(dict.fromkeys(rows["metric"]))
        wanted = [m for m in present if m != IMAGE_DIAGONAL.name] if metrics is None else list(metrics)
        absent = [m for m in wanted if m not in present]
        if absent:
            raise TableError(f"The table of cases has no metric {absent}; it has {present}.")
        cut = []
        for (dataset, configuration), study in rows.groupby([*STUDY], sort=False):
            trainers = [t for t in dict.fromkeys(study["trainer"]) if t != self.baseline]
            if self.baseline in set(study["trainer"]):
                trainers.append(self.baseline)
            diagonal = study.loc[study["metric"] == IMAGE_DIAGONAL.name].groupby("case")["value"].max()
            for (label, metric), own in study.groupby(["label", "metric"], sort=False):
                if metric in wanted:
                    cut.append(
                        cut_panel(
                            own,
                            dataset=str(dataset),
                            configuration=str(configuration),
                            label=str(label),
                            metric=self.metric(str(metric)),
                            trainers=trainers,
                            baseline=self.baseline,
                            policy=policy,
                            diagonal=diagonal,
                            clusters=self.clusters_in(str(dataset)),
                        )
                    )
        return cut

    def _check_units(self) -> None:
        for dataset, units in self.cases.groupby("dataset", sort=False)["unit"]:
            if mixed(units.unique()):
                raise TableError(
                    f"The table of cases: data set {dataset} has values in mm and in px (pixels, of images without "
                    "spacing); evaluate all its trainings on the same images."
                )

    def _check_bounds(self) -> None:
        for name, rows in self.cases.groupby("metric", sort=False):
            try:
                low, high = self.metric(str(name)).bounds
            except TableError:  # matters only if it is to be compared
                continue
            values = rows["value"].to_numpy(dtype=float)
            beyond = (values < low - ROUNDING) | (values > high + ROUNDING)
            if beyond.any():
                row = rows.iloc[int(beyond.argmax())]
                raise TableError(
                    f"The table of cases: {name} of case {row['case']!r}, {row['trainer']}, is {row['value']:g}, "
                    f"outside {low:g} to {high:g}."
                )

    @cached_property
    def rosters(self) -> list[Roster]:
        """The cases and trainers of the statistics of lesions and thresholds, per dataset × configuration × label."""
        found = make_rosters(self.cases, baseline=self.baseline, policy=self.policy, lesions=self.lesions)
        return [replace(roster, clusters=self.clusters_in(roster.dataset)) for roster in found]


def _checked(table: pd.DataFrame | None, schema: Table) -> pd.DataFrame | None:
    return schema.check(table) if table is not None and len(table) else None
