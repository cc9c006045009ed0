"""Tables of the statistics that no figure shows in full."""

import math

import pandas as pd

from nnunet_losses.report.blocks import Cell, Column, Table, Text
from nnunet_losses.report.comparison import Row, View, records
from nnunet_losses.report.numbers import NOTHING, count, decimals, interval, number, odds, p_value, percent
from nnunet_losses.report.tables.comparison import head, numeric

DETECTION = {"cpm": "CPM", "average_recall": "Average recall", "ap": "Average precision"}
SHORT = {"max_recall": "Largest recall", "false_positives_per_case": "FP per case"}


def sensitivity(view: View) -> Table | None:
    """Whether the winner changes with choices of the analysis."""
    table = view.statistic("sensitivity")
    if table is None:
        return None
    columns = [
        Column("Choice", numeric=False), Column("Variant", numeric=False), Column("Cases"),
        Column("Winner", numeric=False), Column("Mean"), Column("Second", numeric=False),
        Column("Kendall's τ", "With the ranking as reported"),
    ]  # fmt: skip
    digits = decimals(view.metric.unit)
    rows = []
    for row in records(table):
        changes = bool(row["changes"])
        rows.append(
            [
                Cell(_plain(row["choice"])),
                Cell(_plain(row["variant"])),
                numeric(row["n"], number(row["n"], 0)),
                Cell(_trainer(view, row["winner"]), None, str(row["winner"]), "strong" if changes else ""),
                numeric(row["winner_mean"], number(row["winner_mean"], digits)),
                Cell(_trainer(view, row["runner_up"]), None, str(row["runner_up"])),
                numeric(row["tau"], number(row["tau"], 2)),
            ]
        )
    changed = sum(bool(row["changes"]) for row in records(table))
    note = f"The winner changes in {changed} of {count(len(rows), 'variant')}" + (" (bold)." if changed else ".")
    caption = "The winner under other choices of the analysis"
    return Table(caption, columns, rows, "statistics_sensitivity", note)


def _trainer(view: View, trainer: object) -> str:
    return view.name(trainer) if isinstance(trainer, str) and trainer else NOTHING


def _plain(value: object) -> str:
    return str(value).replace("_", " ") if isinstance(value, str) and value else NOTHING


def mixed(view: View) -> Table | None:
    """Differences from the baseline in a linear mixed model, with simultaneous intervals."""
    table = view.statistic("mixed")
    if table is None:
        return None
    table = table[(table["scope"] == "within") & table["difference"].notna()]
    if table.empty:
        return None
    by_scale = {
        scale: {str(row["trainer"]): row for row in records(part)} for scale, part in table.groupby("scale", sort=False)
    }
    raw = by_scale.get("raw", {})
    digits = decimals(view.metric.unit)
    others = [str(scale) for scale in by_scale if scale != "raw"]
    columns = [
        Column("Loss", numeric=False),
        Column("Difference [simultaneous 95\u00a0%\u00a0CI]", "Covers all losses at once"),
        Column("p", "Of the model, not corrected"),
        *(Column(f"p, {scale} scale", "The same model on a transformed scale, as a check") for scale in others),
    ]
    rows = []
    for trainer in [t for t in view.trainers if t in raw]:
        row = raw[trainer]
        text = interval(row["difference"], row["low_simultaneous"], row["high_simultaneous"], digits, signed=True)
        cells = [head(view, trainer), numeric(row["difference"], text), numeric(row["p"], p_value(row["p"]))]
        for scale in others:
            p = by_scale[scale].get(trainer, {}).get("p", math.nan)
            cells.append(numeric(p, p_value(p)))
        rows.append(cells)
    return Table(
        f"{view.metric.long_name}: linear mixed model (loss, with a random intercept per case), loss minus baseline",
        columns, rows, "statistics_mixed",
    )  # fmt: skip


def detection(view: View) -> Table | None:
    """Detection measures of each loss with bootstrap intervals."""
    table = view.statistic("froc")
    if table is None or not table["value"].notna().any():
        return None
    measures = list(dict.fromkeys(table["measure"].astype(str)))
    rows_of: dict[str, dict[str, Row]] = {}
    for row in records(table):
        rows_of.setdefault(str(row["trainer"]), {})[str(row["measure"])] = row
    columns = [Column("Loss", numeric=False)]
    for measure in measures:
        at = measure.partition("@")[2]
        name = f"Recall at {at} FP" if at else (DETECTION | SHORT).get(measure, measure)
        columns.append(Column(name, "95 % bootstrap over cases"))
    rows = []
    for trainer in [t for t in view.trainers if t in rows_of]:
        cells = [head(view, trainer)]
        for measure in measures:
            found = rows_of[trainer].get(measure)
            if found is None:
                cells.append(Cell(NOTHING))
                continue
            full = measure in DETECTION
            text = interval(found["value"], found["low"], found["high"]) if full else number(found["value"], 2)
            cells.append(numeric(found["value"], text, interval(found["value"], found["low"], found["high"])))
        rows.append(cells)
    return Table("Detection of lesions: measures of the curves", columns, rows, "statistics_froc")


def negatives(view: View) -> Table | None:
    """False positives on cases without reference; None if there are no such cases."""
    rows_of = view.by_trainer("negatives")
    if not any(row["n_negative"] for row in rows_of.values()):
        return None
    columns = [Column("Loss", numeric=False), Column("Negative cases"),
               Column("With false positives [95\u00a0%\u00a0CI]"),
               Column("False positives per negative case")]  # fmt: skip
    rows = []
    for trainer in [t for t in view.trainers if t in rows_of]:
        row = rows_of[trainer]
        share = row["with_false_positives"] / row["n_negative"] if row["n_negative"] else math.nan
        limits: str = (
            "" if pd.isna(row["share_low"]) else f" [{percent(row['share_low'])}, {percent(row['share_high'])}]"
        )
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
    """Odds of finding a lesion against the baseline, given its size."""
    table = view.statistic("lesion_model")
    if table is None or not table["odds_ratio"].notna().any():
        return None
    terms = list(dict.fromkeys(table["term"].astype(str)))
    rows_of: dict[str, dict[str, Row]] = {}
    for row in records(table):
        rows_of.setdefault(str(row["trainer"]), {})[str(row["term"])] = row
    names = {"trainer": "Loss, against the baseline", "doubling of diameter": "Doubling of the diameter",
             "trainer × doubling": "Loss × doubling"}  # fmt: skip
    columns = [Column("Loss", numeric=False), *(Column(f"{names.get(t, t)} [95\u00a0%\u00a0CI]") for t in terms)]
    rows = []
    for trainer in [t for t in view.trainers if t in rows_of]:
        cells = [head(view, trainer)]
        for term in terms:
            found = rows_of[trainer].get(term)
            if found is None:
                cells.append(Cell(NOTHING))
                continue
            clear = found["p"] < 0.05
            text = f"{odds(found['odds_ratio'])} [{odds(found['low'])}, {odds(found['high'])}]"
            cells.append(numeric(found["odds_ratio"], text, f"p {p_value(found['p'])}", "strong" if clear else ""))
        rows.append(cells)
    caption = "Odds of finding a lesion (logistic model, lesions of a case correlated); above 1: found more often"
    return Table(caption, columns, rows, "statistics_lesion_model")


def power(view: View) -> Text | None:
    """What the number of cases can show."""
    table = view.statistic("power")
    if table is None:
        return None
    row = records(table)[0]
    if pd.isna(row["detectable_difference"]):
        return None
    digits = decimals(view.metric.unit)
    unit = "" if view.metric.unit in ("1", "count") else f" {view.metric.unit}"
    return Text(
        f"Power: with {count(int(row['n']), 'case')} and {count(int(row['k']), 'loss', 'losses')} "
        f"({count(int(row['pairs']), 'pair')}), a true difference of "
        f"{number(row['detectable_difference'], digits)}{unit} would be found with a probability of "
        f"{percent(row['power'])} (paired standard deviation {number(row['paired_sd'], digits)}). Holm's correction "
        f"over all pairs needs at least {count(int(row['n_for_holm']), 'case')}.",
        "note",
    )
