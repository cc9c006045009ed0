"""The page across studies: every claim by every data set, on one screen."""

from collections.abc import Mapping
from pathlib import Path

import jinja2
import pandas as pd

from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.states import Verdict
from nnunet_losses.base.tables.spreadsheet import write_csv
from nnunet_losses.report.blocks import Cell
from nnunet_losses.report.numbers import decimals, interval, number
from nnunet_losses.report.page import own_file, policy
from nnunet_losses.report.tables.claims import KINDS

COLUMN = ["study", "dataset", "configuration", "label", "variant"]
SIGNS = {Verdict.HOLDS: "✓", Verdict.DOES_NOT_HOLD: "✗", Verdict.UNDECIDED: "?"}


def write_across(folder: Path, tables: Mapping[str, pd.DataFrame]) -> Path:
    """Write ``index.html`` and ``data/*.csv``; return the path of the page.

    tables: as of `nnunet_losses.comparison.several.evidence_of`; claims and studies are needed.
    """
    for name, table in tables.items():
        write_csv(table, folder / "data" / f"{name}.csv")
    heads, papers = matrix(tables["claims"])
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nnunet_losses.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = own_file("style.css") + own_file("across.css")
    page = environment.get_template("across.html.j2").render(
        heads=heads,
        papers=papers,
        studies=tables["studies"].to_dict("records"),
        signs={str(verdict): sign for verdict, sign in SIGNS.items()},
        style=style,
        policy=policy([], [style]),
    )
    with write_atomically(folder / "index.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return folder / "index.html"


def matrix(claims: pd.DataFrame) -> tuple[list[Cell], dict[str, list[list[Cell]]]]:
    """The heads of the columns, and the rows by paper: the claim, then its verdict in each column.

    A column is a data set, label and way of training of which at least one claim can be tested.
    """
    tested = claims[claims["verdict"] != Verdict.NOT_TESTABLE]
    columns = list(dict.fromkeys(tested[COLUMN].itertuples(index=False, name=None)))
    heads = [Cell(_head(key), None, " · ".join(map(str, key))) for key in columns]
    papers: dict[str, list[list[Cell]]] = {}
    for (paper, _), own in claims.groupby(["paper", "claim"], sort=False):
        by_column = {tuple(row[name] for name in COLUMN): row for row in own.to_dict("records")}
        first = own.iloc[0]
        row = [Cell(str(first["says"]), None, f"{first['source']} ({first['mark']})")]
        papers.setdefault(str(paper), []).append([*row, *(_cell(by_column.get(key)) for key in columns)])
    return heads, papers


def _head(key: tuple[object, ...]) -> str:
    _, dataset, _, label, variant = map(str, key)
    name = dataset.partition("_")[2] or dataset
    return " · ".join(part for part in (name, label, variant.replace("_", " ")) if part)


def _cell(row: Mapping[object, object] | None) -> Cell:
    if row is None:
        return Cell("", None, "not asked here", "quiet")
    verdict = Verdict(str(row["verdict"]))
    if verdict == Verdict.NOT_TESTABLE:
        return Cell("–", None, str(row["reason"]), "quiet")
    digits = decimals(metric_named(str(row["measure"])).unit)
    value, low, high, margin = (float(str(row[name])) for name in ("difference", "low", "high", "margin"))
    told = interval(value, low, high, digits, signed=True)
    tip = f"{row['contrast']}: {told}, margin {number(margin, digits)}"
    if row["subject"] == "models":
        tip += "; of these trained models only"
    if row["reason"]:
        tip += f"; {row['reason']}"
    kind = f"{KINDS.get(verdict, '')} {'models' if row['subject'] == 'models' else ''}".strip()
    return Cell(f"{SIGNS[verdict]} {number(value, digits, signed=True)}", None, tip, kind)
