"""The decision card of a view: a line for each question, with every loss's value and the word on every pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import pandas as pd

from nnunet_losses.base.identity import LABEL
from nnunet_losses.base.states import Question, Word
from nnunet_losses.report.comparison import Row, View, records, rows_by
from nnunet_losses.report.numbers import as_declared, decimals, interval, number, unit_suffix
from nnunet_losses.statistics.tables.pairwise import turned


@dataclass(frozen=True)
class Line:
    """One question.

    view: the view of the metric that answers it.
    order: the trainers, best first by the primary metric.
    values: the rows of the table `answers`, by trainer.
    erratic: those of which trainings surely vary more than those of others.
    """

    question: Question
    view: View
    order: list[str]
    values: dict[str, Row]
    erratic: frozenset[str] = frozenset()

    @cached_property
    def _pairs(self) -> dict[tuple[str, str], Row]:
        found = None if self.question is Question.STABILITY else self.view.statistic("decisions")
        if found is None:
            return {}
        both = (found, turned(found, pd.Series(True, index=found.index)))
        return {(str(row["trainer_a"]), str(row["trainer_b"])): row for part in both for row in records(part)}

    def pair(self, a: str, b: str) -> Row | None:
        """The comparison of two trainers, said of the first; None if there is none."""
        return self._pairs.get((a, b))

    def word(self, a: str, b: str) -> Word:
        """The word on the first of two trainers."""
        pair = self.pair(a, b)
        return Word.NOT_COMPARABLE if pair is None else Word(pair["word"])

    @cached_property
    def compared(self) -> list[str]:
        """Trainers that some other can be compared with, in the order of the view."""
        pairs = {pair for pair, row in self._pairs.items() if row["word"] != Word.NOT_COMPARABLE}
        there = {trainer for pair in pairs for trainer in pair}
        return [trainer for trainer in self.order if trainer in there]

    @cached_property
    def of_models(self) -> bool:
        """Whether the words are about the trained models alone, because no loss was trained twice."""
        subjects = {row["subject"] for row in self._pairs.values() if row["word"] != Word.NOT_COMPARABLE}
        return subjects == {"models"}

    @cached_property
    def reservation(self) -> str:
        """What is said of all words on losses beside them, such as that their seeds act alike; empty if nothing is."""
        told = {str(row["reason"]) for row in self._pairs.values() if row["word"] != Word.NOT_COMPARABLE}
        return next(iter(told), "") if len(told) == 1 and not self.of_models else ""

    @property
    def trainings(self) -> int:
        """How many trainings of each loss the words rest on; 0 without any pair."""
        return max((int(row["trainings"]) for row in self._pairs.values()), default=0)

    @property
    def margin(self) -> float:
        """The difference that nobody would act on; NaN without any pair."""
        return next((float(row["margin"]) for row in self._pairs.values()), float("nan"))

    @property
    def margin_text(self) -> str:
        """The margin with its unit and as many decimals as it needs, ``0.01``."""
        return as_declared(self.margin, self.view.metric.unit)

    def difference(self, a: str, b: str) -> str:
        """A − b as the metric has it, not in the direction of benefit, with its interval: ``+0.021 [0.01, 0.03]``.

        Raises:
            KeyError: the two were not compared.
        """
        pair, metric = self._pairs[a, b], self.view.metric
        middle, low, high = (float(pair[name]) for name in ("difference", "low", "high"))
        if not metric.higher_is_better:
            middle, low, high = -middle, -high, -low
        return interval(middle, low, high, decimals(metric.unit), signed=True) + unit_suffix(metric.unit)

    def told(self, trainer: str) -> str:
        """The value of a trainer with its unit, ``0.783``."""
        metric = self.view.metric
        return number(float(self.values[trainer]["value"]), decimals(metric.unit)) + unit_suffix(metric.unit)

    def gain(self, a: str, b: str) -> float:
        """A − b in the direction of benefit.

        Raises:
            KeyError: the two were not compared.
        """
        return float(self._pairs[a, b]["difference"])

    def unbeaten(self, among: Sequence[str]) -> list[str]:
        """Those of some trainers that no other of them is better than."""
        return [t for t in among if not any(self.word(other, t) is Word.BETTER for other in among if other != t)]

    @cached_property
    def behind(self) -> list[str]:
        """Erratic losses behind a steady one by more than the margin: too wide intervals do not show them worse."""
        steady = [t for t in self.compared if t not in self.erratic]
        erratic = [t for t in self.compared if t in self.erratic]
        return [t for t in erratic if any(self.gain(s, t) > self.margin for s in steady)]

    @cached_property
    def all_equivalent(self) -> bool:
        """Whether all that are compared are equivalent to each other."""
        words = {self.word(a, b) for a, b in combinations(self.compared, 2)}
        return words == {Word.EQUIVALENT}

    @cached_property
    def best(self) -> list[str]:
        """Those that no other is better than, if some other is worse than one of them; else nobody."""
        unbeaten = [t for t in self.unbeaten(self.compared) if t not in self.behind]
        return unbeaten if len(unbeaten) < len(self.compared) else []


@dataclass(frozen=True)
class Card:
    """All lines that can be answered, in the order of `Question`."""

    view: View
    lines: list[Line]

    def line(self, question: Question) -> Line | None:
        """The line of a question; None if it cannot be answered."""
        return next((line for line in self.lines if line.question is question), None)


def card_of(view: View) -> Card:
    """The card of a data set, configuration and label."""
    answers = view.comparison.statistics.get("answers")
    if answers is None or answers.empty:
        return Card(view, [])
    here = (answers[[*LABEL]].astype(str) == [view.dataset, view.configuration, view.label]).all(axis=1)
    lines = []
    erratic = frozenset(answers.loc[here & answers["erratic"].astype(bool), "trainer"].astype(str))
    for question in Question:
        rows = answers[here & (answers["question"] == question)]
        if len(rows):
            of_metric = view.of_metric(str(rows["metric"].iloc[0]))
            lines.append(Line(question, of_metric, view.trainers, rows_by(rows, "trainer"), erratic))
    return Card(view, lines)
