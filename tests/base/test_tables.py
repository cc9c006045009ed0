"""Folders of tables."""

from pathlib import Path

import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.tables import read_folder, read_tables, write_tables


def test_tables_of_several_folders_are_stacked_by_name(tmp_path: Path) -> None:
    write_tables(tmp_path / "a", {"cases": pd.DataFrame({"x": [1]}), "jobs": pd.DataFrame({"y": [1]})})
    write_tables(tmp_path / "b", {"cases": pd.DataFrame({"x": [2]})})
    tables = read_tables([tmp_path / "a", tmp_path / "b"])
    assert tables["cases"]["x"].tolist() == [1, 2]
    assert list(tables["cases"].index) == [0, 1]
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
