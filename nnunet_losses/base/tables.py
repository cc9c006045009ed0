"""Folders of tidy tables: one Parquet file a table."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically

TABLES = ("cases", "lesions", "thresholds", "calibration", "training", "jobs")


def read_tables(folders: Iterable[Path]) -> dict[str, pd.DataFrame]:
    """Read the tables of several folders and stack those of the same name.

    Raises:
        UserError: a folder does not exist or holds no table, or a file is damaged.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    for folder in folders:
        files = [folder / f"{name}.parquet" for name in TABLES if (folder / f"{name}.parquet").is_file()]
        if not files:
            raise UserError(f"{folder} holds no tables ({', '.join(f'{name}.parquet' for name in TABLES)}).")
        for file in files:
            try:
                parts.setdefault(file.stem, []).append(pd.read_parquet(file))
            except (OSError, ValueError) as error:
                raise UserError(f"{file} cannot be read ({error}); remove it and make it again.") from None
    return {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}


def read_folder(folder: Path) -> dict[str, pd.DataFrame]:
    """Read every Parquet file of one folder, by its stem.

    Raises:
        UserError: the folder does not exist.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    return {file.stem: pd.read_parquet(file) for file in sorted(folder.glob("*.parquet"))}


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write each table to ``folder/<name>.parquet``, atomically."""
    for name, table in tables.items():
        with write_atomically(folder / f"{name}.parquet") as temporary:
            table.to_parquet(temporary, index=False)
