"""Everything that describes the values of one metric: centre, spread, tail, missing cases and the ranks."""

import pandas as pd

from nnunet_losses.report.blocks import Column, Table
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.numbers import decimals, number, percent, place, unit_in_brackets
from nnunet_losses.report.tables.cells import averaged, head, numeric, ranked

# Column of the statistics, its head here, its tooltip, and how its values are written.
DESCRIPTION: tuple[tuple[str, str, str, str], ...] = (
    ("mean", "Mean [95 % CI]", "Mean over cases with its 95 % confidence interval", "mean"),
    ("median", "Median", "", "value"),
    ("sd", "SD", "Standard deviation", "value"),
    ("iqr", "IQR", "Interquartile range", "value"),
    ("worst5", "Worst 5 %", "Mean of the worst 5 % of the cases", "value"),
    ("rank_ranks", "Rank by ranks", "Rank-then-mean: ranks in every case first, then the order of their means", "rank"),
    ("rank_tests", "Rank by tests", "Test-then-rank: the order of the numbers of significant wins", "rank"),
    ("p_top3", "In top 3", "Share of bootstrap samples", "share"),
)


def table(view: View) -> Table | None:
    """One row per loss, best first."""
    ranking = view.by_trainer("ranking")
    if not ranking:
        return None
    digits = decimals(view.metric.unit)
    used = [entry for entry in DESCRIPTION if entry[0] != "p_top3" or len(ranking) > 3]
    columns = [
        Column(view.noun.capitalize(), numeric=False),
        Column("Rank", "Mean-then-rank, with the 95 % bootstrap interval of the rank"),
        *(Column(title, tip) for _, title, tip, _ in used),
        Column(
            "Cases", f"Cases compared, the same for every {view.noun}; in brackets, cases that this {view.noun} lacks"
        ),
    ]
    rows = []
    for trainer in view.present(ranking):
        row = ranking[trainer]
        cells = [head(view, trainer), ranked(row)]
        for key, _, _, kind in used:
            cells.append(
                averaged(row, digits) if kind == "mean" else numeric(row[key], _written(row, key, kind, digits))
            )
        missing = row.get("n_missing", 0)
        without = f" ({missing:.0f})" if not pd.isna(missing) and missing else ""
        cells.append(numeric(row["n"], f"{number(row['n'], 0)}{without}"))
        rows.append(cells)
    better = "higher is better" if view.metric.higher_is_better else "lower is better"
    caption = f"{view.metric.long_name}{unit_in_brackets(view.metric.unit)}: ranking; {better}"
    return Table(caption, columns, rows, "statistics_ranking")


def _written(row: Row, key: str, kind: str, digits: int) -> str:
    if kind == "rank":
        return place(row[key])
    return percent(row[key]) if kind == "share" else number(row[key], digits)
