"""Whether the winner changes with choices of the analysis, and what the number of cases can show at all."""

import pandas as pd

from nnunet_losses.report.blocks import Cell, Column, Table, Text
from nnunet_losses.report.comparison import View, records
from nnunet_losses.report.numbers import NOTHING, count, decimals, number, percent, unit_suffix
from nnunet_losses.report.tables.cells import numeric


def table(view: View) -> Table | None:
    """One row per choice of the analysis and its variants."""
    found = view.statistic("sensitivity")
    if found is None:
        return None
    columns = [
        Column("Choice", numeric=False),
        Column("Variant", numeric=False),
        Column("Cases"),
        Column("Winner", numeric=False),
        Column("Mean"),
        Column("Second", numeric=False),
        Column("Kendall's τ", "Agreement with the ranking as reported"),
    ]
    digits, variants = decimals(view.metric.unit), records(found)
    rows = [
        [
            Cell(_plain(row["choice"])),
            Cell(_plain(row["variant"])),
            numeric(row["n"], number(row["n"], 0)),
            Cell(_trainer(view, row["winner"]), None, str(row["winner"]), "strong" if row["changes"] else ""),
            numeric(row["winner_mean"], number(row["winner_mean"], digits)),
            Cell(_trainer(view, row["runner_up"]), None, str(row["runner_up"])),
            numeric(row["tau"], number(row["tau"], 2)),
        ]
        for row in variants
    ]
    changed = sum(bool(row["changes"]) for row in variants)
    note = f"The winner changes in {changed} of {count(len(rows), 'variant')}" + (" (bold)." if changed else ".")
    return Table("The winner under other choices of the analysis", columns, rows, "statistics_sensitivity", note)


def _trainer(view: View, trainer: object) -> str:
    return view.name(trainer) if isinstance(trainer, str) and trainer else NOTHING


def _plain(value: object) -> str:
    return str(value).replace("_", " ") if isinstance(value, str) and value else NOTHING


def power(view: View) -> Text | None:
    """The smallest true difference that this number of cases would probably find."""
    found = view.statistic("power")
    if found is None:
        return None
    row = records(found)[0]
    if pd.isna(row["detectable_difference"]):
        return None
    digits = decimals(view.metric.unit)
    return Text(
        f"Power: with {count(int(row['n']), 'case')} and {count(int(row['k']), view.noun, view.nouns)} "
        f"({count(int(row['pairs']), 'pair')}), a true difference of "
        f"{number(row['detectable_difference'], digits)}{unit_suffix(view.metric.unit)} would be found with a "
        f"probability of {percent(row['power'])} (paired standard deviation {number(row['paired_sd'], digits)}). "
        f"Holm's correction over all pairs needs at least {count(int(row['n_for_holm']), 'case')}.",
        "note",
    )
