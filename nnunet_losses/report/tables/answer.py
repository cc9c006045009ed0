"""The table of the first screen: rank, mean, difference from the baseline and cost of every loss."""

import math

import pandas as pd

from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.numbers import (
    NOTHING,
    SIGNIFICANT,
    decimals,
    duration,
    enumerate_words,
    interval,
    memory,
    p_value,
    percent,
)
from nnunet_losses.report.tables.cells import averaged, head, numeric, ranked


def table(view: View) -> Table | None:
    """One row per loss, best first; losses without a single case come last."""
    ranking, pairs = view.by_trainer("ranking"), view.against(view.baseline)
    if not ranking:
        return None
    spent, failed = view.by_trainer("costs"), view.failures
    any_failed = failed is not None and not failed.empty
    digits, name = decimals(view.metric.unit), view.metric.long_name
    columns = [
        Column(view.noun.capitalize(), numeric=False),
        Column("Rank", "Rank by mean, with its 95 % bootstrap interval"),
        Column(f"{name}, mean [95 % CI]", "Mean over cases with its 95 % confidence interval"),
        Column("Ranks first", f"Share of bootstrap samples of the cases in which this {view.noun} ranks first"),
    ]
    if pairs:
        columns += [
            Column("Difference from baseline [95 % CI]", f"Paired Hodges-Lehmann estimate, {view.noun} minus baseline"),
            Column("p (Holm)", "Two-sided Wilcoxon signed-rank test, Holm-corrected over all pairs"),
        ]
    if spent:
        columns += [
            Column("Time per training", "Mean over folds and seeds"),
            Column("Memory", "Highest peak of any training"),
        ]
    if any_failed:
        columns.append(Column("Failed trainings", "Diverged, stopped early, missing, or collapsed to background"))
    rows = []
    for trainer in view.trainers:
        row = [head(view, trainer), *_rank_cells(ranking.get(trainer), digits)]
        if pairs:
            row += _pair_cells(view, pairs.get(trainer), trainer, digits)
        if spent:
            seconds, peak = (spent.get(trainer, {}).get(key, math.nan) for key in ("seconds", "peak_memory_mb"))
            row += [numeric(seconds, duration(seconds)), numeric(peak, memory(peak))]
        if failed is not None and any_failed:
            n = int((failed["trainer"] == trainer).sum())
            row.append(numeric(n, str(n), kind="bad" if n else "quiet"))
        rows.append(row)
    where = f", {view.title}" if len(view.comparison.views) > 1 else ""
    return Table(
        f"{name} of each {view.noun}, best first{where}", columns, rows, "statistics_ranking", _shared_options(view)
    )


def _rank_cells(row: Row | None, digits: int) -> list[Cell]:
    if row is None or pd.isna(row["mean"]):
        return [ranked(row), Cell(NOTHING), Cell(NOTHING)]
    first = row.get("p_first", math.nan)
    return [ranked(row), averaged(row, digits), numeric(first, percent(first))]


def _pair_cells(view: View, row: Row | None, trainer: str, digits: int) -> list[Cell]:
    if trainer == view.baseline:
        return [Cell("baseline", None, kind="quiet"), Cell("", None)]
    if row is None:
        return [Cell(NOTHING), Cell(NOTHING)]
    gain = (row["difference"] > 0) == view.metric.higher_is_better
    kind = ("good" if gain else "bad") if row["p_holm"] < SIGNIFICANT else ""
    text = interval(row["difference"], row["low"], row["high"], digits, signed=True)
    return [numeric(row["difference"], text, kind=kind), numeric(row["p_holm"], p_value(row["p_holm"]), kind=kind)]


def _shared_options(view: View) -> str:
    shared = view.comparison.shared_options
    return f"All trainer names contain {enumerate_words(shared, 40)}; the report leaves that out." if shared else ""
