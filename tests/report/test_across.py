"""The page across studies."""

import numpy as np
import pandas as pd

from nnunet_losses.report.across import matrix, write_across
from nnunet_losses.statistics.tables.papers import CLAIMS, STUDIES


def claims(rows: list[dict]) -> pd.DataFrame:
    blank = {name: 0 if kind in ("float64", "int64") else "" for name, kind in CLAIMS.types.items()}
    usual = {"study": "s", "dataset": "Dataset001_Toy", "label": "l", "measure": "dice", "says": "It <is> so."}
    usual |= {"subject": "losses", "difference": 0.05, "low": 0.01, "high": 0.09, "margin": 0.01, "paper": "p"}
    return pd.DataFrame([{**blank, **usual, "claim": str(k), **row} for k, row in enumerate(rows)])


def test_every_claim_has_a_row_and_every_data_set_where_one_can_be_tested_a_column():
    table = claims(
        [
            {"claim": "a", "verdict": "holds"},
            {"claim": "b", "verdict": "not testable", "reason": "not trained: X"},
            {"claim": "a", "verdict": "does not hold", "dataset": "Dataset002_Other", "subject": "models"},
            {"claim": "a", "verdict": "not testable", "dataset": "Dataset003_Nothing"},
        ]
    )
    heads, papers = matrix(table)
    assert [head.text for head in heads] == ["Toy · l", "Other · l"]
    (first, holds, fails), (_, untested, unasked) = papers["p"]
    assert first.text == "It <is> so."
    assert (holds.text, holds.kind) == ("✓ +0.050", "good")
    assert "+0.050 [0.010, 0.090], margin 0.010" in holds.tip
    assert (fails.text, fails.kind) == ("✗ +0.050", "bad models")
    assert (untested.text, untested.tip) == ("–", "not trained: X")
    assert unasked.text == ""


def test_the_page_is_one_file_without_anything_from_elsewhere(tmp_path):
    studies = STUDIES.build([dict.fromkeys(STUDIES.columns, "x") | {"cases": 3}])
    page = write_across(tmp_path, {"claims": claims([{"verdict": "holds"}]), "studies": studies}).read_text()
    assert "It &lt;is&gt; so." in page
    assert "src=" not in page
    assert "http:" not in page.replace("http://www.w3.org", "")
    assert np.isclose(pd.read_csv(tmp_path / "data" / "claims.csv")["difference"], 0.05).all()
