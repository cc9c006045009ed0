"""Who was compared, and why others were not."""

import pandas as pd

from nnunet_losses.base.states import Question, RunStatus
from nnunet_losses.base.tables.results import COLLAPSED
from nnunet_losses.report.card import Card, Line
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.names import in_sentence
from nnunet_losses.report.numbers import count, decimals, enumerate_words, number

_FATES = {COLLAPSED: "collapsed in", RunStatus.DIVERGED: "diverged in", RunStatus.MISSING: "lacks"}
_PLURAL = {"lacks": "lack"}
MOST_NAMES = 5


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
    reasons += _lost_cases(view, total - used) + _failed(view) + _erratic(card, line)
    if not reasons:
        return ""
    parts = f"{len(compared)} of {count(len(view.trainers), view.noun, view.nouns)}, {used} of {count(total, 'case')}"
    return f"Compared: {parts}; {'; '.join(reasons)}."


def _erratic(card: Card, line: Line) -> list[str]:
    """Who does not lead because its trainings are worth very different things."""
    stability = card.line(Question.STABILITY)
    if stability is None or not line.behind:
        return []
    digits = decimals(line.view.metric.unit)
    spread = {t: float(row["value"]) for t, row in stability.values.items()}
    others = max(sd for t, sd in spread.items() if t not in line.erratic)
    return [
        f"{card.view.name(t)} trains erratically (SD {number(spread[t], digits)} over trainings, others at most "
        f"{number(others, digits)}) and cannot be placed"
        for t in line.behind
    ]


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
    alike: dict[tuple[str, int, int], list[str]] = {}
    fates = failed["status"].mask(failed[COLLAPSED], COLLAPSED)
    for (trainer, fate), rows in failed.groupby(["trainer", fates], sort=False):
        asked = jobs[jobs["trainer"] == trainer]
        total = len(asked) if fate == RunStatus.MISSING else int((asked["status"] != RunStatus.MISSING).sum())
        alike.setdefault((str(fate), len(rows), total), []).append(view.name(str(trainer)))
    said = []
    for (fate, n, total), names in alike.items():
        verb = _FATES.get(fate, "did not end in")
        if len(names) == 1:
            who = names[0]
        elif len(names) == len(view.trainers):
            who = f"every {view.noun}"
        else:
            who, verb = f"{enumerate_words(names, MOST_NAMES)} each", _PLURAL.get(verb, verb)
        said.append(f"{who} {verb} {n} of {count(total, 'training')}")
    return said
