"""Calibration before and after scaling by a temperature, on cases that did not help to fit it."""

import math

from nnunet_losses.report.blocks import Column, Table
from nnunet_losses.report.comparison import View
from nnunet_losses.report.numbers import interval, number
from nnunet_losses.report.tables.cells import head, numeric

SCORES = {"nll": "Log-loss", "brier": "Brier score", "ece": "Calibration error"}


def table(view: View) -> Table | None:
    """One row per loss: its temperature, and each score before and after."""
    rows_of = view.by_trainer("temperature_scaling")
    if all(math.isnan(row["temperature"]) for row in rows_of.values()):
        return None
    columns = [
        Column(view.noun.capitalize(), numeric=False),
        Column("Temperature", "Mean over the trainings; above 1, the network was too certain"),
        *(Column(f"{words}, {when}") for words in SCORES.values() for when in ("before", "after")),
        Column("Fall of the log-loss [95\u00a0%\u00a0CI]"),
    ]
    rows = []
    for trainer in view.present(rows_of):
        row = rows_of[trainer]
        scores = [row[f"{score}_{when}"] for score in SCORES for when in ("before", "after")]
        gain = interval(row["gain"], row["gain_low"], row["gain_high"], signed=True)
        rows.append(
            [
                head(view, trainer),
                numeric(row["temperature"], number(row["temperature"], 2), row["reason"]),
                *(numeric(score, number(score)) for score in scores),
                numeric(row["gain"], gain),
            ]
        )
    return Table(
        "Calibration near the lesions before and after temperature scaling, means over cases",
        columns, rows, "statistics_temperature_scaling",
        "The temperature of a fold was fitted on the other folds. It divides the log-odds and changes no mask at 0.5.",
    )  # fmt: skip
