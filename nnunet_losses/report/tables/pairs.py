"""Every pair of losses: difference, tests, effect sizes, wins and losses."""

from collections.abc import Sequence

from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.numbers import SIGNIFICANT, decimals, interval, number, p_value
from nnunet_losses.report.tables.cells import numeric, paired

# Column of the statistics, its head here, its tooltip, and its decimals; None for a p-value.
PAIR_COLUMNS: tuple[tuple[str, str, str, int | None], ...] = (
    (
        "rank_biserial",
        "Rank-biserial",
        "Matched-pairs rank-biserial correlation, −1 to 1; above 0: the first is better",
        2,
    ),
    ("cliffs_delta", "Cliff's δ", "Unpaired, −1 to 1; above 0: the first is better", 2),
    ("p_holm", "p (Holm)", "Two-sided Wilcoxon signed-rank test, Holm-corrected over all pairs", None),
    ("p_signflip", "p (sign flip)", "Permutation test of the mean difference, as a check", None),
    ("p_false_claim", "P(false claim)", "Probability that the better mean is not truly better (t distribution)", None),
)


def table(view: View) -> Table | None:
    """One row per pair, the better ranked loss first."""
    pairs = view.statistic("pairwise")
    if pairs is None:
        return None
    listed = view.best_first(pairs)
    columns = [
        Column("Pair, the better ranked first", numeric=False),
        Column("Difference [95 % CI]", "Hodges-Lehmann estimate, first minus second"),
        *(Column(title, tip) for _, title, tip, _ in PAIR_COLUMNS),
        Column("Wins / draws / losses", "Cases; in a draw, the difference lies within the region of equivalence"),
        Column("Cases (ties)", "Cases compared; in brackets, those in which both values are exactly equal"),
    ]
    rows = [_row(view, pair) for pair in listed]
    caption = f"{view.metric.long_name}: all pairs of {view.nouns}"
    return Table(caption, columns, rows, "statistics_pairwise", long=len(rows) > 15)


def _row(view: View, pair: Row) -> Sequence[Cell]:
    sure, digits = pair["p_holm"] < SIGNIFICANT, decimals(view.metric.unit)
    text = interval(pair["difference"], pair["low"], pair["high"], digits, signed=True)
    row = [
        paired(view, pair),
        numeric(pair["difference"], text, kind="strong" if sure else ""),
    ]
    for key, _, _, places in PAIR_COLUMNS:
        text = p_value(pair[key]) if places is None else number(pair[key], places, signed=True)
        row.append(numeric(pair[key], text, kind="strong" if sure and key == "p_holm" else ""))
    row.append(numeric(pair["wins"], f"{pair['wins']:.0f} / {pair['draws']:.0f} / {pair['losses']:.0f}"))
    row.append(numeric(pair["n"], number(pair["n"], 0) + (f" ({pair['ties']:.0f})" if pair["ties"] else "")))
    return row
