"""The tables of the report: ranking, pairs, costs, failures."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import Comparison, Row, View, records
from nnunet_losses.report.costs import costs, failures
from nnunet_losses.report.figures.rows import against, turned
from nnunet_losses.report.names import shorten
from nnunet_losses.report.numbers import NOTHING, decimals, duration, interval, memory, number, p_value, percent

SIGNIFICANT = 0.05
LONGEST_NAME = 48  # characters of a name in a table; the whole name is in the tooltip and in the data


def numeric(value: float, text: str, tip: str = "", kind: str = "") -> Cell:
    """A cell sorted by its value; a missing value comes last."""
    return Cell(text, None if pd.isna(value) else float(value), tip, kind)


def head(view: View, trainer: str) -> Cell:
    """The first cell of a row: the short name, with the full one as tooltip."""
    name = shorten(view.name(trainer), LONGEST_NAME)
    return Cell(name, name, trainer, "baseline" if trainer == view.baseline else "")


def verdict_table(view: View) -> Table | None:
    """Rank, mean, difference from the baseline and cost of each loss: the table of the first screen."""
    ranking, pairs = view.by_trainer("ranking"), against(view, view.baseline)
    if not ranking:
        return None
    spent, failed = costs(view), failures(view)
    any_failed = failed is not None and not failed.empty
    digits, name = decimals(view.metric.unit), view.metric.long_name
    columns = [
        Column("Loss", numeric=False),
        Column("Rank", "Rank of the mean, with the 95 % bootstrap interval of the rank"),
        Column(f"{name}, mean [95 % CI]", "Mean over cases with its 95 % interval"),
        Column("First in", "Share of bootstrap samples of the cases in which this loss ranks first"),
    ]
    if pairs:
        columns += [
            Column("Difference from baseline [95 % CI]", "Paired Hodges-Lehmann difference, loss minus baseline"),
            Column("p (Holm)", "Wilcoxon signed-rank test, two-sided, after Holm's correction over all pairs"),
        ]
    if spent:
        columns += [Column("Time per run", "Mean over folds and seeds"), Column("Memory", "Largest peak of any run")]
    if any_failed:
        columns.append(Column("Failed runs", "Runs that collapsed, diverged or are missing"))
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
    return Table(f"{name} of each loss, best first{where}", columns, rows, "statistics_ranking", _shared_suffix(view))


def _rank_cells(row: Row | None, digits: int) -> list[Cell]:
    if row is None or pd.isna(row["mean"]):
        return [Cell(NOTHING, None, "no case with a value", "bad"), Cell(NOTHING), Cell(NOTHING)]
    low, high, first = (row.get(key, math.nan) for key in ("rank_low", "rank_high", "p_first"))
    rank = number(row["rank"], 0 if float(row["rank"]).is_integer() else 1)
    if not pd.isna(low) and not pd.isna(high):
        rank += f" [{low:.0f}–{high:.0f}]"
    return [
        numeric(row["rank"], rank),
        numeric(row["mean"], interval(row["mean"], row["mean_low"], row["mean_high"], digits)),
        numeric(first, percent(first)),
    ]


def _pair_cells(view: View, row: Row | None, trainer: str, digits: int) -> list[Cell]:
    if trainer == view.baseline:
        return [Cell("baseline", None, kind="quiet"), Cell("", None)]
    if row is None:
        return [Cell(NOTHING), Cell(NOTHING)]
    gain = (row["difference"] > 0) == view.metric.higher_is_better
    kind = ("good" if gain else "bad") if row["p_holm"] < SIGNIFICANT else ""
    text = interval(row["difference"], row["low"], row["high"], digits, signed=True)
    return [numeric(row["difference"], text, kind=kind), numeric(row["p_holm"], p_value(row["p_holm"]), kind=kind)]


def _shared_suffix(view: View) -> str:
    suffix = view.comparison.suffix
    return f"All trainers end in {suffix}; the ending is left out of the names here." if suffix else ""


# Column of the statistics, its head here, its tooltip, and how its values are written.
DESCRIPTION: tuple[tuple[str, str, str, str], ...] = (
    ("mean", "Mean [95 % CI]", "95 % interval of the mean over cases", "mean"),
    ("median", "Median", "", "value"),
    ("sd", "SD", "Standard deviation", "value"),
    ("iqr", "IQR", "Interquartile range", "value"),
    ("worst5", "Worst 5 %", "Mean of the worst 5 % of cases", "value"),
    ("rank_ranks", "Rank by ranks", "Rank-then-mean: rank in every case, mean of the ranks, then rank", "rank"),
    ("rank_tests", "Rank by tests", "Test-then-rank: by the number of significant wins", "rank"),
    ("p_top3", "In top 3", "Share of bootstrap samples", "share"),
)


def ranking_table(view: View) -> Table | None:
    """All that describes the values of one metric: centre, spread, tails, missing cases and the ranks."""
    ranking = view.by_trainer("ranking")
    if not ranking:
        return None
    digits = decimals(view.metric.unit)
    used = [entry for entry in DESCRIPTION if any(entry[0] in row for row in ranking.values())]
    if len(ranking) <= 3:
        used = [entry for entry in used if entry[0] != "p_top3"]
    columns = [
        Column("Loss", numeric=False),
        Column("Rank", "Mean-then-rank, with the 95 % bootstrap interval of the rank"),
        *(Column(title, tip) for _, title, tip, _ in used),
        Column("Cases", "Cases with a value; in brackets, cases without one"),
    ]
    rows = []
    for trainer in [t for t in view.trainers if t in ranking]:
        row = ranking[trainer]
        cells = [head(view, trainer), _rank_cells(row, digits)[0]]
        cells += [numeric(row[key], _written(row, key, kind, digits)) for key, _, _, kind in used]
        missing = row.get("n_missing", 0)
        without = f" ({missing:.0f})" if not pd.isna(missing) and missing else ""
        cells.append(numeric(row["n"], f"{number(row['n'], 0)}{without}"))
        rows.append(cells)
    unit = "" if view.metric.unit in ("1", "count") else f" ({view.metric.unit})"
    better = "higher is better" if view.metric.higher_is_better else "lower is better"
    return Table(f"{view.metric.long_name}{unit}: ranking; {better}", columns, rows, "statistics_ranking")


def _written(row: Row, key: str, kind: str, digits: int) -> str:
    if kind == "mean":
        return interval(row["mean"], row["mean_low"], row["mean_high"], digits)
    if kind == "rank":
        return number(row[key], 0 if float(row[key]).is_integer() else 1)
    return percent(row[key]) if kind == "share" else number(row[key], digits)


PAIR_COLUMNS = (
    ("rank_biserial", "Rank-biserial", "Matched-pairs rank-biserial correlation, −1 to 1", 2),
    ("p_holm", "p (Holm)", "Wilcoxon signed-rank test, two-sided, corrected over all pairs", None),
    ("p_signflip", "p (sign flip)", "Permutation test of the mean difference, as a check", None),
    ("p_false_claim", "P(false claim)", "Probability that the mean is not better in truth (t distribution)", None),
)


def pairwise_table(view: View) -> Table | None:
    """One row per pair: difference, tests, effect size, wins and losses, ties."""
    pairs = view.statistic("pairwise")
    if pairs is None:
        return None
    order = {trainer: i for i, trainer in enumerate(view.trainers)}
    pairs = turned(pairs, pairs["trainer_a"].map(order) > pairs["trainer_b"].map(order))
    listed = sorted(records(pairs), key=lambda pair: (order[pair["trainer_a"]], order[pair["trainer_b"]]))
    used = [column for column in PAIR_COLUMNS if column[0] in pairs]
    with_wins = {"wins", "draws", "losses"} <= set(pairs)
    columns = [
        Column("Pair, the better ranked first", numeric=False),
        Column("Difference [95 % CI]", "Hodges-Lehmann estimate, first minus second"),
        *(Column(title, tip) for _, title, tip, _ in used),
        *([Column("Wins / draws / losses", "Cases; a draw is within the region of equivalence")] if with_wins else []),
        Column("Cases (ties)", "Pairs of values; in brackets, exactly equal ones"),
    ]
    rows = [_pair_row(view, pair, used, with_wins) for pair in listed]
    caption = f"{view.metric.long_name}: all pairs of losses"
    return Table(caption, columns, rows, "statistics_pairwise", long=len(rows) > 15)


def _pair_row(view: View, pair: Row, used: Sequence[tuple[str, str, str, int | None]], with_wins: bool) -> list[Cell]:
    a, b = str(pair["trainer_a"]), str(pair["trainer_b"])
    sure, digits = pair["p_holm"] < SIGNIFICANT, decimals(view.metric.unit)
    text = interval(pair["difference"], pair["low"], pair["high"], digits, signed=True)
    row = [
        Cell(" − ".join(shorten(view.name(t), LONGEST_NAME) for t in (a, b)), None, f"{a} minus {b}"),
        numeric(pair["difference"], text, kind="strong" if sure else ""),
    ]
    for key, _, _, places in used:
        text = p_value(pair[key]) if places is None else number(pair[key], places, signed=True)
        row.append(numeric(pair[key], text, kind="strong" if sure and key == "p_holm" else ""))
    if with_wins:
        row.append(numeric(pair["wins"], f"{pair['wins']:.0f} / {pair['draws']:.0f} / {pair['losses']:.0f}"))
    ties = pair.get("ties", 0)
    row.append(numeric(pair["n"], number(pair["n"], 0) + (f" ({ties:.0f})" if ties else "")))
    return row


def cost_table(view: View) -> Table | None:
    """Time and memory of each loss's completed runs."""
    spent = costs(view)
    if not spent:
        return None
    base = spent.get(view.baseline or "", {}).get("seconds", math.nan)
    columns = [
        Column("Loss", numeric=False),
        Column("Time per run", "Mean over folds and seeds"),
        Column("Fastest – slowest"),
        Column("Against the baseline", "Ratio of the mean times"),
        Column("Peak memory", "Largest of any run"),
        Column("Runs", "Completed runs"),
        Column("Hardware", numeric=False),
    ]
    rows = []
    for trainer in [t for t in view.trainers if t in spent]:
        row = spent[trainer]
        ratio = row["seconds"] / base if base > 0 else math.nan
        rows.append(
            [
                head(view, trainer),
                numeric(row["seconds"], duration(row["seconds"])),
                numeric(row["fastest"], f"{duration(row['fastest'])} – {duration(row['slowest'])}"),
                numeric(ratio, NOTHING if math.isnan(ratio) else f"{ratio:.2f}×"),
                numeric(row["peak_memory_mb"], memory(row["peak_memory_mb"])),
                numeric(row["runs"], str(row["runs"])),
                Cell(row["hardware"] or NOTHING),
            ]
        )
    return Table(f"Time and memory, {view.dataset}, {view.configuration}", columns, rows, "jobs")


def failure_table(view: View) -> Table | None:
    """The runs that did not complete, each with its fate; None if all did."""
    failed = failures(view)
    if failed is None or failed.empty:
        return None
    columns = [Column("Loss", numeric=False), Column("Fold"), Column("Seed"), Column("What happened", numeric=False),
               Column("Epochs"), Column("Time")]  # fmt: skip
    rows = [
        [
            head(view, str(job["trainer"])),
            numeric(job["fold"], number(job["fold"], 0)),
            numeric(job["seed"], number(job["seed"], 0)),
            Cell(str(job["status"]), str(job["status"]), kind="bad"),
            numeric(job["epochs"], number(job["epochs"], 0)),
            numeric(job["seconds"], duration(job["seconds"])),
        ]
        for job in records(failed)
    ]
    return Table(f"Runs that did not complete, {view.dataset}, {view.configuration}", columns, rows, "jobs")


def undefined_table(view: View) -> Table | None:
    """How often each metric has no value, and why; None if all have one."""
    cases, here = view.comparison.cases, pd.Series(True, index=view.comparison.cases.index)
    for column, value in (("dataset", view.dataset), ("configuration", view.configuration), ("label", view.label)):
        here &= cases[column].astype(str) == value
    missing = cases[here & cases["value"].isna()]
    if missing.empty:
        return None
    counts = missing.groupby(["metric", "trainer", "status"], observed=True).size().reset_index(name="n")
    columns = [Column("Metric", numeric=False), Column("Loss", numeric=False), Column("Why", numeric=False),
               Column("Cases")]  # fmt: skip
    rows = [
        [
            Cell(view.comparison.metric(str(r["metric"])).long_name),
            Cell(shorten(view.name(str(r["trainer"])), LONGEST_NAME), None, str(r["trainer"])),
            Cell(str(r["status"]).replace("_", " ")),
            numeric(r["n"], str(r["n"])),
        ]
        for r in records(counts)
    ]
    return Table("Values that are not defined, and why", columns, rows, "cases", long=len(rows) > 15)


def loss_table(comparison: Comparison, losses: Mapping[str, Any]) -> Table:
    """The losses compared: formula, hyper-parameters, reference."""
    columns = [Column(name, numeric=False) for name in ("Loss", "Formula", "Hyper-parameters", "Reference")]
    rows = []
    for trainer, loss in losses.items():
        parameters = loss.get("parameters") or {}
        words = (
            ", ".join(f"{key} = {value}" for key, value in parameters.items())
            if isinstance(parameters, Mapping) else str(parameters)
        )  # fmt: skip
        rows.append(
            [
                Cell(shorten(comparison.name(str(trainer)), LONGEST_NAME), None, str(trainer)),
                Cell(str(loss.get("formula") or NOTHING)),
                Cell(words or NOTHING),
                Cell(str(loss.get("reference") or NOTHING)),
            ]
        )
    return Table("The losses compared", columns, rows)
