"""Published numbers beside those that were reproduced, and whether the order of the losses agrees."""

import pandas as pd

from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.tables.published import MARKS
from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import Row, View, records
from nnunet_losses.report.names import in_sentence, printable
from nnunet_losses.report.numbers import count, decimals, interval, number
from nnunet_losses.report.tables import detection
from nnunet_losses.report.tables.cells import VARIANT, numeric, variant
from nnunet_losses.statistics.tables.detection import MEASURES

LONG = 20  # rows; beyond, the table is searched and paged
NAMES = detection.MEASURES | {
    "ap": "Average precision of lesions",
    "recall@0.5": "Lesion recall at 0.5 FP",
    "recall@1": "Lesion recall at 1 FP",
    "recall@4": "Lesion recall at 4 FP",
    "max_recall": "Highest lesion recall",
    "false_positives_per_case": "Most FP a case",
}
"""Short names of the measures of FROC."""
PROCEDURES = {
    "shirokikh2020": "as the authors computed it",
    "shirokikh2020_full": "as the authors computed it, on all images",
}


def agreement(view: View) -> Table | None:
    """One row per published measure: Kendall's τ of published and reproduced values."""
    rows = view.statistic("agreement")
    if rows is None:
        return None
    several = len(set(rows["variant"])) > 1
    columns = [
        Column("Published measure", numeric=False),
        Column("Data of the publication", numeric=False),
        *([VARIANT] if several else []),
        Column(view.nouns.capitalize(), f"{view.nouns.capitalize()} with a published and a reproduced value"),
        Column("Kendall's τ [95 % CI]", "1: the same order; −1: the reverse"),
        Column("Reservations", numeric=False),
    ]
    table = [
        [
            Cell(measure_name(row)),
            Cell(printable(str(row["data"])) + ("" if row["same_data"] else " (other data)")),
            *([variant(row)] if several else []),
            numeric(row["n_losses"], str(row["n_losses"])),
            numeric(row["tau"], interval(row["tau"], row["low"], row["high"], 2, signed=True)),
            Cell(_reservation(row)),
        ]
        for row in records(rows)
    ]
    return Table(
        "Do published and reproduced values order the losses alike?", columns, table, "statistics_agreement",
        "Cases are resampled, and values vary as new trainings would where there are several.", long=len(table) > LONG,
    )  # fmt: skip


def values(view: View) -> Table | None:
    """One row per published number, with the reproduced one and the difference beside it."""
    rows = view.statistic("reproduction")
    if rows is None:
        return None
    several = len(set(rows["variant"])) > 1
    columns = [
        Column("Published measure", numeric=False),
        Column("Data", numeric=False),
        Column(view.noun.capitalize(), "As the publication calls it", numeric=False),
        *([VARIANT] if several else []),
        Column("Published ± spread", "The tooltip says what the spread is, and of how many"),
        Column("Reproduced [95 % CI]", "By our definition; interval over cases"),
        Column("By the published procedure", "Where it differs from ours and we have both"),
        Column("Difference", "Reproduced − published; of the same data only"),
        Column("Definitions", "Where they differ", numeric=False),
        Column("Read in", numeric=False),
    ]
    return Table(
        "Published numbers beside reproduced ones", columns, [_row(row, several) for row in records(rows)],
        "statistics_reproduction", long=len(rows) > LONG,
    )  # fmt: skip


def measure_name(row: Row) -> str:
    """The name of a published measure, and the procedure if it is not ours."""
    name = str(row["measure"])
    if name in NAMES:
        name = NAMES[name]
    else:
        try:
            name = metric_named(name).long_name
        except KeyError:  # a metric that we do not have
            name = name.replace("_", " ")
    procedure = PROCEDURES.get(str(row["procedure"]))
    return f"{name}, {procedure}" if procedure else name


def _row(row: Row, several: bool) -> list[Cell]:
    digits = _digits(str(row["measure"]))
    spread: str = "" if pd.isna(row["spread"]) else f" ± {number(row['spread'], digits)}"
    of: str = "" if pd.isna(row["n"]) else f"; of {number(row['n'], 0)} {row['n_of']}"
    kind: str = f"±: {row['spread_kind']}" if spread else "Without a spread"
    tip = f"{row['definition']}. {kind}{of}. {row['source']}"
    return [
        Cell(measure_name(row)),
        Cell(printable(str(row["data"])) + ("" if row["same_data"] else " (other data)")),
        Cell(printable(str(row["loss"])), None, str(row["trainer"])),
        *([variant(row)] if several else []),
        numeric(row["published"], number(row["published"], digits) + spread, tip),
        numeric(row["reproduced"], interval(row["reproduced"], row["low"], row["high"], digits), row["reason"]),
        numeric(row["by_procedure"], number(row["by_procedure"], digits)),
        numeric(row["difference"], number(row["difference"], digits, signed=True)),
        Cell(str(row["differs"]) or "the same", kind="" if row["differs"] else "quiet"),
        Cell(f"{row['mark']}: {MARKS[str(row['mark'])]}", None, str(row["source"])),
    ]


def _digits(measure: str) -> int:
    if measure in MEASURES:
        return 1 if measure == "false_positives_per_case" else 3
    try:
        return decimals(metric_named(measure).unit)
    except KeyError:
        return 3


def _reservation(row: Row) -> str:
    told = [str(row["reason"])] if row["reason"] else []
    if row["subject"] == "models" and pd.notna(row["tau"]):
        told.append("of these trained models only: new trainings would widen the interval")
    if not row["same_data"]:
        told.append("other data: only the order can agree")
    return in_sentence("; ".join(told)) or "none"


def in_words(view: View) -> str:
    """How many published numbers there are, and in how many measures the order agrees beyond chance."""
    rows, taus = view.statistic("reproduction"), view.statistic("agreement")
    if rows is None or taus is None:
        return ""
    known, clear = taus["tau"].notna(), taus["low"] > 0
    beside = rows["reproduced"].notna() | rows["by_procedure"].notna()
    told = f"{count(len(rows), 'published number')}, {int(beside.sum())} of them with a reproduced value."
    if known.any():
        told += (
            f" In {int(clear.sum())} of {count(int(known.sum()), 'measure')} the order of the {view.nouns} agrees with "
            "the published one, with an interval of Kendall's τ above 0."
        )
    return told
