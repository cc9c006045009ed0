"""Folders of tables: one Parquet file a table, checked when it is read."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.names import table_name
from nnunet_losses.base.tables.results import RESULTS
from nnunet_losses.base.tables.schema import Table

METADATA_FAULTS = (AttributeError, LookupError, TypeError, RecursionError)
"""What pandas raises where a file's own description of its columns is damaged."""


def read_tables(folders: Iterable[Path]) -> dict[str, pd.DataFrame]:
    """Read the tables of results of several folders and stack those of the same name.

    Raises:
        UserError: a folder does not exist or holds no table, a file is damaged, or a table is not as its schema says.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    for folder in folders:
        found = _read(folder, RESULTS)
        if not found:
            raise UserError(f"{folder} holds no tables ({', '.join(map(table_name, RESULTS))}).")
        for name, table in found.items():
            parts.setdefault(name, []).append(table)
    return {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}


def read_folder(folder: Path, schemas: Mapping[str, Table] = RESULTS) -> dict[str, pd.DataFrame]:
    """Read the tables of one folder, by name.

    schemas: the tables that can be there; other files are left alone.

    Raises:
        UserError: the folder does not exist, a file is damaged, or a table is not as its schema says.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    return _read(folder, schemas)


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write each table to ``folder/<name>.parquet``, atomically."""
    for name, table in tables.items():
        with write_atomically(folder / table_name(name)) as temporary:
            table.to_parquet(temporary, index=False)


def _read(folder: Path, schemas: Mapping[str, Table]) -> dict[str, pd.DataFrame]:
    found = {}
    for name, schema in schemas.items():
        file = folder / table_name(name)
        if not file.is_file():
            continue
        try:
            stored = pq.read_table(file)
            stored.validate(full=True)  # text that is not UTF-8 would be noticed only when it is used
            table = stored.to_pandas()
        except (OSError, ValueError, pa.ArrowException, *METADATA_FAULTS) as error:
            raise UserError(f"{file} cannot be read ({error}); remove it and make it again.") from None
        found[name] = schema.check(table, str(file))
    return found
