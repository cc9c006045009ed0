"""The decision card: what a user asks of each loss, and the word on it against the baseline."""

import math

import pandas as pd

from nnunet_losses.base.states import Question, Word
from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.card import Card, Line, card_of
from nnunet_losses.report.comparison import View
from nnunet_losses.report.names import in_sentence
from nnunet_losses.report.numbers import NOTHING, decimals, duration, interval, number, unit_suffix
from nnunet_losses.report.questions import WORDINGS
from nnunet_losses.report.tables.decisions import KINDS

MOST_LOSSES = 8  # columns of the first screen, the baseline among them


def table(view: View) -> Table | None:
    """The card of at most eight losses: the baseline, then by the primary metric."""
    card = card_of(view)
    return _table(card, columns_of(card)[:MOST_LOSSES])


def rest(view: View) -> Table | None:
    """The card of the losses beyond the first eight columns."""
    card = card_of(view)
    trainers = columns_of(card)
    beyond = trainers[MOST_LOSSES:]
    base = [t for t in trainers[:1] if t == view.baseline]
    return _table(card, [*base, *beyond]) if beyond else None


def columns_of(card: Card) -> list[str]:
    """The baseline, then the others by the primary metric."""
    view = card.view
    return sorted(view.trainers, key=lambda t: t != view.baseline)


def _table(card: Card, trainers: list[str]) -> Table | None:
    view = card.view
    if len(view.trainers) < 2 or not card.lines:
        return None
    columns = [Column("", numeric=False)]
    columns += [
        Column(f"{view.name(t)} (baseline)" if t == view.baseline else view.name(t), t, numeric=False) for t in trainers
    ]
    columns.append(Column("Margin", "A smaller difference is too small to matter"))
    rows = [_row(line, trainers) for line in card.lines]
    primary = card.line(Question.OVERLAP)
    note = (
        "Differences from the baseline in the direction of the metric, with intervals that hold for all pairs at once. "
    )
    note += f"Bold: no other {view.noun} is better."
    if primary is not None and primary.of_models:
        note += " Words in italics are about these trained models alone: new trainings may differ."
    return Table("The decision card", columns, rows, "statistics_decisions", note, kind="card")


def _row(line: Line, trainers: list[str]) -> list[Cell]:
    head = _head(line)
    if line.question is Question.STABILITY:
        return [head, *(_stability(line, t) for t in trainers), Cell("")]
    margin = Cell(_margin(line), kind="quiet")
    base = line.view.comparison.baseline
    compared = [t for t in trainers if t in line.compared]
    if line.all_equivalent and len(compared) == len(trainers) and len(trainers) > 1:
        value = _value(line, base if base in trainers else trainers[0])
        every = "both" if len(trainers) == 2 else "all"
        text = f"{every} equivalent" + (f" (baseline {value})" if base in trainers else "")
        return [head, Cell(text, kind=_style(line, ""), span=len(trainers), link=head.link), margin]
    return [head, *(_cell(line, t, base, head.link) for t in trainers), margin]


def _head(line: Line) -> Cell:
    if line.question is Question.OVERLAP:
        name, tip = f"{line.view.metric.long_name}, as trained", line.view.metric.description
    else:
        name, tip = WORDINGS[line.question].head, WORDINGS[line.question].tip
    if line.question is Question.SMALL_LESIONS:
        sizes = sorted({str(row["reason"]) for row in line.values.values() if pd.notna(row["value"])})
        tip = f"{tip}: {'; '.join(sizes)}"
    return Cell(name, None, tip, link=WORDINGS[line.question].section)


def _cell(line: Line, trainer: str, base: str, link: str) -> Cell:
    if trainer == base:
        return Cell(_value(line, trainer), kind=_style(line, "best" if trainer in line.best else ""), link=link)
    pair = line.pair(trainer, base)
    best = "best" if trainer in line.best else ""
    if pair is None:  # no baseline: the value alone
        return Cell(_value(line, trainer), kind=_style(line, best), link=link)
    word = Word(pair["word"])
    if word is Word.NOT_COMPARABLE:
        return Cell(str(word), None, str(pair["reason"]), "quiet", link=link)
    kind = " ".join(part for part in (KINDS.get(word, ""), best) if part)
    tip = f"{_value(line, trainer)}; the baseline: {_value(line, base)}"
    return Cell(str(word), None, tip, _style(line, kind), link=link, below=_difference(line, trainer, base))


def _style(line: Line, kind: str) -> str:
    return f"{kind} models".strip() if line.of_models else kind


def _difference(line: Line, trainer: str, base: str) -> tuple[str, ...]:
    """Difference and interval, a line each."""
    text = line.difference(trainer, base)
    if line.question is Question.TIME:  # a difference of logarithms is that of a ratio
        pair = line.pair(trainer, base) or {}
        ratio, low, high = (math.exp(-pair[name]) for name in ("difference", "high", "low"))
        text = f"×{interval(ratio, low, high, 2)}"
    middle, bracket, limits = text.partition(" [")
    return (middle, f"[{limits}") if bracket else (middle,)


def _value(line: Line, trainer: str) -> str:
    row = line.values.get(trainer)
    if row is None or pd.isna(row["value"]):
        return NOTHING
    if line.question is Question.TIME:
        return duration(float(row["value"]))
    metric = line.view.metric
    return f"{number(row['value'], decimals(metric.unit))}{unit_suffix(metric.unit)}"


def _margin(line: Line) -> str:
    if line.question is Question.TIME:
        return f"{100 * (math.exp(line.margin) - 1):.0f}\u00a0%"
    return NOTHING if math.isnan(line.margin) else line.margin_text


def _stability(line: Line, trainer: str) -> Cell:
    row = line.values.get(trainer)
    if row is None:
        return Cell(NOTHING, kind="quiet")
    failed, trainings = int(row["failed"]), int(row["trainings"])
    sd = float(row["value"])
    spread = "" if math.isnan(sd) else f"SD {number(sd, decimals(line.view.metric.unit))}"
    text = f"{failed or 'none'} of {trainings} failed"
    lost = int(line.view.by_trainer("failures").get(trainer, {}).get("learned_then_lost", 0))
    further = (f"{lost} learned, then lost it",) if lost else ()
    tip = f"SD of {in_sentence(line.view.metric.long_name)} over trainings"
    lines = ((spread, text) if spread else (text,)) + further
    return Cell(
        lines[0], None, tip, "bad" if failed or lost else "", link=WORDINGS[line.question].section, below=lines[1:]
    )
