"""Published records of lesions."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.scale import Scale
from nnunet_losses.cli import app
from nnunet_losses.comparison.records import read_records
from nnunet_losses.evaluation import Reference, evaluate_case
from nnunet_losses.statistics import Results
from nnunet_losses.statistics.detection.froc import froc_tables

HEAD = "model,case,side,matched,score,diameter"
LESION, COMPONENT = "tum_1", "pred_1"


def record(reference: bool, **changes: Any) -> dict[str, Any]:
    return {
        "obj": LESION if reference else COMPONENT,
        "is_tum": reference,
        "diameter": 4.0,
        "hit_dice": 0.5,
        "hit_obj": COMPONENT if reference else LESION,
        "hit_logit": 2.0,
        "self_logit": math.inf if reference else 2.0,
    } | changes


def missed() -> dict[str, Any]:
    return record(True, hit_dice=0.0, hit_obj="pred_None", hit_logit=-math.inf)


def as_json(folder: Path, content: Any, name: str = "a.json") -> Path:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder / name


def as_table(
    folder: Path, *rows: str, head: str = "model,case,side,matched,score,diameter", name: str = "t.csv"
) -> Path:
    (folder / name).write_text("\n".join([head, *rows]) + "\n")
    return folder / name


GOOD = (
    "A,x,reference,true,0.9,5",
    "A,x,prediction,yes,,5",
    "A,x,prediction,false,0.4,3",
    "A,y,reference,no,,7",
    "A,z,,,,",
)


def test_the_two_forms_say_the_same(tmp_path: Path) -> None:
    content = {
        "x": [
            record(True, hit_logit=0.9, diameter=5),
            record(False, self_logit=0.9, diameter=5),
            record(False, obj="pred_2", hit_dice=0.0, hit_obj="tum_None", self_logit=0.4, diameter=3),
        ],
        "y": [missed() | {"diameter": 7}],
        "z": [],
    }
    first = read_records([as_json(tmp_path, content, "A.json")], voxel_mm=2)
    second = read_records([as_table(tmp_path, *GOOD)], voxel_mm=2)
    assert first["lesions"]["diameter_mm"].tolist() == [10, 10, 6, 14]
    assert first["lesions"]["partner"].tolist() == [1, 1, 0, 0]
    shared = ["trainer", "case", "side", "component", "matched", "diameter_mm"]
    pd.testing.assert_frame_equal(first["lesions"][shared], second["lesions"][shared])
    froc = [
        froc_tables(Results.of(t["cases"], baseline="A", lesions=t["lesions"]).rosters)["froc"] for t in (first, second)
    ]
    pd.testing.assert_frame_equal(*froc)
    values = froc[0].set_index("measure")["value"]
    assert (values["max_recall"], values["false_positives_per_case"]) == pytest.approx((0.5, 1 / 3))
    both = [set(t["cases"]["metric"]) for t in (first, second)]
    assert both[0] - both[1] == {"lesion_dice", "lesion_dice_found"}


def test_the_metrics_of_cases_are_those_of_the_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    content, expected = {}, []
    for case in ("full", "without reference", "without prediction", "empty"):
        reference, prediction = (rng.random((2, 9, 9, 9)) < 0.02).astype(np.uint8)
        if case in ("without reference", "empty"):
            reference[:] = 0
        if case in ("without prediction", "empty"):
            prediction[:] = 0
        found = evaluate_case(Reference(reference, (1, 1, 1), {"background": 0, "lesion": 1}), prediction)
        expected.append(found["cases"].assign(case=case))
        content[case] = [
            record(
                row["side"] == "reference",
                obj=f"{'tum' if row['side'] == 'reference' else 'pred'}_{row['component']}",
                hit_dice=row["dice"],
                hit_obj=f"x_{int(row['partner'])}" if row["matched"] else "pred_None",
            )
            for row in found["lesions"].to_dict("records")
        ]
    ours = read_records([as_json(tmp_path, content)])["cases"].set_index(["case", "metric"]).sort_index()
    images = pd.concat(expected).set_index(["case", "metric"]).sort_index().loc[ours.index]
    pd.testing.assert_frame_equal(ours[["value", "unit", "status"]], images[["value", "unit", "status"]])


def test_a_case_that_a_model_does_not_name_is_one_where_it_predicts_nothing(tmp_path: Path) -> None:
    as_json(tmp_path, {"x": [missed()], "y": [record(False, hit_dice=0.0)]}, "a.json")
    as_json(tmp_path, {"x": [missed()]}, "b.json")
    tables = read_records([tmp_path])
    assert tables["cases"].groupby("trainer")["case"].nunique().tolist() == [2, 2]
    froc = froc_tables(Results.of(tables["cases"], baseline="a", lesions=tables["lesions"]).rosters)["froc"]
    values = froc.set_index(["trainer", "measure"])["value"]
    assert values["a", "false_positives_per_case"] == 0.5
    assert values["b", "false_positives_per_case"] == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "cannot be read as JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "must hold a table of images"),
        ({"x": 3}, "must hold a table of images"),
        ({}, "holds no records"),
        ({"x": [1]}, "image 'x', record 1 is no table"),
        ({"x": [missed(), record(True, is_tum="yes")]}, "record 2: 'is_tum' must be true or false, got 'yes'"),
        ({"x": [record(True, obj="tum_None")]}, "'obj' must be a name such as 'pred_3', got 'tum_None'"),
        ({"x": [record(True, hit_dice=1.5)]}, "'hit_dice' must be a number from 0 to 1, got 1.5"),
        ({"x": [record(True, hit_logit=math.nan)]}, "'hit_logit' must be a number, got nan"),
        ({"x": [record(False, self_logit="high" * 50)]}, "'self_logit' must be a number, got 'highhigh.*…"),
        ({"x": [record(True, diameter=10**400)]}, "a diameter that is not a positive number"),
        ({"x": [record(True, diameter=0)]}, "a diameter that is not a positive number"),
        ({"x": [record(True, diameter=None)]}, "'diameter' must be a number from 0 to inf, got nothing"),
        ({"x": [record(False)]}, "hold no reference lesion"),
    ],
)
def test_json_of_another_form_is_one_sentence(tmp_path: Path, content: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as error:
        read_records([as_json(tmp_path, content)])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("A,x,left,true,1,5", "row 6, column 'side' must be 'reference' or 'prediction', got 'left'"),
        ("A,x,reference,maybe,1,5", "row 6, column 'matched' must be true or false, got 'maybe'"),
        ("A,x,reference,true,,5", "row 6, column 'score' must be a number, got ''"),
        ("A,x,prediction,false,high,5", "row 6, column 'score' must be a number, got 'high'"),
        ("A,x,prediction,false,nan,5", "row 6, column 'score' must be a number, got 'nan'"),
        ("A,x,reference,false,,-5", "row 6, column 'diameter' must be a number from 0 to inf, got '-5'"),
        (",x,reference,false,,5", "row 6, column 'model' is empty"),
        ("B,x,reference,false,,5", r"lesions \(lesion\) of case 'y' differs: 1 for 'A', 0 for 'B'"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, row: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as error:
        read_records([as_table(tmp_path, *GOOD, row)])
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no table")
    (tmp_path / "latin.csv").write_bytes("model\né".encode("latin-1"))
    as_table(tmp_path, head="model,case", name="few.csv")
    as_table(tmp_path, *GOOD, name="one.csv")
    as_table(tmp_path, *GOOD, name="two.csv")
    for names, sentence in (
        (["nowhere.csv"], "There is no file or folder"),
        (["empty"], "holds no file that ends in .json, .csv, .parquet"),
        (["bad.parquet"], "cannot be read as a table"),
        (["latin.csv"], "cannot be read as a table"),
        (["few.csv"], "lacks the columns side, matched, score; it needs model"),
        (["one.csv", "two.csv"], "The model 'A' is both in"),
    ):
        with pytest.raises(UserError, match=sentence) as error:
            read_records([tmp_path / name for name in names])
        assert "\n" not in str(error.value)


@pytest.mark.slow
def test_the_command_gives_the_numbers_of_the_benchmark(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "froc_records" / "lits"
    files = [folder / f"{name}.json" for name in ("dl", "iwdl")]
    done = CliRunner().invoke(app, ["froc", *map(str, files), "--out", str(tmp_path), "--baseline", "dl"])
    assert done.exit_code == 0, done.output
    froc = pd.read_parquet(tmp_path / "data/statistics_froc.parquet").query("measure == 'average_recall'")
    pairs = pd.read_parquet(tmp_path / "data/statistics_froc_pairwise.parquet").query("measure == 'average_recall'")
    committed = json.loads((Path(__file__).parents[2] / "benchmarks/results/published_froc.json").read_text())["losses"]
    for row in froc.to_dict("records"):
        published = committed[row["trainer"]]
        assert [row["value"], row["low"], row["high"]] == pytest.approx(
            [published["corrected"], published["low"], published["high"]], abs=0.51e-4
        )
    published, (pair,) = committed["iwdl"], pairs.to_dict("records")
    assert [pair["difference"], pair["low"], pair["high"]] == pytest.approx(
        [published["minus_dl"], published["d_low"], published["d_high"]], abs=0.51e-4
    )
    assert "Diameters are in voxels (px), as recorded" in (tmp_path / "report.html").read_text()


def test_diameters_of_json_are_in_voxels_and_those_of_tables_in_mm(tmp_path: Path) -> None:
    content = {"x": [record(True, diameter=6)], "y": [record(False, hit_dice=0.0)]}
    file, table = as_json(tmp_path, content), as_table(tmp_path, *GOOD)
    for place, voxel_mm, unit, first in ((file, None, "px", 6), (file, 2.0, "mm", 12), (table, None, "mm", 5)):
        tables = read_records([place], voxel_mm=voxel_mm)
        assert set(tables["lesions"]["unit"]) == {unit}
        assert tables["lesions"]["diameter_mm"].iloc[0] == first
        scale = Scale.of_tables(tables["cases"], tables["lesions"])
        assert (scale.length, scale.ball) == (unit, "sphere")
    with pytest.raises(UserError, match=r"in voxels in .*a.json and in mm in .*t.csv; report on them one by one"):
        read_records([file, table])
