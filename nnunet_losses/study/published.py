"""Published numbers: files of CSV, checked when they are read."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from nnunet_losses.base.config import named_file
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.tables.published import PUBLISHED
from nnunet_losses.nnunet.names.grammar import parse_trainer_name

FOLDER = Path("config/published")


def published_files(names: Iterable[str], folder: Path = FOLDER) -> list[Path]:
    """The files of the published numbers that a study names.

    Raises:
        UserError: a file does not exist.
    """
    return files_named(list(names), folder, ".csv", "published numbers")


def files_named(names: Sequence[str], folder: Path, ending: str, what: str) -> list[Path]:
    """The files that a study names: by their stem in a folder, or by a path.

    Raises:
        UserError: a file does not exist.
    """
    files = [named_file(name, folder, ending) for name in names]
    for name, file in zip(names, files, strict=True):
        if not file.is_file():
            there = ", ".join(sorted(path.stem for path in folder.glob(f"*{ending}"))) or "none"
            raise UserError(f"There is no file of {what} {file} for '{name}'; there are {there}.")
    return files


def read_published(files: Iterable[Path]) -> pd.DataFrame:
    """The published numbers of several files.

    Raises:
        UserError: a file cannot be read, a column is missing or unknown, a value is not allowed, or a trainer does not
            exist.
    """
    return PUBLISHED.concat([_read(file) for file in files])


def _read(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read as a table ({' '.join(str(error).split())[:200]}).") from None
    if unknown := sorted(set(map(str, table)) - set(PUBLISHED.columns)):
        raise UserError(
            f"{file} has the unknown column {unknown[0]!r}; its columns are {', '.join(PUBLISHED.columns)}."
        )
    for column in (name for name, kind in PUBLISHED.types.items() if kind == "float64" and name in table):
        numbers = pd.to_numeric(table[column].where(table[column] != ""), errors="coerce")
        if (bad := numbers.isna() & (table[column] != "")).any():
            row = int(bad.to_numpy().argmax())
            raise UserError(f"{file}, row {row + 2}: '{column}' must be a number, got {table[column].iloc[row]!r}.")
        table[column] = numbers.astype(float)
    table = PUBLISHED.check(table, str(file))
    for row, names in enumerate(table["trainer"], start=2):
        for name in filter(None, names.split("|")):
            try:
                parse_trainer_name(name)
            except UserError as error:
                raise UserError(f"{file}, row {row}: {error}") from None
    if table["value"].isna().any():
        row = int(table["value"].isna().to_numpy().argmax())
        raise UserError(f"{file}, row {row + 2}: 'value' is empty; leave the row out if nothing was published.")
    return table
