"""Reading a table that somebody else wrote: CSV with any usual separator, Parquet, or JSON records."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.tables.storage import METADATA_FAULTS

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}


@dataclass(frozen=True)
class GivenTable:
    """A table as it was given.

    frame: its columns; those of a CSV file are text, an empty cell is "".
    name: of its data set, if it names none: the stem of the file.
    origins: the files that the rows came from, and how many rows each has.
    remarks: how it was read.
    """

    frame: pd.DataFrame
    name: str
    origins: tuple[tuple[str, int], ...]
    remarks: tuple[str, ...]

    def place(self, row: int) -> str:
        """Where a row stands, counted from 1 after the line of names; with its file if there are several."""
        for file, rows in self.origins:
            if row < rows:
                return f"row {row + 1}" if len(self.origins) == 1 else f"row {row + 1} of {file}"
            row -= rows
        raise IndexError(row)


def read_given(path: Path) -> GivenTable:
    """Read one file, by its ending: .parquet, .json, else CSV.

    Raises:
        UserError: the file is missing, damaged, empty, not UTF-8, or has rows of different lengths.
    """
    remark = ""
    try:
        if path.suffix.casefold() in (".parquet", ".pq"):
            frame = pd.read_parquet(path)
        elif path.suffix.casefold() == ".json":
            frame = _read_json(path)
        else:
            frame, remark = _read_csv(path)
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8; save it as 'CSV UTF-8'.") from None
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty.") from None
    except (OSError, ValueError, RecursionError, pa.ArrowException, *METADATA_FAULTS) as error:
        raise UserError(f"{path} cannot be read as a table: {' '.join(str(error).split())}.") from None
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    if frame.empty:
        raise UserError(f"{path} has no row.")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise UserError(f"{path} has two columns named '{twice[0]}'; rename one.")
    return GivenTable(
        frame.reset_index(drop=True), path.stem, ((path.name, len(frame)),), (remark,) if remark else ()
    )  # fmt: skip


def read_given_of_models(files: Sequence[tuple[str, Path]], column: str = "model") -> GivenTable:
    """Read one file a model, and stack them with the model's name in a column of its own.

    Raises:
        UserError: as `read_given`; or a file has such a column already.
    """
    tables = []
    for model, path in files:
        table = read_given(path)
        if column in table.frame:
            raise UserError(f"{path} has a column '{column}' already; give the file without '{model}='.")
        tables.append((table, table.frame.assign(**{column: model})))
    origins = tuple(origin for table, _ in tables for origin in table.origins)
    remarks = dict.fromkeys(remark for table, _ in tables for remark in table.remarks)
    frame = pd.concat([frame for _, frame in tables], ignore_index=True)
    return GivenTable(frame, tables[0][0].name, origins, tuple(remarks))


def _read_csv(path: Path) -> tuple[pd.DataFrame, str]:
    """The file, split at the separator that gives its line of names the most columns."""
    widths = {}
    for separator in SEPARATORS:
        head = pd.read_csv(path, sep=separator, nrows=0, encoding="utf-8-sig", index_col=False)
        widths[separator] = len(head.columns)
    separator = max(widths, key=lambda s: widths[s])
    if widths[separator] < 2:
        raise ValueError("its first line has no comma, semicolon or tab; it must name at least two columns")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # more cells than names: pandas would drop some
        try:
            frame = pd.read_csv(
                path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False
            )
        except pd.errors.ParserWarning:
            raise ValueError(
                "its rows have more cells than its first line has names; "
                f"is a {SEPARATORS[separator]} used for decimals too?"
            ) from None
    return frame, f"Columns are separated by a {SEPARATORS[separator]}."


def _read_json(path: Path) -> pd.DataFrame:
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(content, list) or not all(isinstance(record, dict) for record in content):
        raise ValueError('it must hold a list of records, [{"case": ..., "model": ..., "dice": ...}, ...]')
    for number, record in enumerate(content, 1):
        for key, value in record.items():
            if isinstance(value, dict | list):
                raise ValueError(f"record {number} holds a table or list under '{key}', where one value belongs")
    return pd.DataFrame.from_records(content)
