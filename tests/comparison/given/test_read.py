"""Tables of results as others write them: every layout, and every fault in one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.tables.results import CASES
from nnunet_losses.comparison.given.file import read_given, read_given_of_models
from nnunet_losses.comparison.given.layout import Reading
from nnunet_losses.comparison.given.read import FromTable, cases_from

EXPECTED = {("c1", "A"): 0.9, ("c1", "B"): 0.8, ("c2", "A"): 0.7, ("c2", "B"): 0.65}
LONG = "case,model,metric,value\nc1,A,Dice,0.9\nc1,B,Dice,0.8\nc2,A,Dice,0.7\nc2,B,Dice,0.65\n"
WIDE = "case,model,DSC,HD95 (mm)\nc1,A,0.9,3\nc1,B,0.8,4\nc2,A,0.7,5\nc2,B,0.65,\n"
MODELS = "image,A,B\nc1,0.9,0.8\nc2,0.7,0.65\n"


def read(tmp_path: Path, text: str, name: str = "results.csv", **options: Any) -> FromTable:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return cases_from(read_given(file), Reading(**options))


def values(found: FromTable, metric: str = "dice") -> dict[tuple[str, str], float]:
    rows = found.cases[found.cases["metric"] == metric]
    return dict(zip(zip(rows["case"], rows["trainer"], strict=True), rows["value"], strict=True))


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        (LONG, "r.csv", {}),
        (LONG.replace(",", ";").replace("0.", "0,"), "r.csv", {}),
        (LONG.replace(",", "\t"), "r.tsv", {}),
        ("\ufeff" + LONG, "r.csv", {}),
        (WIDE, "r.csv", {}),
        (WIDE.replace("DSC", "Dice (%)").replace("0.9", "90").replace("0.8", "80").replace("0.7", "70")
         .replace("0.65", "65"), "r.csv", {}),
        (WIDE.replace("case,model", "ID,Net"), "r.csv", {"columns": {"case": "ID", "model": "Net"}}),
        (WIDE.replace("DSC", "overlap"), "r.csv", {"metrics": ["overlap=dice"]}),
        (MODELS, "r.csv", {"metrics": ["dice"]}),
        (MODELS, "val_dice.csv", {}),
        (MODELS.replace("image", "image,age").replace("c1", "c1,40").replace("c2", "c2,50"), "dice.csv", {}),
    ],
)  # fmt: skip
def test_every_layout_gives_the_same_cases(tmp_path: Path, text: str, name: str, options: dict[str, Any]) -> None:
    found = read(tmp_path, text, name, **options)
    assert values(found) == pytest.approx(EXPECTED)
    CASES.check(found.cases)
    assert set(found.cases["fold"]) == {0}


def test_parquet_and_json_hold_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame({"case": [1, 1, 2, 2], "method": list("ABAB"), "dice": [0.9, 0.8, 0.7, None]})
    frame.to_parquet(tmp_path / "r.parquet")
    (tmp_path / "r.json").write_text(json.dumps(frame.to_dict("records")).replace("NaN", "null"))
    for name in ("r.parquet", "r.json"):
        found = cases_from(read_given(tmp_path / name))
        assert values(found) == pytest.approx(
            {("1", "A"): 0.9, ("1", "B"): 0.8, ("2", "A"): 0.7, ("2", "B"): np.nan}, nan_ok=True
        )


def test_a_file_for_each_model_with_metrics_by_label_and_summaries(tmp_path: Path) -> None:
    content = "id,WT_dice,TC_dice,WT_haus95\np/c1.nii.gz,.9,.5,2\np/c2.nii.gz,.8,.4,inf\nMean,.85,.45,2\n"
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(content)
    found = cases_from(read_given_of_models([("A", tmp_path / "a.csv"), ("B", tmp_path / "b.csv")]))
    assert set(found.cases["case"]) == {"c1", "c2"}
    assert set(zip(found.cases["metric"], found.cases["label"], strict=True)) == {
        ("dice", "WT"), ("dice", "TC"), ("hd95", "WT"),
    }  # fmt: skip
    assert values(found, "hd95")["c2", "A"] != values(found, "hd95")["c2", "A"]  # infinite: not defined
    said = " ".join(found.decisions)
    assert "'Mean'" in said and "A 1, B 1" in said and "row 2 of a.csv, column 'WT_haus95'" in said


def test_what_is_decided_is_said(tmp_path: Path) -> None:
    text = WIDE.replace("0.9", "90").replace("0.8", "80").replace("0.7", "70").replace("0.65", "65")
    said = "\n".join(read(tmp_path, text).decisions)
    assert "separated by a comma" in said
    assert "case = case, model = model" in said
    assert "Metric dice (named DSC): higher is better, in per cent, divided by 100." in said
    assert "Metric hd95 (named HD95 (mm)): lower is better, in mm." in said
    assert "Of hd95, 1 value is missing or infinite (B 1; the first: row 4, column 'HD95 (mm)')" in said


def test_a_model_without_some_cases_is_said(tmp_path: Path) -> None:
    said = "\n".join(read(tmp_path, LONG.removesuffix("c2,B,Dice,0.65\n")).decisions)
    assert "B has no row of dice for 1 of 2 cases of results (the first: c2)" in said


def test_folds_seeds_labels_and_sites_are_found(tmp_path: Path) -> None:
    head = "dataset,case,site,algorithm,cv_fold,run,organ,dice\n"
    rows = [
        f"D,c{c},{'ab'[c % 2]},{m},fold_{c % 2},{run},{organ},0.{c}{run}\n"
        for c in range(4)
        for m in "MN"
        for run in (1, 2)
        for organ in ("liver", "spleen")
    ]
    found = read(tmp_path, head + "".join(rows))
    cases = found.cases
    assert set(zip(cases["case"], cases["fold"], strict=True)) == {(f"c{c}", c % 2) for c in range(4)}
    assert (
        set(cases["seed"]) == {1, 2} and set(cases["label"]) == {"liver", "spleen"} and set(cases["dataset"]) == {"D"}
    )
    assert found.covariates.to_dict("list") == {
        "dataset": ["D"] * 4, "case": ["c0", "c1", "c2", "c3"], "covariate": ["site"] * 4, "value": list("abab"),
    }  # fmt: skip


def test_folds_that_predict_the_same_cases_are_repeats(tmp_path: Path) -> None:
    rows = [f"c{c},{m},{fold},0.{c}{fold}\n" for c in (1, 2) for m in "MN" for fold in (0, 1, 2)]
    found = read(tmp_path, "case,model,fold,dice\n" + "".join(rows))
    assert set(found.cases["fold"]) == {0} and set(found.cases["seed"]) == {1, 2, 3}
    assert any("each fold is taken for a repeat" in text for text in found.decisions)


def test_folds_that_differ_between_models_are_left_out_of_account(tmp_path: Path) -> None:
    found = read(tmp_path, "case,model,fold,dice\nc1,A,0,.5\nc2,A,1,.5\nc1,B,1,.5\nc2,B,0,.5\n")
    assert set(found.cases["fold"]) == {0}
    assert any("cannot be lined up" in text for text in found.decisions)


def test_an_own_metric_keeps_its_direction(tmp_path: Path) -> None:
    found = read(tmp_path, WIDE.replace("DSC", "regret"), metrics=["regret:lower"])
    assert found.own_metrics["regret"].higher_is_better is False
    assert found.metrics == ("regret", "hd95")


def test_distances_in_voxels_are_not_called_millimetres(tmp_path: Path) -> None:
    found = read(tmp_path, WIDE.replace("HD95 (mm)", "HD95 (px)"))
    assert set(found.cases.loc[found.cases["metric"] == "hd95", "unit"]) == {"px"}
    assert found.own_metrics["hd95"].unit == "px"


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (LONG + "c1,A,Dice,0.9\n", {}, "Row 1 and row 5 both hold dice (column 'value') of case c1, model A: remove"),
        (WIDE.replace("DSC", "dice,variant").replace("0.9", "0.9,x").replace("0.8", "0.8,x")
         .replace("0.7", "0.7,x").replace("0.65", "0.65,x") + "c1,A,0.9,y,3\n", {}, "(perhaps 'variant')"),
        (LONG.replace("0.9", "87.3"), {}, "Row 1, column 'value' holds 87.3 and row 2, column 'value' 0.8: are these"),
        (LONG.replace("0.9", "good"), {}, "Row 1, column 'value' holds 'good', which is not a number"),
        (LONG.replace("0.9", "'0,9'").replace("'", '"'), {}, "holds '0,9' and row 2 '0.8': write all decimals"),
        (LONG.replace("0.9", "-0.9"), {}, "Row 1, column 'value' holds -0.9, which dice cannot be"),
        (LONG.replace("0.9", "900").replace("0.8", "80").replace("0.7", "70").replace("0.65", "65"), {},
         "Row 1, column 'value' holds 900, which dice cannot be (in per cent)"),
        (WIDE.replace("DSC", "shine"), {}, "The column 'shine' may be a metric whose direction is unknown; say"),
        (LONG.replace("Dice", "shine"), {}, "The direction of 'shine' is unknown: say --metric 'shine:higher'"),
        (LONG.replace("Dice", "F1"), {}, "The direction of 'F1' is unknown"),
        (MODELS, {}, "Nothing says which metric stands in the columns of the models; name it: --metric dice."),
        (MODELS.replace("A,B", "dice,hd95"), {}, "look like metrics, but no column names the model"),
        (MODELS.replace("A,B", "A,x").replace("0.8", "u").replace("0.65", "v"), {}, "No column names the model"),
        (LONG.replace("case", "ca"), {}, "No column names the case; there are ca, model, metric, value."),
        (LONG.replace("model", "mo"), {}, "No column names the model"),
        (LONG.replace("value", "trainer,method").replace("model,", ""), {}, "could both be the model; say which it is"),
        (LONG.replace("c1,A", ",A"), {}, "Row 1, column 'case' is empty"),
        (LONG.replace("c1,A", "c1,"), {}, "Row 1, column 'model' is empty"),
        (WIDE.replace("HD95 (mm)", "dice"), {}, "'DSC' and 'dice' both mean dice; leave one out"),
        (LONG, {"columns": {"case": "ID"}}, "There is no column 'ID' (case)"),
        (LONG, {"columns": {"cas": "case"}}, "--columns names 'cas', which is not one of case, model"),
        (LONG, {"ignore": ["x"]}, "There is no column 'x'"),
        (LONG, {"metrics": ["x:higher"]}, "--metric names 'x', but the table has 'Dice'"),
        (LONG, {"metrics": ["x:up"]}, "after the colon stands 'higher' or 'lower'"),
        (LONG, {"metrics": ["Dice=shine"]}, "'shine' is not a known metric"),
        ("case,model,status,dice\nc1,A,bad,.5\n", {"columns": {"status": "status"}},
         "Row 1, column 'status' holds 'bad'; allowed are ok, both_empty"),
        (WIDE.replace("case", "organ,case").replace("c1", "liver,c1").replace("c2", "liver,c2")
         .replace("DSC", "DSC_liver"), {}, "The column 'organ' names a label, and so does 'DSC_liver'"),
        ("case,model,site,dice\nc1,A,x,.5\nc1,B,y,.6\n", {}, "Case c1 has the site 'x' in row 1 and 'y' in row 2"),
        ("case,model,fold,dice\nc1,A,0,.5\nc1,A,1,.6\nc2,A,0,.6\n", {}, "Case c1 of A stands in several folds"),
        ("case,model,fold,dice\nc1,A,,.5\n", {}, "Row 1, column 'fold' is empty"),
        ("case\nc1\n", {}, "it must name at least two columns"),
        ("case,model,dice\nc1,A,0,9\n", {}, "is a comma used for decimals too?"),
        ("case,model,dice\n", {}, "has no row"),
        ("", {}, "is empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(tmp_path: Path, text: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as error:
        read(tmp_path, text, **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", b"case,model,dice\nc\xff,A,1\n"), ("r.parquet", b"PAR1 no"), ("r.json", b"{}"),
        ("r.json", b'[{"case": {"a": 1}}]'), ("r.json", b"[" * 100_000),
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError):
        read_given(tmp_path / name)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no file"):
        read_given(tmp_path / "r.csv")


def test_scale_can_be_given(tmp_path: Path) -> None:
    text = LONG.replace("0.9", "87.3")
    assert values(read(tmp_path, text, scale="percent"))["c1", "B"] == pytest.approx(0.008)
    with pytest.raises(UserError, match=r"87\.3, which dice cannot be"):
        read(tmp_path, text, scale="fraction")
