"""The rows of the decision card: for every question the metric that answers it, each trainer's value, and the words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from nnunet_losses.base.metrics import Metric
from nnunet_losses.base.metrics.derived import (
    AVERAGE_RECALL,
    OWN_THRESHOLD_DICE,
    RECALL_AT_1,
    SMALL_RECALL_AT_1,
    TRAINING_TIME,
)
from nnunet_losses.base.states import CaseStatus, Question, RunStatus
from nnunet_losses.statistics.answer.recall import UP_TO_FIVE, recall_decisions, recall_of, smallest_quarter
from nnunet_losses.statistics.estimators.retraining import retrained
from nnunet_losses.statistics.panels.panel import Panel, cut_panel
from nnunet_losses.statistics.panels.policy import Policy
from nnunet_losses.statistics.panels.results import Results
from nnunet_losses.statistics.panels.roster import Roster
from nnunet_losses.statistics.ranking.decision import (
    ALPHA,
    decided,
    decisions_table,
    failed_runs,
    failed_trainings,
    not_comparable,
    of_losses,
    pair_names,
    training_spread,
    with_those_left_out,
)
from nnunet_losses.statistics.tables.decision import ANSWERS, DECISIONS

MEASURED = {
    "nsd": Question.SURFACE,
    "false_positive_count": Question.FALSE_ALARMS,
    "negative_false_positive_count": Question.HEALTHY_CASES,
    "ece": Question.PROBABILITIES,
}
"""Metrics of the table of cases that answer a question."""


@dataclass(frozen=True)
class Asker:
    """Answers the questions of one comparison.

    results: its tables. primary_metric: that of the first question. margins: by metric, where it is not the metric's
    own. alpha: as for `decisions_table`. further: metrics that no question asks for, and claims do.
    """

    results: Results
    primary_metric: str
    margins: Mapping[str, float] = field(default_factory=dict)
    alpha: float = ALPHA
    seed: int = 0
    further: frozenset[str] = frozenset()

    def tables(self, panels: list[Panel], threshold_cases: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """(answers, decisions): the card's rows, and the words on all pairs of every panel and every question.

        panels: those that are compared. threshold_cases: the table of that name.
        """
        answers: list[pd.DataFrame] = []
        decisions: list[pd.DataFrame] = []
        for panel in [*panels, *self._further(panels)]:
            decisions.append(self._decisions(panel))
            if panel.metric.name == self.primary_metric:
                words, times = self._time(panel)
                answers += [self._measured(Question.OVERLAP, panel), self._stability(panel), times]
                decisions.append(words)
            if panel.metric.name in MEASURED:
                answers.append(self._measured(MEASURED[panel.metric.name], panel))
        if threshold_cases is not None and len(threshold_cases):
            for panel in self._own_thresholds(threshold_cases):
                decisions.append(self._decisions(panel))
                answers.append(self._measured(Question.OWN_THRESHOLD, panel))
        if self.results.lesions is not None:
            for roster in self.results.rosters:
                for words, values in self._recall(roster):
                    decisions.append(words)
                    answers.append(values)
        return ANSWERS.concat(answers), DECISIONS.concat(decisions)

    def _decisions(self, panel: Panel) -> pd.DataFrame:
        return decisions_table(
            panel,
            margin=self._margin(panel.metric),
            unsteady=failed_trainings(self.results.jobs, panel),
            alpha=self.alpha,
            forecast=panel.metric.name == self.primary_metric,
        )

    def _margin(self, metric: Metric) -> float:
        return self.margins.get(metric.name, metric.margin)

    def _further(self, compared: list[Panel]) -> list[Panel]:
        """Panels of the metrics that answer a question and are not compared otherwise."""
        lacking = {self.primary_metric, *MEASURED, *self.further} & set(self.results.scored["metric"])
        lacking -= {panel.metric.name for panel in compared}
        return self.results.panels(sorted(lacking)) if lacking else []

    def _measured(self, question: Question, panel: Panel) -> pd.DataFrame:
        """The mean of each trainer over the cases of a panel."""
        reasons = dict(zip(panel.coverage["trainer"], panel.coverage["reason"], strict=True))
        means = dict(zip(panel.trainers, panel.values.mean(axis=0), strict=True)) if panel.cases else {}
        failed = failed_trainings(self.results.jobs, panel)
        rows: list[dict[str, object]] = [
            {
                "trainer": t, "value": means.get(t, np.nan), "failed": failed.get(t, 0),
                "reason": reason or ("" if means else "no common case"),
            }
            for t, reason in reasons.items()
        ]  # fmt: skip
        return self._answers(question, panel.metric, panel.key, rows)

    def _stability(self, panel: Panel) -> pd.DataFrame:
        failed = failed_trainings(self.results.jobs, panel)
        spread, erratic = training_spread(panel, failed)
        one = "one training each" if np.isnan(spread).all() else ""
        rows: list[dict[str, object]] = [
            {"trainer": t, "value": s, "failed": failed.get(t, 0), "erratic": bool(apart), "reason": one}
            for t, s, apart in zip(panel.trainers, spread, erratic, strict=True)
        ]
        return self._answers(Question.STABILITY, panel.metric, panel.key, rows)

    def _answers(
        self, question: Question, metric: Metric, key: tuple[str, ...], rows: list[dict[str, object]]
    ) -> pd.DataFrame:
        dataset, configuration, label = key[:3]
        if not rows:
            return ANSWERS.build()
        frame = pd.DataFrame(rows)
        for told_of_some, nothing in (("failed", 0), ("erratic", False)):
            if told_of_some not in frame:
                frame[told_of_some] = nothing
        return ANSWERS.build(
            frame.assign(
                dataset=dataset,
                configuration=configuration,
                label=label,
                question=str(question),
                metric=metric.name,
                trainings=self._trainings(dataset, configuration, list(frame["trainer"])),
            )
        )

    def _trainings(self, dataset: str, configuration: str, trainers: list[str]) -> list[int]:
        """How many trainings each trainer has; one that never began is none."""
        jobs = self.results.jobs
        source = self.results.cases if jobs is None else jobs[jobs["status"] != RunStatus.MISSING]
        here = source[(source["dataset"] == dataset) & (source["configuration"] == configuration)]
        total = here[["trainer", "fold", "seed"]].drop_duplicates()["trainer"].value_counts()
        return [int(total.get(t, 0)) for t in trainers]

    def _own_thresholds(self, threshold_cases: pd.DataFrame) -> Iterator[Panel]:
        """Panels of Dice at the thresholds chosen on other cases."""
        rows = threshold_cases.dropna(subset=["dice_tuned"])
        rows = rows.assign(value=rows["dice_tuned"], status=str(CaseStatus.OK))
        for (dataset, configuration, label), own in rows.groupby(["dataset", "configuration", "label"], sort=False):
            trainers = [t for t in dict.fromkeys(own["trainer"]) if t != self.results.baseline]
            trainers += [self.results.baseline] if self.results.baseline in set(own["trainer"]) else []
            yield cut_panel(
                own,
                dataset=str(dataset),
                configuration=str(configuration),
                label=str(label),
                metric=OWN_THRESHOLD_DICE,
                trainers=trainers,
                baseline=self.results.baseline,
                policy=Policy(max_missing=self.results.policy.max_missing),
                diagonal=pd.Series(dtype=float),
                clusters=self.results.clusters_in(str(dataset)),
            )

    def _recall(self, roster: Roster) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Words and values of recall at one false positive a case: of all lesions, and of the smallest quarter."""
        if not roster.cases or roster.lesions.empty:
            return
        jobs = self.results.jobs
        unsteady = set() if jobs is None else set(jobs.loc[failed_runs(jobs), "trainer"])
        limit = smallest_quarter(roster)
        for question, metric, up_to in (
            (Question.LESIONS, RECALL_AT_1, None),
            (Question.SMALL_LESIONS, SMALL_RECALL_AT_1, limit),
        ):
            if up_to is not None and np.isnan(up_to):
                continue
            found = recall_of(roster, up_to=up_to, seed=self.seed)
            if not found.values:
                continue
            words = recall_decisions(
                roster, found, metric, margin=self._margin(metric), unsteady=unsteady, alpha=self.alpha
            )
            size = "" if up_to is None else f"lesions of at most {up_to:.3g} {roster.lesions['unit'].iloc[0]}"
            rows: list[dict[str, object]] = [
                {"trainer": t, "value": value, "reason": size} for t, value in found.values.items()
            ]
            rows += [{"trainer": t, "value": np.nan, "reason": reason} for t, reason in found.left_out.items()]
            key = (roster.dataset, roster.configuration, roster.label)
            yield DECISIONS.concat([words]), self._answers(question, metric, key, rows)
        if AVERAGE_RECALL.name in self.further:
            found = recall_of(roster, false_positives=UP_TO_FIVE, seed=self.seed)
            margin = self._margin(AVERAGE_RECALL)
            words = recall_decisions(roster, found, AVERAGE_RECALL, margin=margin, unsteady=unsteady, alpha=self.alpha)
            yield DECISIONS.concat([words]), ANSWERS.build()

    def _time(self, panel: Panel) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Words and values of the time of a training; trainings side by side on the same hardware are compared."""
        jobs = self.results.jobs
        if jobs is None:
            return DECISIONS.build(), ANSWERS.build()
        here = jobs[(jobs["dataset"] == panel.dataset) & (jobs["configuration"] == panel.configuration)]
        here = here[(here["status"] == RunStatus.COMPLETED) & (here["seconds"] > 0)]
        trainers = [t for t in panel.coverage["trainer"] if t in set(here["trainer"])]
        if len(trainers) < 2:
            return DECISIONS.build(), ANSWERS.build()
        hardware = sorted(set(here["hardware"].dropna().astype(str))) if "hardware" in here else []
        means = here.groupby("trainer")["seconds"].mean()
        table = here.pivot_table(index=["fold", "seed"], columns="trainer", values="seconds")[trainers].dropna()
        names = pair_names(trainers)
        margin = self._margin(TRAINING_TIME)
        if len(hardware) > 1:
            part = not_comparable(names, f"trained on different hardware: {', '.join(hardware)}")
        elif len(table) < 2:
            part = not_comparable(names, "fewer than two completed trainings side by side")
        else:
            part = of_losses(names, retrained(-np.log(table.to_numpy())), trainings=len(table), alpha=self.alpha)
        left_out = {t: "without a completed training" for t in panel.coverage["trainer"] if t not in trainers}
        rows = decided([part, with_those_left_out(trainers, left_out, panel.baseline)], margin=margin, n=len(table))
        rows = rows.assign(**panel.identity).assign(metric=TRAINING_TIME.name)
        values: list[dict[str, object]] = [{"trainer": t, "value": means[t], "reason": ""} for t in trainers]
        return DECISIONS.concat([rows]), self._answers(Question.TIME, TRAINING_TIME, panel.key, values)
