"""What papers conclude, and what it comes to here."""

from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.states import Verdict
from nnunet_losses.base.tables.published import MARKS
from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import Row, View, records
from nnunet_losses.report.numbers import NOTHING, count, decimals, enumerate_words, interval, number
from nnunet_losses.report.tables.cells import VARIANT, numeric, variant

KINDS = {Verdict.HOLDS: "good", Verdict.DOES_NOT_HOLD: "bad"}


def table(view: View) -> Table | None:
    """One row per claim: verdict, contrast with its interval, margin and published size."""
    rows = view.statistic("claims")
    if rows is None:
        return None
    several = len(set(rows["variant"])) > 1
    columns = [
        Column("Claim", "The tooltip says where it stands", numeric=False),
        Column("Paper", numeric=False),
        *([VARIANT] if several else []),
        Column("Verdict", "From the interval and the margin", numeric=False),
        Column("Metric", numeric=False),
        Column("Contrast", "Of several, the weakest", numeric=False),
        Column("Found [95 % CI]", "Above 0: the first is higher; the interval holds for all contrasts at once"),
        Column("Published", "Size of the same contrast, where it was published"),
        Column("Margin"),
        Column("Reservations", numeric=False),
    ]
    return Table(
        "What papers conclude, judged here", columns, [_row(row, several) for row in records(rows)],
        "statistics_claims", _note(view), long=len(rows) > 20,
    )  # fmt: skip


def _row(row: Row, several: bool) -> list[Cell]:
    metric = metric_named(str(row["measure"]))
    digits = decimals(metric.unit)
    verdict = str(row["verdict"])
    return [
        Cell(str(row["says"]), None, f"{row['source']} ({row['mark']}: {MARKS[str(row['mark'])]})"),
        Cell(str(row["paper"])),
        *([variant(row)] if several else []),
        Cell(verdict, kind=KINDS.get(Verdict(verdict), "quiet" if verdict == Verdict.NOT_TESTABLE else "")),
        Cell(metric.long_name),
        Cell(str(row["contrast"]) or NOTHING),
        numeric(row["difference"], interval(row["difference"], row["low"], row["high"], digits, signed=True)),
        numeric(row["size"], number(row["size"], digits, signed=True)),
        numeric(row["margin"], number(row["margin"], digits)),
        Cell("; ".join(_reservations(row)) or "none"),
    ]


def _reservations(row: Row) -> list[str]:
    told = [str(row["reason"])] if row["reason"] else []
    if row["subject"] == "models" and row["verdict"] != Verdict.NOT_TESTABLE:
        told.append("of these trained models only")
    return told


def _note(view: View) -> str:
    return (
        "Holds: the interval lies on the claimed side of 0. Does not hold: it lies on the other side, or the "
        f"difference is smaller than the margin. An interval of a contrast of several {view.nouns} is put together "
        "from those of their pairs, and somewhat wide."
    )


def in_words(view: View) -> str:
    """How many claims hold, do not hold, are undecided and cannot be tested."""
    rows = view.statistic("claims")
    if rows is None:
        return ""
    counts = rows["verdict"].value_counts()
    words = {
        Verdict.HOLDS: ("holds", "hold"), Verdict.DOES_NOT_HOLD: ("does not hold", "do not hold"),
        Verdict.UNDECIDED: ("is undecided", "are undecided"),
        Verdict.NOT_TESTABLE: ("cannot be tested", "cannot be tested"),
    }  # fmt: skip
    parts = [f"{n} {one if n == 1 else many}" for v, (one, many) in words.items() if (n := int(counts.get(v, 0)))]
    return f"Of {count(len(rows), 'claim')}, {enumerate_words(parts)}."
