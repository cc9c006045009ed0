"""Whether differences from the baseline depend on what is known of the cases."""

from nnunet_losses.report.blocks import Cell, Column, Table
from nnunet_losses.report.comparison import View, records
from nnunet_losses.report.numbers import SIGNIFICANT, decimals, interval, p_value
from nnunet_losses.report.tables.cells import numeric


def table(view: View) -> Table | None:
    """One row per covariate and loss: the difference in each group, and the test that all are the same."""
    tests, groups = view.statistic("interactions"), view.statistic("subgroups")
    if tests is None or groups is None:
        return None
    digits = decimals(view.metric.unit)
    rows = []
    for test in sorted(records(tests), key=lambda row: (row["covariate"], view.trainers.index(row["trainer"]))):
        own = groups[(groups["covariate"] == test["covariate"]) & (groups["trainer"] == test["trainer"])]
        parts = [
            f"{row['level']} (n = {row['n']}): "
            + interval(row["difference"], row["low"], row["high"], digits, signed=True)
            for row in records(own.sort_values("position"))
        ]
        name = str(test["covariate"]) + (f" ({test['rule']})" if test["rule"] else "")
        unknown = f"; unknown: {test['unknown']}" if test["unknown"] else ""
        rows.append(
            [
                Cell(name),
                Cell(view.name(test["trainer"])),
                Cell("; ".join(parts) + unknown),
                numeric(test["p"], p_value(test["p"]), test["reason"]),
                numeric(
                    test["p_holm"], p_value(test["p_holm"]), test["reason"],
                    "strong" if test["p_holm"] < SIGNIFICANT else "",
                ),
            ]
        )  # fmt: skip
    columns = [
        Column("Covariate", numeric=False),
        Column(view.noun.capitalize(), numeric=False),
        Column("Difference in each group [95 % CI]", numeric=False),
        Column("p", "Permutation test that the difference is the same in all groups"),
        Column("p (Holm)", f"Corrected over covariates and {view.nouns}"),
    ]
    return Table(
        f"{view.metric.long_name}: does the difference from {view.name(view.comparison.baseline)} depend on the case?",
        columns, rows, "statistics_interactions",
        "A large p does not show that groups are alike: intervals tell what their differences could be.",
        long=len(rows) > 15,
    )  # fmt: skip
