"""What the comparison of each pair of losses comes to, in a word."""

from nnunet_losses.base.states import Word
from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.numbers import as_declared, count, decimals, interval
from nnunet_losses.report.tables.cells import numeric, paired

KINDS = {Word.BETTER: "good", Word.WORSE: "bad", Word.EQUIVALENT: "strong"}


def table(view: View) -> Table | None:
    """One row per pair, the better ranked loss first."""
    pairs = view.statistic("decisions")
    if pairs is None:
        return None
    listed = view.best_first(pairs)
    digits = decimals(view.metric.unit)
    columns = [
        Column("Pair, the better ranked first", numeric=False),
        Column("The first is", "From the interval and the margin", numeric=False),
        Column("Difference [95 % CI]", "Above 0: the first is better; the interval holds for all pairs at once"),
        Column("Rests on", "What varies: trainings and cases, or the cases alone", numeric=False),
    ]
    rows = [_row(view, pair, digits) for pair in listed]
    margin = as_declared(listed[0]["margin"], view.metric.unit)
    caption = f"{view.metric.long_name}: decision on each pair; differences below {margin} are too small to matter"
    note = ""
    if {pair["subject"] for pair in listed if pair["word"] != Word.NOT_COMPARABLE} == {"models"}:
        note = (
            f"Without two trainings of every {view.noun}, decisions are about the trained models; new "
            "trainings may differ."
        )
    return Table(caption, columns, rows, "statistics_decisions", note, long=len(rows) > 15)


def _row(view: View, pair: Row, digits: int) -> list[Cell]:
    word = Word(pair["word"])
    if word is Word.NOT_COMPARABLE:
        short = {trainer: view.name(trainer) for trainer in (str(pair["trainer_a"]), str(pair["trainer_b"]))}
        # "A is left out: ...; B is left out: ..."
        reasons = (reason.partition(" ") for reason in str(pair["reason"]).split("; "))
        basis = "; ".join(short.get(first, first) + space + rest for first, space, rest in reasons)
    elif pair["subject"] == "losses":
        basis = f"{_trainings(view, pair)}, {count(pair['n'], 'case')}"
    else:
        basis = f"{count(pair['n'], 'case')} alone"
    return [
        paired(view, pair),
        Cell(str(word), kind=KINDS.get(word, "")),
        numeric(pair["difference"], interval(pair["difference"], pair["low"], pair["high"], digits, signed=True)),
        Cell(basis),
    ]


def _trainings(view: View, pair: Row) -> str:
    """What trainings a decision rests on: folds, of which the seeds are averaged, or seeds."""
    n = int(pair["trainings"])
    if pair["reason"]:
        return f"{count(n, 'seed')} ({pair['reason']})"
    cases = view.comparison.cases  # that of the view has no rows of a metric over lesions
    here = cases[(cases["dataset"] == view.dataset) & (cases["configuration"] == view.configuration)]
    seeds = here["seed"].nunique()
    if here["fold"].nunique() == 1:
        return count(n, "seed")
    return count(n, "fold") + (f" of {count(seeds, 'seed')}" if seeds > 1 else "")
