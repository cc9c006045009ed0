"""The tables of the report: ranking, pairs, costs, failures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.costs import costs, failures
from nnunet_losses.report.figures.rows import against, turned
from nnunet_losses.report.names import shorten
from nnunet_losses.report.numbers import NOTHING, decimals, duration, interval, memory, number, p_value, percent
from nnunet_losses.report.study import Study, View

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
    ranking = view.statistic("ranking")
    if ranking is None:
        return None
    ranking = ranking.set_index(ranking["trainer"].astype(str))
    pairs, spent, failed = against(view.statistic("pairwise"), view.baseline), costs(view), failures(view)
    digits, name = decimals(view.metric.unit), view.metric.long_name
    columns = [
        Column("Loss", numeric=False),
        Column("Rank", "Rank of the mean, with the 95 % bootstrap interval of the rank"),
        Column(f"{name}, mean [95 % CI]", "Mean over cases with its bootstrap interval"),
        Column("First in", "Share of bootstrap samples of the cases in which this loss ranks first"),
    ]
    if len(pairs):
        columns += [
            Column("Difference from baseline [95 % CI]", "Paired Hodges-Lehmann difference, loss minus baseline"),
            Column("p (Holm)", "Wilcoxon signed-rank test, two-sided, after Holm's correction over all pairs"),
        ]
    if spent is not None:
        columns += [Column("Time per run", "Mean over folds and seeds"), Column("Memory", "Largest peak of any run")]
    if failed is not None and len(failed):
        columns.append(Column("Failed runs", "Runs that collapsed, diverged or are missing"))
    rows = []
    for trainer in view.trainers:
        row = [head(view, trainer), *_rank_cells(ranking, trainer, digits)]
        if len(pairs):
            row += _pair_cells(view, pairs, trainer, digits)
        if spent is not None:
            seconds, peak = (
                spent.loc[trainer, ["seconds", "peak_memory_mb"]] if trainer in spent.index else (np.nan,) * 2
            )
            row += [numeric(seconds, duration(seconds)), numeric(peak, memory(peak))]
        if failed is not None and len(failed):
            n = int((failed["trainer"] == trainer).sum())
            row.append(numeric(n, str(n), kind="bad" if n else "quiet"))
        rows.append(row)
    return Table(f"{name} of each loss, best first", columns, rows, "statistics_ranking", _shared_suffix(view))


def _rank_cells(ranking: pd.DataFrame, trainer: str, digits: int) -> list[Cell]:
    if trainer not in ranking.index or pd.isna(ranking.loc[trainer, "mean"]):
        return [Cell(NOTHING, None, "no case with a value", "bad"), Cell(NOTHING), Cell(NOTHING)]
    row = ranking.loc[trainer]
    low, high = row.get("rank_low", np.nan), row.get("rank_high", np.nan)
    spread = "" if pd.isna(low) or pd.isna(high) else f" [{low:.0f}–{high:.0f}]"
    first = row.get("p_first", np.nan)
    return [
        numeric(row["rank"], f"{row['rank']:.3g}{spread}" if not pd.isna(row["rank"]) else NOTHING),
        numeric(row["mean"], interval(row["mean"], row["mean_low"], row["mean_high"], digits)),
        numeric(first, percent(first)),
    ]


def _pair_cells(view: View, pairs: pd.DataFrame, trainer: str, digits: int) -> list[Cell]:
    if trainer == view.baseline:
        return [Cell("baseline", None, kind="quiet"), Cell("", None)]
    if trainer not in pairs.index:
        return [Cell(NOTHING), Cell(NOTHING)]
    row = pairs.loc[trainer]
    sure = row["p_holm"] < 0.05
    gain = (row["difference"] > 0) == view.metric.higher_is_better
    kind = ("good" if gain else "bad") if sure else ""
    text = interval(row["difference"], row["low"], row["high"], digits, signed=True)
    return [numeric(row["difference"], text, kind=kind), numeric(row["p_holm"], p_value(row["p_holm"]), kind=kind)]


def _shared_suffix(view: View) -> str:
    suffix = view.study.suffix
    return f"All trainers end in {suffix}; the ending is left out of the names here." if suffix else ""


def ranking_table(view: View) -> Table | None:
    """All that describes the values of one metric: centre, spread, tails, missing cases and the ranks."""
    ranking = view.statistic("ranking")
    if ranking is None:
        return None
    ranking = ranking.set_index(ranking["trainer"].astype(str))
    digits = decimals(view.metric.unit)
    plain = [
        ("mean", "Mean [95 % CI]", "Bootstrap over cases"),
        ("median", "Median", ""),
        ("sd", "SD", "Standard deviation"),
        ("iqr", "IQR", "Interquartile range"),
        ("worst5", "Worst 5 %", "Mean of the worst 5 % of cases"),
    ]
    extra = [
        ("rank_mean_then_rank", "Rank of mean", ""),
        ("rank_then_mean", "Mean of ranks", "Rank of the mean rank over cases"),
        ("rank_rank_then_mean", "Mean of ranks", "Rank of the mean rank over cases"),
        ("rank_test_then_rank", "Wins of tests", "Rank of the number of significant wins"),
        ("p_top3", "In top 3", "Share of bootstrap samples"),
    ]
    used = [c for c in plain if c[0] in ranking] + [c for c in extra if c[0] in ranking]
    columns = [
        Column("Loss", numeric=False),
        Column("Rank", "With the 95 % bootstrap interval of the rank"),
        *(Column(title, tip) for _, title, tip in used),
        Column("Cases", "Cases with a value; in brackets, cases without one"),
    ]
    rows = []
    for trainer in [t for t in view.trainers if t in ranking.index]:
        found = ranking.loc[trainer]
        row = [head(view, trainer), _rank_cells(ranking, trainer, digits)[0]]
        for key, _, _ in used:
            value = found[key]
            text = (
                interval(value, found["mean_low"], found["mean_high"], digits) if key == "mean"
                else percent(value) if key.startswith("p_")
                else number(value, 0 if float(value).is_integer() else 1) if key.startswith("rank")
                else number(value, digits)
            )  # fmt: skip
            row.append(numeric(value, text))
        missing = int(found.get("n_missing", 0) or 0)
        row.append(numeric(found["n"], f"{found['n']:.0f}" + (f" ({missing})" if missing else "")))
        rows.append(row)
    unit = "" if view.metric.unit in ("1", "count") else f" ({view.metric.unit})"
    better = "higher is better" if view.metric.higher_is_better else "lower is better"
    return Table(f"{view.metric.long_name}{unit}: ranking; {better}", columns, rows, "statistics_ranking")


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
    digits = decimals(view.metric.unit)
    used = [column for column in PAIR_COLUMNS if column[0] in pairs]
    columns = [
        Column("Pair", numeric=False),
        Column("Difference [95 % CI]", "Hodges-Lehmann estimate, first minus second"),
        *(Column(title, tip) for _, title, tip, _ in used),
    ]
    with_wins = {"wins", "draws", "losses"} <= set(pairs)
    if with_wins:
        columns.append(
            Column("Wins / draws / losses", "Cases; a draw is a difference within the region of equivalence")
        )
    columns.append(Column("Cases (ties)", "Pairs of values; in brackets, exactly equal ones"))
    rows = []
    order = {trainer: i for i, trainer in enumerate(view.trainers)}
    pairs = turned(pairs, pairs["trainer_a"].map(order) > pairs["trainer_b"].map(order))
    pairs = pairs.assign(_a=pairs["trainer_a"].map(order), _b=pairs["trainer_b"].map(order)).sort_values(["_a", "_b"])
    for _, pair in pairs.iterrows():
        a, b = str(pair["trainer_a"]), str(pair["trainer_b"])
        sure = pair["p_holm"] < 0.05
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
        ties = int(pair["ties"]) if "ties" in pair and not pd.isna(pair["ties"]) else 0
        row.append(numeric(pair["n"], f"{pair['n']:.0f}" + (f" ({ties})" if ties else "")))
        rows.append(row)
    return Table(
        f"{view.metric.long_name}: all pairs of losses", columns, rows, "statistics_pairwise", long=len(rows) > 15
    )


def cost_table(view: View) -> Table | None:
    """Time and memory of each loss's completed runs."""
    spent = costs(view)
    if spent is None:
        return None
    base = spent["seconds"].get(view.baseline) if view.baseline else None
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
    for trainer in [t for t in view.trainers if t in spent.index]:
        row = spent.loc[trainer]
        ratio = row["seconds"] / base if base else np.nan
        rows.append(
            [
                head(view, trainer),
                numeric(row["seconds"], duration(row["seconds"])),
                numeric(row["fastest"], f"{duration(row['fastest'])} – {duration(row['slowest'])}"),
                numeric(ratio, NOTHING if pd.isna(ratio) else f"{ratio:.2f}×"),
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
            numeric(job["fold"], str(job["fold"])),
            numeric(job["seed"], str(job["seed"])),
            Cell(str(job["status"]), str(job["status"]), kind="bad"),
            numeric(job["epochs"], number(job["epochs"], 0)),
            numeric(job["seconds"], duration(job["seconds"])),
        ]
        for _, job in failed.iterrows()
    ]
    return Table(f"Runs that did not complete, {view.dataset}, {view.configuration}", columns, rows, "jobs")


def undefined_table(view: View) -> Table | None:
    """How often each metric has no value, and why; None if all have one."""
    cases = view.study.tables["cases"]
    here = cases[(cases["dataset"].astype(str) == view.dataset) & (cases["configuration"].astype(str) == view.configuration)
                 & (cases["label"].astype(str) == view.label)]  # fmt: skip
    missing = here[here["value"].isna()]
    if missing.empty:
        return None
    counts = missing.groupby(["metric", "trainer", "status"], observed=True).size().reset_index(name="n")
    columns = [Column("Metric", numeric=False), Column("Loss", numeric=False), Column("Why", numeric=False),
               Column("Cases")]  # fmt: skip
    rows = [
        [
            Cell(view.study.metric(str(r.metric)).long_name),
            Cell(shorten(view.name(str(r.trainer)), LONGEST_NAME), None, str(r.trainer)),
            Cell(str(r.status).replace("_", " ")),
            numeric(r.n, str(r.n)),
        ]
        for r in counts.itertuples()
    ]
    return Table("Values that are not defined, and why", columns, rows, "cases", long=len(rows) > 15)


def loss_table(study: Study, losses: Mapping[str, Any]) -> Table:
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
                Cell(shorten(study.name(str(trainer)), LONGEST_NAME), None, str(trainer)),
                Cell(str(loss.get("formula") or NOTHING)),
                Cell(words or NOTHING),
                Cell(str(loss.get("reference") or NOTHING)),
            ]
        )
    return Table("The losses compared", columns, rows)
