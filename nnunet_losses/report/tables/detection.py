"""Detection of lesions: measures of the curves, false positives without lesions, and the model of lesion size."""

import math

import pandas as pd

from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import Row, View, records
from nnunet_losses.report.numbers import NOTHING, SIGNIFICANT, equals, interval, number, odds, percent
from nnunet_losses.report.tables.cells import head, numeric

MEASURES = {"cpm": "CPM", "average_recall": "Average recall", "ap": "Average precision"}
END, AT = "max_recall", "false_positives_per_case"  # the end of a FROC curve: its recall, and where it lies
TERMS = {
    "trainer": "{}, against the baseline",
    "doubling of diameter": "Doubling of the diameter",
    "trainer × doubling": "{} × doubling",
}


def measures(view: View) -> Table | None:
    """Measures of the FROC and precision-recall curves with their bootstrap intervals."""
    table = view.statistic("froc")
    if table is None or not table["value"].notna().any():
        return None
    names, rows_of = _by_trainer(table, "measure")
    names = [measure for measure in names if measure != AT]
    columns = [Column(view.noun.capitalize(), numeric=False)]
    for measure in names:
        at = measure.partition("@")[2]
        name = f"Recall at {at} FP" if at else MEASURES.get(measure, "Largest recall, at FP per case")
        columns.append(Column(name, "Tooltip of each cell: 95 % bootstrap interval over cases"))
    rows = []
    for trainer in view.present(rows_of):
        cells = [head(view, trainer)]
        for measure in names:
            found = rows_of[trainer].get(measure)
            if found is None:
                cells.append(Cell(NOTHING))
                continue
            whole = interval(found["value"], found["low"], found["high"])
            text = whole if measure in MEASURES else number(found["value"], 2)
            if measure == END:
                text += f" at {number(rows_of[trainer].get(AT, {}).get('value'), 2)}"
            cells.append(numeric(found["value"], text, whole))
        rows.append(cells)
    return Table("Detection of lesions: measures of the curves", columns, rows, "statistics_froc")


def negatives(view: View) -> Table | None:
    """False positives on cases without a reference lesion; None if there are no such cases."""
    rows_of = view.by_trainer("negatives")
    if not any(row["n_negative"] for row in rows_of.values()):
        return None
    columns = [
        Column(view.noun.capitalize(), numeric=False),
        Column("Negative cases"),
        Column("With false positives [95\u00a0%\u00a0CI]"),
        Column("False positives per negative case"),
    ]
    rows = []
    for trainer in view.present(rows_of):
        row = rows_of[trainer]
        share = row["with_false_positives"] / row["n_negative"] if row["n_negative"] else math.nan
        known = not pd.isna(row["share_low"])
        limits = f" [{percent(row['share_low'])}, {percent(row['share_high'])}]" if known else ""
        rows.append(
            [
                head(view, trainer),
                numeric(row["n_negative"], number(row["n_negative"], 0)),
                numeric(share, f"{number(row['with_false_positives'], 0)}{limits}"),
                numeric(row["false_positives_per_case"], number(row["false_positives_per_case"], 2)),
            ]
        )
    return Table("False positives on cases without any lesion", columns, rows, "statistics_negatives")


def lesion_model(view: View) -> Table | None:
    """Odds of finding a lesion relative to the baseline, given its size."""
    table = view.statistic("lesion_model")
    if table is None or not table["odds_ratio"].notna().any():
        return None
    terms, rows_of = _by_trainer(table, "term")
    columns = [
        Column(view.noun.capitalize(), numeric=False),
        *(Column(f"{TERMS.get(t, t).format(view.noun.capitalize())} [95\u00a0%\u00a0CI]") for t in terms),
    ]
    rows = []
    for trainer in view.present(rows_of):
        cells = [head(view, trainer)]
        for term in terms:
            found = rows_of[trainer].get(term)
            if found is None or pd.isna(found["odds_ratio"]):
                cells.append(Cell(NOTHING, None, "" if found is None else str(found["reason"])))
                continue
            text = f"{odds(found['odds_ratio'])} [{odds(found['low'])}, {odds(found['high'])}]"
            kind = "strong" if found["p"] < SIGNIFICANT else ""
            cells.append(numeric(found["odds_ratio"], text, f"p {equals(found['p'])}", kind))
        rows.append(cells)
    return Table(
        "Odds ratios of finding a lesion; above 1: found more often", columns, rows, "statistics_lesion_model",
        "From a logistic model in which the lesions of a case are correlated.",
    )  # fmt: skip


def _by_trainer(table: pd.DataFrame, column: str) -> tuple[list[str], dict[str, dict[str, Row]]]:
    """The words of a column in their order, and the rows by trainer and word."""
    rows_of: dict[str, dict[str, Row]] = {}
    for row in records(table):
        rows_of.setdefault(str(row["trainer"]), {})[str(row[column])] = row
    return list(dict.fromkeys(table[column].astype(str))), rows_of
