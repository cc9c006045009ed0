"""Differences from the baseline in a linear mixed model, with simultaneous intervals."""

import math

from nnunet_losses.report.blocks import Column, Table
from nnunet_losses.report.comparison import View, rows_by
from nnunet_losses.report.numbers import decimals, interval, p_value
from nnunet_losses.report.tables.cells import head, numeric


def table(view: View) -> Table | None:
    """One row per loss, and a column of p-values per transformed scale."""
    found = view.statistic("mixed")
    if found is None:
        return None
    found = found[(found["scope"] == "within") & found["difference"].notna()]
    if found.empty:
        return None
    by_scale = {str(scale): rows_by(part, "trainer") for scale, part in found.groupby("scale", sort=False)}
    raw = by_scale.pop("raw", {})
    digits = decimals(view.metric.unit)
    columns = [
        Column(view.noun.capitalize(), numeric=False),
        Column("Difference [simultaneous 95\u00a0%\u00a0CI]", f"The intervals hold for all {view.nouns} at once"),
        Column("p", f"Not corrected for several {view.nouns}"),
        *(Column(f"p, {scale} scale", "The same model on a transformed scale, as a check") for scale in by_scale),
    ]
    rows = []
    for trainer in view.present(raw):
        row = raw[trainer]
        text = interval(row["difference"], row["low_simultaneous"], row["high_simultaneous"], digits, signed=True)
        tested = [row["p"], *(scaled.get(trainer, {}).get("p", math.nan) for scaled in by_scale.values())]
        cells = [head(view, trainer), numeric(row["difference"], text)]
        rows.append(cells + [numeric(p, p_value(p)) for p in tested])
    return Table(
        f"{view.metric.long_name}: linear mixed model ({view.noun}, with a random intercept per case), {view.noun} "
        "minus baseline",
        columns, rows, "statistics_mixed",
    )  # fmt: skip
