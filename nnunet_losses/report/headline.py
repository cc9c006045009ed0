"""The headline: one or two sentences composed from the decision card by the first rule that applies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import pandas as pd

from nnunet_losses.base.states import Question, RunStatus, Word
from nnunet_losses.base.tables.results import COLLAPSED
from nnunet_losses.report.card import Card, Line
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.names import in_sentence
from nnunet_losses.report.numbers import count, decimals, duration, enumerate_words, interval, number, unit_suffix
from nnunet_losses.statistics.estimators.forecast import MOST_SEEDS
from nnunet_losses.statistics.tables.decision import FORECASTS

MOST_CLAUSES = 3  # differences that a headline names
SMALL_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

# What a loss that is better in a line does, said of one loss; {} holds the difference.
_DOES = {
    Question.OWN_THRESHOLD: "has the higher Dice at its own threshold {}",
    Question.SURFACE: "has the better surface {}",
    Question.LESIONS: "finds more lesions {}",
    Question.SMALL_LESIONS: "finds more small lesions {}",
    Question.FALSE_ALARMS: "raises fewer false alarms {}",
    Question.HEALTHY_CASES: "raises fewer false alarms on cases without lesions {}",
    Question.PROBABILITIES: "is better calibrated {}",
}
# What a reader may care for, by line.
_MATTER = {
    Question.OWN_THRESHOLD: "Dice at its own threshold matters",
    Question.SURFACE: "surfaces matter",
    Question.LESIONS: "lesions found matter",
    Question.SMALL_LESIONS: "small lesions matter",
    Question.FALSE_ALARMS: "false alarms matter",
    Question.HEALTHY_CASES: "false alarms on cases without lesions matter",
    Question.PROBABILITIES: "probabilities matter",
}
_TOPIC = {
    Question.OWN_THRESHOLD: "Dice at the own threshold",
    Question.SURFACE: "surfaces",
    Question.LESIONS: "lesions found",
    Question.SMALL_LESIONS: "small lesions",
    Question.FALSE_ALARMS: "false alarms",
    Question.HEALTHY_CASES: "false alarms on cases without lesions",
    Question.PROBABILITIES: "probabilities",
}
_FATES = {COLLAPSED: "collapsed in", RunStatus.DIVERGED: "diverged in", RunStatus.MISSING: "lacks"}


def in_words(n: int) -> str:
    """``five``; digits beyond ten."""
    return SMALL_NUMBERS[n] if n < len(SMALL_NUMBERS) else str(n)


def headline(card: Card) -> str:
    """The answer; what was left out stands in `left_out`."""
    view, line = card.view, card.line(Question.OVERLAP)
    if len(view.trainers) == 1:
        return f"Nothing to compare: only {view.name(*view.trainers)} was trained."
    if line is None:
        return f"Nothing to compare: no {view.noun} has a {in_sentence(view.metric.long_name)}."
    if len(line.compared) < 2:
        reasons = sorted({str(row["reason"]) for row in line.values.values() if row["reason"]})
        why = f": {'; '.join(reasons)}" if reasons else ""
        return f"Nothing can be compared{why}." if reasons else "Nothing can be compared: too few cases in common."
    told = _Told(card, line)
    text = told.non_inferiority + told.by_rule + told.beyond
    if not line.of_models:
        return text
    return f"Of these trained models, {_lowered(text)} {_seeds_would_cost(view)}"


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
        return [line for line in self.card.lines if line.question in _DOES]

    @cached_property
    def within(self) -> str:
        return margin_of(self.line)

    @cached_property
    def field(self) -> list[str]:
        """The losses that can lead: those of which no training failed, if there are two."""
        steady = [t for t in self.line.compared if not self.line.values[t]["failed"]]
        return steady if len(steady) > 1 else self.line.compared

    @cached_property
    def group(self) -> list[str]:
        """The losses that nobody is better than; with a single one, also those that it is not better than."""
        line, field = self.line, self.field
        top = [t for t in field if not any(line.word(o, t) is Word.BETTER for o in field if o != t)]
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
        pairs = {t: line.pair(t, best) for t in rivals}
        nearest = max(rivals, key=lambda t: pairs[t]["difference"])  # type: ignore[index]
        gap = self._gap(line, pairs[nearest])
        relevant = all(line.pair(best, t)["low"] >= line.margin > 0 for t in rivals)  # type: ignore[index]
        least = f" by at least {self.within}" if relevant else ""
        if len(rivals) == 1:
            gap = self._gap(line, line.pair(best, nearest))
            than = f"better than {view.name(nearest)} in {self.metric}{least} ({gap})"
        else:
            than = f"better than all others in {self.metric}{least} (next: {view.name(nearest)}, {gap})"
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
                most = max(better, key=lambda t: line.pair(t, best)["difference"])  # type: ignore[index]
                by_trainer.setdefault(most, []).append(line)
        clauses = []
        for trainer, lines in list(by_trainer.items())[:MOST_CLAUSES]:
            parts = [
                _DOES[line.question].format(f"({self._gap(line, line.pair(trainer, best))}{_where(line)})")
                for line in lines[:MOST_CLAUSES]
            ]
            clause = f"{self.view.name(trainer)} {enumerate_words(parts)}"
            if alarms is not None and alarms.word(trainer, best) is Word.WORSE and alarms not in lines:
                more = -float(alarms.pair(trainer, best)["difference"])  # type: ignore[index]
                clause += f", at {number(more, 1)} more false alarms a case"
            clauses.append(clause)
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
            listed = [f"{_TOPIC[line.question]} (best: {self.name(best)})" for line, best in differ[:MOST_CLAUSES]]
            text += f"; they differ in {enumerate_words(listed)}"
        text += "."
        ties = all(pair["low"] == pair["high"] == 0 for pair in self._pairs(list(combinations(self.field, 2))))
        return text + (" All tie for first." if ties else "")

    def _best_in_others(self, among: list[str]) -> list[tuple[Line, list[str]]]:
        """The further lines in which some are better than others of the group, with those that none is better than."""
        found = []
        for line in self.others:
            here = [t for t in line.compared if t in among]
            beaten = [t for t in here if any(line.word(o, t) is Word.BETTER for o in here if o != t)]
            if beaten and len(here) > 1:
                found.append((line, [t for t in here if t not in beaten]))
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
                reasons.setdefault(best[0], []).append(_MATTER[line.question])
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
        needed = self._needed(undecided)
        if len(self.group) < len(self.field):
            which = "which is better" if len(self.group) == 2 else "which is best"
            return f"{self.name(self.group)} lead; {which} is undecided{needed}."
        equivalent = [p for p in pairs if p not in undecided]
        some = "; ".join(
            f"{self.name(list(p))} are equivalent within {self.within} {self.metric}" for p in equivalent[:1]
        )
        if len(equivalent) > 1:
            some = f"{len(equivalent)} of {count(len(pairs), 'pair')} are equivalent within {self.within} {self.metric}"
        return f"No {self.view.noun} is shown to be better than another: {some}, the rest is undecided{needed}."

    def _nothing_decided(self, pairs: list[tuple[str, str]]) -> str:
        n = len(self.field)
        nouns = "models" if self.line.of_models else self.view.nouns
        what = f"the difference of the two {nouns}" if n == 2 else f"every pair of the {in_words(n)} {nouns}"
        return f"Nothing can be told yet: {what} is undecided in {self.metric}{self._needed(pairs)}."

    def _pairs(self, pairs: list[tuple[str, str]]) -> list[Row]:
        return [row for a, b in pairs if (row := self.line.pair(a, b)) is not None]

    def _needed(self, pairs: list[tuple[str, str]]) -> str:
        """What would decide all these pairs, in brackets; empty where it cannot be known."""
        if self.line.of_models:
            return ""
        rows = self._pairs(pairs)
        most = {name: _most(rows, name) for name in FORECASTS}
        options = []
        if not math.isnan(most["seeds_needed"]):
            seeds = int(most["seeds_needed"])
            options.append(f"{seeds} seeds a fold{_hours(self.view, self.group, seeds)}")
        if not math.isnan(most["cases_needed"]):
            options.append(count(int(most["cases_needed"]), "case"))
        if not options and not math.isnan(most["seeds_together"]):
            seeds, cases = int(most["seeds_together"]), int(most["cases_together"])
            options.append(f"{seeds} seeds a fold{_hours(self.view, self.group, seeds)} and {count(cases, 'case')}")
        if not options:
            found = (
                ""
                if math.isnan(most["detectable"])
                else f"; this study finds one of {self._rounded(most['detectable'])}"
            )
            return f" (to decide a difference of {self.within} would take more than {MOST_SEEDS} seeds a fold{found})"
        return f" ({' or '.join(options)} would decide a difference of {self.within})"

    def _rounded(self, difference: float) -> str:
        metric = self.line.view.metric
        return number(difference, decimals(metric.unit)) + unit_suffix(metric.unit)

    def _gap(self, line: Line, pair: Row | None) -> str:
        assert pair is not None
        metric = line.view.metric
        sign = 1 if metric.higher_is_better else -1
        low, high = sorted((sign * pair["low"], sign * pair["high"]))
        text = interval(sign * pair["difference"], low, high, _digits(line), signed=True)
        return text + unit_suffix(metric.unit)


def _where(line: Line) -> str:
    return " at one false positive a case" if line.question in (Question.LESIONS, Question.SMALL_LESIONS) else ""


def _digits(line: Line) -> int:
    return decimals(line.view.metric.unit)


def margin_of(line: Line) -> str:
    """The margin of a line with its unit and as many decimals as it needs, ``0.01``."""
    return f"{line.margin:.6f}".rstrip("0").rstrip(".") + unit_suffix(line.view.metric.unit)


def _most(rows: list[Row], column: str) -> float:
    values = [float(row[column]) for row in rows]
    return math.nan if not values or any(map(math.isnan, values)) else max(values)


def _training_seconds(view: View, trainers: list[str]) -> float:
    """Seconds that one training of each of these losses takes together; NaN if unknown."""
    spent = view.by_trainer("costs")
    seconds = [float(spent[t]["seconds"]) if t in spent else math.nan for t in trainers]
    return math.fsum(seconds) if seconds and not any(map(math.isnan, seconds)) else math.nan


def _device_hours(view: View, seconds: float) -> str:
    jobs = view.table("jobs")
    device = set() if jobs is None or "device" not in jobs else set(jobs["device"].dropna().astype(str))
    unit = "GPU time" if device == {"cuda"} else "training time"
    return f"{duration(seconds)} of {unit}"


def _hours(view: View, trainers: list[str], seeds: int) -> str:
    """What further seeds would cost, after a comma; empty if unknown."""
    seconds = (
        _training_seconds(view, trainers) * view.cases["fold"].nunique() * max(seeds - view.cases["seed"].nunique(), 0)
    )
    return "" if math.isnan(seconds) or not seconds else f", {_device_hours(view, seconds)} more,"


def _seeds_would_cost(view: View) -> str:
    seconds = (
        3
        * view.cases["fold"].nunique()
        * _training_seconds(view, [t for t in view.trainers if t in view.by_trainer("costs")])
    )
    cost = "" if math.isnan(seconds) or not seconds else f"; seeds: [1, 2, 3] would cost {_device_hours(view, seconds)}"
    return f"One training per {view.noun}: luck of training is not excluded{cost}."


def left_out(card: Card) -> str:
    """Who was compared, and why others were not; empty if nothing is missing."""
    view, line = card.view, card.line(Question.OVERLAP)
    if line is None:
        return ""
    compared = [t for t in view.trainers if t in line.values and not pd.isna(line.values[t]["value"])]
    total = int(view.cases["case"].nunique())
    used = len(view.values)
    missing = [t for t in view.trainers if t not in compared]
    reasons = [f"{view.name(t)} is {_why(line.values.get(t))}" for t in missing]
    reasons += _lost_cases(view, total - used) + _failed(view)
    if not reasons:
        return ""
    parts = f"{len(compared)} of {count(len(view.trainers), view.noun, view.nouns)}, {used} of {count(total, 'case')}"
    return f"Compared: {parts}; {'; '.join(reasons)}."


def _why(row: Row | None) -> str:
    return "left out: it has no case" if row is None or not row["reason"] else str(row["reason"])


def _lost_cases(view: View, lost: int) -> list[str]:
    """Why cases are not compared, by the losses that lack them."""
    if lost <= 0:
        return []
    found = view.statistic("undefined")
    undefined = (
        []
        if found is None
        else [
            f"{view.name(str(t))} {int(n)}"
            for t, n in found[found["resolved"] == "left out"].groupby("trainer", sort=False)["n"].sum().items()
        ]
    )
    metric = in_sentence(view.metric.long_name)
    if undefined:
        return [f"{count(lost, 'case')} left out: {metric} is not defined ({enumerate_words(undefined)})"]
    return [f"{count(lost, 'case')} left out, because some {view.noun} has no prediction"]


def _failed(view: View) -> list[str]:
    """How many trainings of a loss failed, and how."""
    jobs, failed = view.table("jobs"), view.failures
    if jobs is None or failed is None or failed.empty:
        return []
    said = []
    fates = failed["status"].mask(failed[COLLAPSED], COLLAPSED)
    for (trainer, fate), rows in failed.groupby(["trainer", fates], sort=False):
        total = int((jobs["trainer"] == trainer).sum())
        verb = _FATES.get(str(fate), "did not end in")
        said.append(f"{view.name(str(trainer))} {verb} {len(rows)} of {count(total, 'training')}")
    return said
