"""The headline: one or two sentences composed from the decision card by the first rule that applies."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from nnunet_losses.base.states import Question, Word
from nnunet_losses.report.card import Card, Line
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.names import in_sentence
from nnunet_losses.report.numbers import count, enumerate_words, number
from nnunet_losses.report.prospects import needed, price_of_seeds
from nnunet_losses.report.questions import WORDINGS

MOST_CLAUSES = 3  # differences that a headline names
SMALL_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def in_words(n: int) -> str:
    """``five``; digits beyond ten."""
    return SMALL_NUMBERS[n] if n < len(SMALL_NUMBERS) else str(n)


def headline(card: Card) -> str:
    """The answer; who was left out is told by `nnunet_losses.report.coverage`."""
    view, line = card.view, card.line(Question.OVERLAP)
    if len(view.trainers) == 1:
        return f"Nothing to compare: only {view.name(*view.trainers)} was trained."
    if line is None:
        return f"Nothing to compare: no {view.noun} has a {in_sentence(view.metric.long_name)}."
    if len(line.compared) < 2:
        reasons = sorted({str(row["reason"]) for row in line.values.values() if row["reason"]})
        return f"Nothing can be compared: {'; '.join(reasons) or 'too few cases in common'}."
    told = _Told(card, line)
    text = told.non_inferiority + told.by_rule + told.beyond + told.reservation
    if not line.of_models:
        return text
    return f"Of these trained models, {_lowered(text)} {price_of_seeds(view)}"


def _lowered(text: str) -> str:
    """A sentence to stand after a comma: ordinary words lose their capital, names keep theirs."""
    first = text.split(" ", 1)[0]
    return text[0].lower() + text[1:] if first in ("The", "Nothing", "No", "All", "Both", "Not") else text


@dataclass(frozen=True)
class _Told:
    """One headline."""

    card: Card
    line: Line

    @property
    def view(self) -> View:
        return self.card.view

    def name(self, trainers: list[str]) -> str:
        """Names in a sentence."""
        return enumerate_words([self.view.name(t) for t in trainers])

    @cached_property
    def others(self) -> list[Line]:
        """The lines that count beside the primary one."""
        return [line for line in self.card.lines if WORDINGS[line.question].does]

    @cached_property
    def within(self) -> str:
        return self.line.margin_text

    @cached_property
    def field(self) -> list[str]:
        """The losses that can lead, if there are two: no training failed, and they are not erratic and behind."""
        behind = self.line.behind
        steady = [t for t in self.line.compared if not self.line.values[t]["failed"] and t not in behind]
        return steady if len(steady) > 1 else self.line.compared

    @cached_property
    def group(self) -> list[str]:
        """The losses that nobody is better than; with a single one, also those that it is not better than."""
        line, field = self.line, self.field
        top = line.unbeaten(field)
        if len(top) == 1:
            top += [t for t in field if t != top[0] and line.word(top[0], t) is not Word.BETTER]
        return [t for t in field if t in top] or field

    @property
    def non_inferiority(self) -> str:
        """The answer to the question whether the losses are not worse than the baseline, if that was asked."""
        base = self.view.baseline
        if self.view.comparison.decision.question != "non_inferiority" or base not in self.line.compared:
            return ""
        others = [t for t in self.line.compared if t != base]
        shown = [t for t in others if self.line.word(t, base) in (Word.EQUIVALENT, Word.BETTER, Word.NOT_WORSE)]
        rest = [t for t in others if t not in shown]
        text = f"Not worse than {self.view.name(base)} by {self.within} {self.metric}: "
        text += self.name(shown) if shown else "none"
        return text + (f"; not shown of {self.name(rest)}. " if rest else ". ")

    @property
    def metric(self) -> str:
        return in_sentence(self.line.view.metric.long_name)

    @property
    def beyond(self) -> str:
        """Who is better than all leaders in another line, where nobody is best; a sentence of its own."""
        if len(self.group) in (1, len(self.field)):
            return ""
        leader = self.group[0]
        finds = self._better_elsewhere(leader, than=self.group)
        return f" But {'; '.join(finds)}." if finds else ""

    @property
    def reservation(self) -> str:
        """That fewer trainings count than there are; a sentence of its own."""
        if not self.line.reservation:
            return ""
        said = self.line.reservation[0].upper() + self.line.reservation[1:]
        return f" {said}, so that only {in_words(self.line.trainings)} trainings of each {self.view.noun} count."

    @property
    def by_rule(self) -> str:
        line, group, field = self.line, self.group, self.field
        pairs = list(combinations(group, 2))
        words = [line.word(a, b) for a, b in pairs]
        if len(group) == 1:
            return self._winner(group[0])
        if set(words) == {Word.EQUIVALENT}:
            return self._all_equivalent() if len(group) == len(field) else self._equivalent_top()
        if len(group) == len(field) and Word.EQUIVALENT not in words:
            return self._nothing_decided(pairs)
        return self._undecided_top(pairs)

    def _winner(self, best: str) -> str:
        line, view = self.line, self.view
        rivals = [t for t in self.field if t != best]
        finds = self._better_elsewhere(best)
        if finds:
            noun = "overlap" if line.view.metric.name in ("dice", "iou") else self.metric
            return f"{view.name(best)} for {noun}; {'; '.join(finds)}."
        nearest = max(rivals, key=lambda t: line.gain(t, best))
        relevant = all(pair["low"] >= line.margin > 0 for pair in self._pairs([(best, t) for t in rivals]))
        least = f" by at least {self.within}" if relevant else ""
        if len(rivals) == 1:
            than = f"better than {view.name(nearest)} in {self.metric}{least} ({line.difference(best, nearest)})"
        else:
            next_one = f"next: {view.name(nearest)}, {line.difference(nearest, best)}"
            placed = " that can be placed" if line.behind else ""
            than = f"better than all others{placed} in {self.metric}{least} ({next_one})"
        return f"{view.name(best)} is best: {than}, and worse in nothing measured{self._but_for_time(best)}."

    def _but_for_time(self, best: str) -> str:
        time = self.card.line(Question.TIME)
        faster = [] if time is None else [t for t in time.compared if t != best and time.word(t, best) is Word.BETTER]
        if time is None or not faster:
            return ""
        seconds = {t: float(time.values[t]["value"]) for t in [best, *faster]}
        base = self.view.baseline if self.view.baseline in faster else min(faster, key=seconds.__getitem__)
        return f" but the time of a training ({seconds[best] / seconds[base]:.1f} times that of {self.view.name(base)})"

    def _better_elsewhere(self, best: str, than: Sequence[str] = ()) -> list[str]:
        """Who does what better than the best and than all of `than`, a clause each, the most important lines first."""
        alarms = self.card.line(Question.FALSE_ALARMS)
        by_trainer: dict[str, list[Line]] = {}
        for line in self.others:
            rivals = {best, *than}
            better = [t for t in line.compared if all(line.word(t, r) is Word.BETTER for r in rivals)]
            if better:
                gains = {t: line.gain(t, best) for t in better}
                by_trainer.setdefault(max(gains, key=gains.__getitem__), []).append(line)
        clauses = []
        for trainer, lines in list(by_trainer.items())[:MOST_CLAUSES]:
            parts = [
                f"{WORDINGS[line.question].does} ({line.difference(trainer, best)}{WORDINGS[line.question].where})"
                for line in lines[:MOST_CLAUSES]
            ]
            prices = []
            if alarms is not None and alarms.word(trainer, best) is Word.WORSE and alarms not in lines:
                prices.append(f"{number(alarms.gain(best, trainer), 1)} more false alarms a case")
            if self.line.pair(best, trainer) and self.line.gain(best, trainer) > self.line.margin:
                # whoever marks a whole organ finds every lesion with one component
                prices.append(f"a {self.metric} of {' instead of '.join(map(self.line.told, (trainer, best)))}")
            at = f", at {enumerate_words(prices)}" if prices else ""
            clauses.append(f"{self.view.name(trainer)} {enumerate_words(parts)}{at}")
        return clauses

    def _all_equivalent(self) -> str:
        n = len(self.field)
        who = "both are" if n == 2 else f"all {in_words(n)} are"
        differ = self._best_in_others(self.field)
        equivalent = f"equivalent within {self.within} {self.metric}"
        if self.line.of_models:
            text = f"{who} {equivalent}"
        elif self.view.noun == "loss":
            here = f" for {self.metric}" if differ else ""
            text = f"The loss does not matter here{here}: {who} {equivalent}"
        else:
            text = f"The {in_words(n)} {self.view.nouns} are {equivalent}"
        if differ:
            listed = [
                f"{WORDINGS[line.question].topic} (best: {self.name(best)})" for line, best in differ[:MOST_CLAUSES]
            ]
            text += f"; they differ in {enumerate_words(listed)}"
        text += "."
        ties = all(pair["low"] == pair["high"] == 0 for pair in self._pairs(list(combinations(self.field, 2))))
        return text + (" All tie for first." if ties else "")

    def _best_in_others(self, among: list[str]) -> list[tuple[Line, list[str]]]:
        """The further lines in which some are better than others of the group, with those that none is better than."""
        found = []
        for line in self.others:
            here = [t for t in line.compared if t in among]
            unbeaten = line.unbeaten(here)
            if len(unbeaten) < len(here):
                found.append((line, unbeaten))
        return found

    def _equivalent_top(self) -> str:
        text = f"{self.name(self.group)} lead and are equivalent within {self.within} {self.metric}"
        advice = []
        cheapest = self._cheapest()
        if cheapest:
            advice.append(f"take the cheapest ({self.view.name(cheapest)})")
        reasons: dict[str, list[str]] = {}
        for line, best in self._best_in_others(self.group):
            if len(best) == 1 and best[0] != cheapest:
                reasons.setdefault(best[0], []).append(WORDINGS[line.question].matters)
        for trainer, matters in list(reasons.items())[:MOST_CLAUSES]:
            start = "" if advice else "take "
            advice.append(f"{start}{self.view.name(trainer)} if {' or '.join(matters[:2])}")
        return text + (f"; {', or '.join(advice)}." if advice else ".")

    def _cheapest(self) -> str | None:
        """The loss of the group that trains fastest, if the times differ."""
        time = self.card.line(Question.TIME)
        here = [] if time is None else [t for t in self.group if t in time.compared]
        if time is None or len(here) < len(self.group):
            return None
        slower = any(time.word(a, b) is Word.BETTER for a in here for b in here if a != b)
        return min(here, key=lambda t: float(time.values[t]["value"])) if slower else None

    def _undecided_top(self, pairs: list[tuple[str, str]]) -> str:
        undecided = [p for p in pairs if self.line.word(*p) is not Word.EQUIVALENT]
        needs = needed(self.line, undecided, self.view)
        if len(self.group) < len(self.field):
            which = "which is better" if len(self.group) == 2 else "which is best"
            return f"{self.name(self.group)} lead; {which} is undecided{needs}."
        equivalent = [p for p in pairs if p not in undecided]
        some = "; ".join(
            f"{self.name(list(p))} are equivalent within {self.within} {self.metric}" for p in equivalent[:1]
        )
        if len(equivalent) > 1:
            some = f"{len(equivalent)} of {count(len(pairs), 'pair')} are equivalent within {self.within} {self.metric}"
        return f"No {self.view.noun} is shown to be better than another: {some}, the rest is undecided{needs}."

    def _nothing_decided(self, pairs: list[tuple[str, str]]) -> str:
        n = len(self.field)
        nouns = "models" if self.line.of_models else self.view.nouns
        what = f"the difference of the two {nouns}" if n == 2 else f"every pair of the {in_words(n)} {nouns}"
        return f"Nothing can be told yet: {what} is undecided in {self.metric}{needed(self.line, pairs, self.view)}."

    def _pairs(self, pairs: list[tuple[str, str]]) -> list[Row]:
        return [row for a, b in pairs if (row := self.line.pair(a, b)) is not None]
