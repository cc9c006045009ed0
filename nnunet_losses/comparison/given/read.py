"""Somebody's table of results becomes a table of cases, and every decision on the way is a sentence.

Three layouts are read: a row for each case, model and metric; a row for each case and model with a column for each
metric; a row for each case with a column for each model. What could be meant in two ways is an error that names row,
column and remedy.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.identity import CASE
from nnunet_losses.base.metrics import Metric
from nnunet_losses.base.metrics.aliases import metric_from
from nnunet_losses.base.states import CaseStatus
from nnunet_losses.base.tables.results import CASES
from nnunet_losses.comparison.given.cells import Cells, first_lower, first_upper
from nnunet_losses.comparison.given.covariates import long_covariates
from nnunet_losses.comparison.given.file import GivenTable
from nnunet_losses.comparison.given.layout import Layout, Reading
from nnunet_losses.comparison.given.metrics import check_distinct, on_one_scale, quoted, said
from nnunet_losses.comparison.given.trainings import counted, folds_as_trainings

UNNAMED_LABEL = "foreground"
SUMMARIES = {
    "mean", "average", "avg", "median", "std", "sd", "min", "max", "count", "total", "overall", "5th percentile",
    "25th percentile", "75th percentile", "95th percentile",
}  # fmt: skip
"""What stands for a case in rows that sum up the others."""
_KEY = ["dataset", "configuration", "model", "fold", "seed", "case", "label", "metric"]


@dataclass(frozen=True)
class FromTable:
    """What a table says.

    cases: the table of cases, as its schema says; models are its trainers.
    covariates: what it says of the cases themselves.
    metrics: the names of the metrics, in the order of the table.
    own_metrics: those that `nnunet_losses.base.metrics` does not know, or knows in another unit, by name.
    decisions: how the table was understood, a sentence each.
    """

    cases: pd.DataFrame
    covariates: pd.DataFrame
    metrics: tuple[str, ...]
    own_metrics: Mapping[str, Metric]
    decisions: tuple[str, ...]


def cases_from(given: GivenTable, reading: Reading | None = None) -> FromTable:
    """Read a table of results.

    Raises:
        UserError: the table can be understood in several ways or in none, or holds a value that cannot be; the text
            names the column, the row and what to do.
    """
    reading = reading or Reading()
    cells = Cells(given, list(given.remarks))
    layout = Layout(cells, reading)
    long = _without_summaries(layout.values(), cells.decisions)
    shown = [f"{role} = {column}" for role, column in layout.roles.items() if role not in ("fold", "seed")]
    cells.decisions.append(f"Columns: {', '.join(shown)}.")
    if layout.covariates:
        cells.decisions.append(f"Covariates of the cases: {quoted(layout.covariates, 40)}.")
    long, metrics = _measured(long, layout, cells, reading.scale)
    long = _placed(long, layout, cells)
    _check_repeats(long, layout, cells)
    _say_gaps(long, layout, cells)
    table = long.rename(columns={"model": "trainer"})[[*CASE, "label", "metric", "value", "unit", "status"]]
    return FromTable(
        cases=CASES.check(table.reset_index(drop=True)),
        covariates=_covariates(long, layout, cells),
        metrics=tuple(dict.fromkeys(long["metric"])),
        own_metrics={name: metric for name, metric in metrics.items() if metric != metric_from(name)},
        decisions=tuple(cells.decisions),
    )


def _without_summaries(long: pd.DataFrame, decisions: list[str]) -> pd.DataFrame:
    summary = long["case"].str.casefold().isin(SUMMARIES)
    if not summary.any() or summary.all():
        return long
    decisions.append(
        f"Rows that sum up others are left out: {quoted(list(dict.fromkeys(long.loc[summary, 'case'])), 20)}."
    )
    return long[~summary].reset_index(drop=True)


def _measured(
    long: pd.DataFrame, layout: Layout, cells: Cells, scale: str | None
) -> tuple[pd.DataFrame, dict[str, Metric]]:
    """The values with metric, label, unit and status, on one scale; and the metrics by name."""
    meaning = layout.meaning(list(dict.fromkeys(long["name"])))
    check_distinct(meaning)
    parts = []
    for name, what in meaning.items():
        rows, percent = on_one_scale(long[long["name"] == name], what, cells, scale)
        parts.append(rows.assign(metric=what.metric.name, unit=what.metric.unit, label=what.label))
        cells.decisions.append(said(name, what, percent=percent))
    found = pd.concat(parts).sort_index(kind="stable")
    labels = layout.text_of("label")
    if labels is not None:
        if (named := found["label"] != "").any():
            raise UserError(
                f"The column '{layout.roles['label']}' names a label, and so does "
                f"'{found.loc[named, 'name'].iloc[0]}'; leave one out: --ignore '{layout.roles['label']}'."
            )
        found["label"] = labels[found["row"]]
    found["label"] = found["label"].replace("", UNNAMED_LABEL)
    status = layout.text_of("status")
    found["status"] = "" if status is None else status[found["row"]]
    found["status"] = found["status"].replace("", str(CaseStatus.OK))
    found["value"] = found["value"].where(np.isfinite(found["value"]))
    return found, {what.metric.name: what.metric for what in meaning.values()}


def _placed(long: pd.DataFrame, layout: Layout, cells: Cells) -> pd.DataFrame:
    """The rows with data set, configuration, fold and seed."""
    for role, absent in (("dataset", cells.given.name), ("configuration", "")):
        texts = layout.text_of(role)
        long[role] = absent if texts is None else np.where(texts == "", absent, texts)[long["row"]]
    for role in ("fold", "seed"):
        long[role] = counted(cells, role, layout.roles.get(role))[long["row"]]
    return folds_as_trainings(long, cells.decisions)


def _check_repeats(long: pd.DataFrame, layout: Layout, cells: Cells) -> None:
    twice = long.duplicated(_KEY, keep=False)
    if not twice.any():
        return
    first = long[twice].iloc[0]
    same = long[twice & (long[_KEY] == first[_KEY]).all(axis=1)]
    one, other = (int(row) for row in same["row"].iloc[:2])
    frame = cells.given.frame
    telling = [c for c in (*layout.unused, *layout.covariates) if str(frame[c].iloc[one]) != str(frame[c].iloc[other])]
    hint = f" (perhaps '{telling[0]}')" if telling else ""
    raise UserError(
        f"{first_upper(cells.given.place(one))} and {cells.given.place(other)} both hold {first['metric']} (column "
        f"'{first['column']}') of case {first['case']}, model {first['model']}: remove one, or name the column that "
        f"tells them apart{hint}: --columns seed=..., fold=..., label=... or dataset=...."
    )


def _say_gaps(long: pd.DataFrame, layout: Layout, cells: Cells) -> None:
    """Say which values are missing, and which models lack cases."""
    told = (
        "where the column of the status names an empty mask, the policy for empty masks decides; other cases are left "
        "out for all models"
        if "status" in layout.roles
        else "these cases are left out for all models (a column 'status' with prediction_empty, reference_empty or "
        "both_empty would let the policy for empty masks decide)"
    )
    for metric, rows in long[long["value"].isna()].groupby("metric", sort=False):
        who = ", ".join(f"{model} {count}" for model, count in rows.groupby("model", sort=False).size().items())
        where = first_lower(cells.where(int(rows["row"].iloc[0]), str(rows["column"].iloc[0])))
        values = "1 value is" if len(rows) == 1 else f"{len(rows)} values are"
        cells.decisions.append(f"Of {metric}, {values} missing or infinite ({who}; the first: {where}): {told}.")
    models = list(dict.fromkeys(long["model"]))
    for key, rows in long.groupby(["dataset", "configuration", "metric", "label"], sort=False):
        cases = list(dict.fromkeys(rows["case"]))
        own = rows.groupby("model", sort=False)["case"].agg(set)
        for model in models:
            lacking = [case for case in cases if case not in own.get(model, ())]
            if lacking:
                of_label = "" if key[3] == UNNAMED_LABEL else f" of {key[3]}"
                cells.decisions.append(
                    f"{model} has no row of {key[2]}{of_label} for {len(lacking)} of {len(cases)} cases of {key[0]} "
                    f"(the first: {lacking[0]}); only cases of all compared models are compared."
                )


def _covariates(long: pd.DataFrame, layout: Layout, cells: Cells) -> pd.DataFrame:
    """The covariates of the cases, of all rows of the table."""
    keys = long.drop_duplicates("row").sort_values("row")[["dataset", "case", "row"]].reset_index(drop=True)
    texts = pd.DataFrame({column: cells.texts(column)[keys["row"]] for column in layout.covariates})
    return long_covariates(keys, texts, cells.given.place)
