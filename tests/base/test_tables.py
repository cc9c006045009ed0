"""Schemas of tables, and folders of tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.tables.results import CASES, JOBS, LESIONS, RESULTS
from nnunet_losses.base.tables.schema import Table, TableError, integer, real, text
from nnunet_losses.base.tables.storage import read_folder, read_tables, write_tables

RUN = {"dataset": "D", "configuration": "c", "trainer": "T", "fold": 0, "seed": 0}


def cases(**changes: object) -> pd.DataFrame:
    """Two rows of the table of cases; the second one changed."""
    row = {**RUN, "case": "a", "label": "l", "metric": "dice", "value": 0.5, "unit": "1", "status": "ok"}
    return pd.DataFrame([row, {**row, "case": "b", **changes}])


def job(**changes: object) -> pd.DataFrame:
    row = {**RUN, "seconds": 1.0, "peak_memory_mb": np.nan, "device": None, "hardware": "", "epochs": 3}
    return pd.DataFrame([{**row, "status": "completed", **changes}])


def test_a_table_that_fits_passes_as_it_is():
    pd.testing.assert_frame_equal(CASES.check(cases()), cases())
    undefined = cases(value=np.nan, status="both_empty")
    pd.testing.assert_frame_equal(CASES.check(undefined), undefined)
    assert CASES.check(cases().assign(site="A"))["site"].tolist() == ["A", "A"]  # further columns are kept


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": "n/a"}, "column 'value', row 2 holds 'n/a', which is not a number"),
        ({"status": "odd"}, "column 'status', row 2 holds 'odd'; allowed are 'ok', 'both_empty'"),
        ({"fold": 1.5}, "column 'fold', row 2 holds .*1.5.*, which is not a whole number"),
        ({"fold": "x"}, "column 'fold', row 2 holds 'x', which is not a whole number"),
        ({"fold": np.inf}, "column 'fold', row 2 holds .*inf.*, which is not a whole number"),
        ({"fold": None}, "column 'fold', row 2 holds .*nan.*, which is not a whole number"),
        ({"case": None}, "column 'case', row 2 is empty"),
        ({"case": "a"}, "1 rows occur twice, the first is .*'case': 'a'"),
    ],
)  # fmt: skip
def test_the_first_fault_is_named_with_column_row_and_value(changes, message):
    with pytest.raises(TableError, match=message):
        CASES.check(cases(**changes))


def test_words_and_ranges_of_other_tables():
    with pytest.raises(TableError, match="column 'status', row 1 holds 'bored'; allowed are 'completed', 'diverged'"):
        JOBS.check(job(status="bored"))
    with pytest.raises(TableError, match="column 'seconds', row 1 holds -1.0; must be at least 0"):
        JOBS.check(job(seconds=-1.0))
    lesion = {**RUN, "case": "a", "label": "l", "side": "reference", "matched": True, "score_max": np.nan}
    assert LESIONS.check(pd.DataFrame([lesion]))["matched"].tolist() == [True]
    with pytest.raises(TableError, match="column 'matched', row 1 holds 'yes', which is neither true nor false"):
        LESIONS.check(pd.DataFrame([{**lesion, "matched": "yes"}]))


def test_a_missing_column_is_named():
    with pytest.raises(TableError, match=r"The table of cases lacks the columns \['value'\]; it needs \['dataset'"):
        CASES.check(cases().drop(columns="value"))


def test_built_tables_have_their_columns_in_order_also_without_rows():
    table = Table("x", "one x", {"name": text("A name."), "n": integer("A number."), "share": real("A share.")})
    assert list(table.build()) == ["name", "n", "share"]
    assert list(table.build([{"share": 0.5, "n": 1, "name": "a"}])) == ["name", "n", "share"]
    stacked = table.concat([table.build(), table.build([{"share": 0.5, "n": 1, "name": "a"}])])
    assert stacked.to_dict("list") == {"name": ["a"], "n": [1], "share": [0.5]}
    with pytest.raises(ValueError, match=r"\['share'\] differ"):
        table.build([{"n": 1, "name": "a"}])
    with pytest.raises(ValueError, match=r"\['more'\] differ"):
        table.build([{"share": 0.5, "n": 1, "name": "a", "more": 2}])


def test_the_description_names_every_column_and_every_word():
    described = JOBS.describe()
    assert "One row is one training." in described
    assert (
        "| `status` | text | How the training ended (`completed`, `diverged`, `unfinished`, `missing`) |" in described
    )
    assert all(f"| `{name}` |" in table.describe() for table in RESULTS.values() for name in table.columns)


def test_tables_of_several_folders_are_stacked_by_name(tmp_path: Path) -> None:
    write_tables(tmp_path / "a", {"cases": cases(), "jobs": job()})
    write_tables(tmp_path / "b", {"cases": cases()})
    tables = read_tables([tmp_path / "a", tmp_path / "b"])
    assert tables["cases"]["case"].tolist() == ["a", "b", "a", "b"]
    assert list(tables["cases"].index) == [0, 1, 2, 3]
    assert list(tables) == ["cases", "jobs"]
    assert set(read_folder(tmp_path / "a")) == {"cases", "jobs"}


def test_a_folder_without_tables_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{tmp_path} holds no tables"):
        read_tables([tmp_path])
    with pytest.raises(UserError, match="There is no folder"):
        read_folder(tmp_path / "none")


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "cases.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(UserError, match=r"cases\.parquet cannot be read"):
        read_tables([tmp_path])


def test_a_table_of_another_kind_is_refused_with_its_path(tmp_path: Path) -> None:
    write_tables(tmp_path, {"cases": cases(status="odd")})
    with pytest.raises(UserError, match=r"cases\.parquet: column 'status', row 2 holds 'odd'"):
        read_tables([tmp_path])


@pytest.mark.parametrize("kind", ["Int64", "Float64", "object", "boolean"])
def test_a_missing_whole_number_is_named_whatever_pandas_calls_it(kind: str) -> None:
    table = Table("pairs", "a pair", {"n": integer("How many.")})
    with pytest.raises(TableError, match=r"column 'n', row 2 holds .*, which is not a whole number"):
        table.check(pd.DataFrame({"n": pd.Series([1, None], dtype=kind)}))


def test_a_collapse_of_earlier_tables_becomes_a_fact_beside_the_status() -> None:
    earlier = pd.concat([job(status="collapsed", fold=0), job(status="diverged", fold=1)], ignore_index=True)
    now = JOBS.check(earlier)
    assert now["status"].tolist() == ["completed", "diverged"]
    assert now["collapsed"].tolist() == [True, False]
    pd.testing.assert_frame_equal(JOBS.check(now), now)
    stacked = pd.concat([now, earlier.assign(fold=[2, 3])], ignore_index=True)  # a gap where the column was lacking
    assert JOBS.check(stacked)["collapsed"].tolist() == [True, False, True, False]


def test_lesions_of_earlier_tables_are_in_millimetres() -> None:
    known = {"case": "a", "label": "l", "side": "reference", "matched": True, "score_max": 1.0}
    earlier = pd.DataFrame([{**RUN, **known, "diameter_mm": 3.0}])
    assert LESIONS.check(earlier)[["unit", "dimensions"]].to_numpy().tolist() == [["mm", 3]]
    now = LESIONS.check(earlier.assign(unit="px", dimensions=2))
    stacked = LESIONS.check(pd.concat([now, earlier], ignore_index=True))
    assert stacked[["unit", "dimensions"]].to_numpy().tolist() == [["px", 2], ["mm", 3]]
