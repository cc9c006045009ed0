"""How certain it is that a loss is on the Pareto front of two metrics."""

from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.operating_points import Axes, known_pairs, points, words
from nnunet_losses.report.names import in_sentence
from nnunet_losses.report.numbers import NOTHING, percent
from nnunet_losses.report.tables.cells import head, numeric


def table(view: View) -> Table | None:
    """One row per loss, a column per pair of metrics."""
    pairs = known_pairs(view)
    if not pairs:
        return None
    found = {pair: points(view, pair) for pair in pairs}
    columns = [
        Column(view.noun.capitalize(), numeric=False),
        *(Column(_heading(view, pair)) for pair in pairs),
    ]
    rows = []
    for trainer in view.present({trainer for rows_of in found.values() for trainer in rows_of}):
        row = [head(view, trainer)]
        for pair in pairs:
            point = found[pair].get(trainer)
            row.append(
                Cell(NOTHING)
                if point is None
                else numeric(
                    point["p_front"], percent(point["p_front"]), words(view, pair, point),
                    "strong" if point["on_front"] else "",
                )
            )  # fmt: skip
        rows.append(row)
    return Table(
        f"Share of bootstrap samples in which a {view.noun} is on the Pareto front of two metrics",
        columns,
        rows,
        "statistics_pareto",
        f"Bold: on the front over all cases, that is, no other {view.noun} is better in one metric and at least as "
        "good in the other.",
    )


def _heading(view: View, pair: Axes) -> str:
    first, second = (view.of_metric(name).metric.long_name for name in pair)
    return f"{first} and {in_sentence(second)}"
