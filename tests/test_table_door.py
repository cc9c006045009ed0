"""From somebody's table of results to the report, in one command."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from nnunet_losses.base.errors import UserError
from nnunet_losses.cli import app
from nnunet_losses.comparison.given.layout import Reading
from nnunet_losses.table_door import read_results, with_margins

MODELS = ("nnU-Net (ours)", "<b>U-Net</b> & $x$", "DiceTrainer_one", "DiceTrainer_one_more")


def call(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.output


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    rows = [
        {"Image": f"c{c}", "Net": model, "run": run, "DSC": round(100 * d, 1), "charm": round(rng.normal(), 3)}
        for c in range(12)
        for model, shift in zip(MODELS, (0.05, 0, 0.01, 0.02), strict=True)
        for run in (1, 2)
        for d in [0.6 + 0.02 * c + shift + rng.normal(0, 0.01)]
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "given.csv", index=False, sep=";", decimal=",")
    return tmp_path / "given.csv"


@pytest.mark.slow
def test_a_table_becomes_a_report_that_says_how_it_was_read(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    code, said = call(
        "report", "--table", table, "--columns", "model=Net", "--metric", "charm:lower", "--baseline", MODELS[1],
        "--out", out, "--resamples", 200, "--margin", "DSC=0.2", "--margin", "charm=3",
    )  # fmt: skip
    assert code == 0, said
    decided = pd.read_parquet(out / "data/statistics_decisions.parquet").groupby("metric")["margin"].unique()
    assert (list(decided["dice"]), list(decided["charm"])) == ([0.2], [3])
    assert "Margin of dice: 0.2." in said and "No margin" not in said
    assert "Metric dice (named DSC): higher is better, in per cent, divided by 100." in said
    page = (out / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", " ", page)
    assert "&lt;b&gt;U-Net&lt;/b&gt; &amp; $x$" in text and "<b>U-Net" not in page
    assert [*re.finditer(r".{60}(?<!nnunet-)(?<!draws / )\bloss(es)?\b.{30}", text, re.IGNORECASE)] == []
    assert "DiceTrainer_one_more" in text  # not shortened as a trainer of ours would be
    assert "from a table of their results for each case" in text
    assert "Every training completed" not in text and "no table of jobs" in text
    provenance = json.loads((out / "data/provenance.json").read_text(encoding="utf-8"))
    assert "charm: lower is better" in provenance["decisions"]
    ranking = pd.read_parquet(out / "data/statistics_ranking.parquet")
    own = ranking[ranking["metric"] == "charm"].sort_values("rank")
    assert own["mean"].is_monotonic_increasing
    assert set(ranking["n_seeds"]) == {2}


@pytest.mark.slow
def test_covariates_make_subgroups_and_clusters(table: Path, tmp_path: Path) -> None:
    facts = pd.DataFrame({"case": [f"c{c}" for c in range(12)], "site": list("xy") * 6})
    facts = facts.assign(patient=[f"p{c // 4}{s}" for c, s in enumerate(facts["site"])], age=range(30, 42))
    facts.to_csv(tmp_path / "cases.csv", index=False)
    out = tmp_path / "report"
    code, said = call(
        "report", "--table", table, "--columns", "model=Net", "--ignore", "charm", "--out", out, "--resamples", 200,
        "--cases", tmp_path / "cases.csv", "--cluster", "patient", "--cut", "age=34", "--baseline", MODELS[1],
    )  # fmt: skip
    assert code == 0, said
    assert "Covariates of the cases: 'site', 'patient', 'age'." in said
    statistics = {
        name: pd.read_parquet(out / f"data/statistics_{name}.parquet") for name in ("interactions", "pairwise")
    }
    assert set(statistics["pairwise"]["n"]) == {6}
    tests = statistics["interactions"]
    assert set(tests["covariate"]) == {"site", "age"} and set(tests[tests["covariate"] == "age"]["rule"]) == {
        "cut at 34"
    }
    page = re.sub(r"<[^>]+>", " ", (out / "report.html").read_text(encoding="utf-8"))
    assert "The unit of analysis is the patient" in page and "Subgroups" in page
    assert len(pd.read_parquet(out / "tables/covariates.parquet")) == 36


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Say what to report on"),
        (["--cluster", "patient"], "--cluster speaks of covariates; give their table too: --cases FILE"),
        (["--table", "t.csv", "--cut", "age"], "--cut takes a covariate and a number, such as age=40, got 'age'"),
        (["--columns", "case=x"], "--columns says how a table is read; give the table too"),
        (["--table", "t.csv", "--dataset", "4"], "not both"),
        (["--table", "t.csv", "--scale", "cups"], "--scale is 'percent' or 'fraction', not 'cups'"),
        (["--table", "t.csv", "--columns", "case"], "--columns takes pairs such as case=ID, got 'case'"),
        (["--margin", "dice=1"], "--margin says how a table is read; give the table too"),
        (["--table", "t.csv"], "There is no file t.csv"),
        (["--table", "A=t.csv", "--table", "u.csv"], "each needs its model: --table NAME=u.csv"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence(words: list[str], said: str) -> None:
    code, output = call("report", *words)
    assert code == 1
    assert said in output and output.count("\n") == 1


def test_a_baseline_or_primary_metric_that_is_not_there_is_one_sentence(table: Path, tmp_path: Path) -> None:
    given = ("report", "--table", table, "--columns", "model=Net", "--out", tmp_path / "r")
    code, said = call(*given, "--metric", "charm:lower", "--baseline", "none")
    assert code == 1 and "There is no model 'none' to be the baseline" in said
    code, said = call(*given, "--metric", "DSC=iou", "--metric", "charm:lower")
    assert code == 1 and "Several metrics and no Dice" in said


def test_a_margin_is_of_a_metric_that_is_there_and_a_metric_without_one_is_told(table: Path) -> None:
    given = read_results([str(table)], Reading(columns={"model": "Net"}, metrics=["charm:lower"]))
    told = with_margins(given, []).table.decisions
    assert [text for text in told if "charm" in text and "--margin 'charm=NUMBER'" in text] == [told[-1]]
    assert dict(with_margins(given, ["DSC=0.05", "charm = 2"]).margins) == {"dice": 0.05, "charm": 2}
    for text, sentence in (
        ("charm", "--margin takes a metric and a number"),
        ("charm=-1", "--margin takes a metric and a number"),
        ("hd95=1", "the table has no metric 'hd95'; it has dice, charm"),
    ):
        with pytest.raises(UserError, match=sentence):
            with_margins(given, [text])
