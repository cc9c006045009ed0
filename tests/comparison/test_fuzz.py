"""Whatever the files of tables hold: they are compared, or refused with our own error."""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nnunet_losses.base.tables.results import RESULTS
from nnunet_losses.base.tables.storage import read_folder, read_tables
from nnunet_losses.comparison.tables import compare_tables, record_of
from nnunet_losses.statistics import TABLES

from ..fuzzing import damaged, examples, files_in, outcome
from ..report.conftest import make_tables

SOUND = make_tables(("nnUNetTrainer", "DiceTrainer"), cases=3)
SOUND["lesions"] = SOUND["lesions"].head(12)
SOUND["training"] = SOUND["training"].head(4)
NAMES = sorted(SOUND)


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


BYTES = {name: parquet(frame) for name, frame in SOUND.items()}
CELLS = st.one_of(
    st.sampled_from([0, 1, -1, 2**63 - 1, math.nan, math.inf, -math.inf, 0.5, 1e300, True, None, "", "ok", "x\n"]),
    st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=5), st.binary(max_size=3),
    st.lists(st.integers(0, 3), max_size=2), st.dates(),
    st.decimals(allow_nan=False, places=2, max_value=9, min_value=0),
)  # fmt: skip
KINDS = [
    np.int8, np.float32, np.float64, np.int64, np.bool_, str, object, "category", "Int64", "Float64", "boolean",
    "string",     "datetime64[ns]", "timedelta64[ns]", "complex128",
]  # fmt: skip


@st.composite
def changed(draw: st.DrawFn) -> dict[str, pd.DataFrame]:
    """Sound tables with columns or cells changed, columns or rows taken away, or rows twice."""
    tables = {name: SOUND[name].copy() for name in {"cases", *draw(st.sets(st.sampled_from(NAMES), max_size=3))}}
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(sorted(tables)))
        table = tables[name]
        column = draw(st.sampled_from([*table.columns, "new"]))
        match draw(st.integers(0, 5)):
            case 0 if column in table:
                table = table.drop(columns=column)
            case 1:
                table[column] = pd.Series([draw(CELLS)] * len(table), dtype=object, index=table.index)
            case 2 if column in table and len(table):
                cells: list[Any] = table[column].astype(object).tolist()
                cells[draw(st.integers(0, len(cells) - 1))] = draw(CELLS)
                table[column] = pd.Series(cells, dtype=object, index=table.index)
            case 3 if column in table:
                try:
                    table[column] = table[column].astype(draw(st.sampled_from(KINDS)))
                except (ValueError, TypeError, OverflowError):
                    continue
            case 4:
                table = table.head(draw(st.integers(0, len(table))))
            case 5:
                table = pd.concat([table, table.head(2)], ignore_index=True)
        tables[name] = table
    return tables


def read_and_compare(folder: Path, *, deep: bool) -> None:
    tables = read_tables([folder])
    record = record_of(tables, title="Fuzz", resamples=100)
    if deep:
        compare_tables(tables, record)


@pytest.mark.slow
@examples(40)
@given(changed(), st.integers(0, 9).map(lambda number: number == 0))
@example(SOUND, True)
@example({"cases": SOUND["cases"], "jobs": SOUND["jobs"].head(0)[[]]}, True)
@example({"cases": SOUND["cases"], "lesions": SOUND["lesions"].drop(columns="diameter_mm")}, True)
@example({"cases": SOUND["cases"].assign(fold=1e300)}, True)
@example({"cases": SOUND["cases"].assign(case=[[1]] * len(SOUND["cases"]))}, True)
def test_any_table(tmp_path_factory: pytest.TempPathFactory, tables: dict[str, pd.DataFrame], deep: bool) -> None:
    folder = tmp_path_factory.mktemp("tables")
    for name, table in tables.items():
        try:
            table.to_parquet(folder / f"{name}.parquet", index=False)
        except Exception:  # no such file can be written
            (folder / f"{name}.parquet").unlink(missing_ok=True)
    before = files_in(folder)
    told = outcome(lambda: read_and_compare(folder, deep=deep))
    assert "\n" not in told
    assert files_in(folder) == before
    if tables is SOUND:
        assert told == "done"
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@examples(40)
@given(
    st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), damaged(BYTES[name]) | st.binary(max_size=80)))
)
@example(("cases", b""))
@example(("cases", b"PAR1PAR1"))
@example(("cases", BYTES["cases"].replace(b"DiceTrainer", b"Dice\xc5rainer")))
@example(("jobs", BYTES["jobs"].replace(b"IHsibmFtZSI6ICJmb2xkIi", b"IHsibmItZSI6ICJmb2xkIi")))  # nb-e for name
def test_any_bytes_as_a_table(tmp_path_factory: pytest.TempPathFactory, file: tuple[str, bytes]) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    name, content = file
    (folder / f"{name}.parquet").write_bytes(content)
    outcome(lambda: read_and_compare(folder, deep=False))
    (folder / f"{name}.parquet").rename(folder / "ranking.parquet")
    outcome(lambda: read_folder(folder, TABLES))
    outcome(lambda: read_folder(folder, RESULTS))
    (folder / "ranking.parquet").unlink()
