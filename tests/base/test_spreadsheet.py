"""Tables as CSV: no cell of text is a formula, and every number is the same."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.tables.spreadsheet import as_text, write_csv


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\n", "\uff1d", " =", "'=", '"='])
def test_what_may_begin_a_formula_gets_an_apostrophe(begin: str, tmp_path: Path) -> None:
    name = f"{begin}cmd|' /C calc'!A0"
    write_csv(pd.DataFrame({"case": [name]}), tmp_path / "cases.csv")
    (_, (cell,)) = csv.reader(io.StringIO((tmp_path / "cases.csv").read_bytes().decode(), newline=""))
    assert cell == f"'{name}"


def test_a_tab_or_carriage_return_first_is_text_in_one_cell(tmp_path: Path) -> None:
    write_csv(pd.DataFrame({"case": ["\t=1+1", "\r=1+1", "a\rb"]}), tmp_path / "cases.csv")
    assert [row["case"] for row in csv.DictReader((tmp_path / "cases.csv").open(newline=""))] == [
        "'\t'=1+1", "'\n'=1+1", "a\nb",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["TverskyTrainer_fp0.1", "a=b", "a-b; c", "", "'quoted'", "x@y", "損失", "a +b"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert as_text(name) == name


def test_a_formula_behind_a_separator_of_another_country_is_one_no_more(tmp_path: Path) -> None:
    write_csv(pd.DataFrame({"n": [0.5], "case": ["x;=1+1;y\n@z"]}), tmp_path / "cases.csv")
    lines = list(csv.reader((tmp_path / "cases.csv").read_text().splitlines(), delimiter=";"))
    assert not [cell for line in lines for cell in line if cell.startswith(("=", "+", "-", "@"))]


def test_numbers_and_distinct_names_stay_so(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "value": [-0.1, np.nan, 1e-300, -np.inf],
            "fold": [-1, 0, 1, 2],
            "matched": [True, False, True, False],
            "name": ["=a", "'=a", "a", None],
            "mixed": [-1, -0.5, "-x", None],
            "kind": pd.Categorical(["-", "b", "b", "-"]),
            "=column": 0,
        }
    )
    before = table.copy()
    write_csv(table, tmp_path / "table.csv")
    again = pd.read_csv(tmp_path / "table.csv")
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(again[["value", "fold", "matched"]], table[["value", "fold", "matched"]])
    assert again["name"].tolist()[:3] == ["'=a", "''=a", "a"]
    assert again["mixed"].tolist()[:3] == ["-1", "-0.5", "'-x"]
    assert again["kind"].tolist() == ["'-", "b", "b", "'-"]
    assert "'=column" in again
    assert (tmp_path / "table.csv").read_text().splitlines()[1].startswith("-0.1,-1,True,'=a,")


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    write_csv(pd.DataFrame(columns=["a", "b"]), tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_text() == "a,b\n"
