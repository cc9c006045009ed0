"""A table's schema, written once and used three times: to build the table, to check it at a door, to describe it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaError, SchemaErrors
from pandera.pandas import Column

from nnunet_losses.base.errors import UserError


class TableError(UserError, ValueError):
    """A table does not hold what it should; the text names table, column and row, and what to do."""


def text(description: str = "", *, words: Iterable[str] | None = None, **facts: Any) -> Column:
    """A column of text; `words`, an enumeration of all that are allowed."""
    checks = []
    if words is not None:
        allowed = [str(word) for word in words]
        checks.append(pa.Check.isin(allowed, error=f"allowed are {', '.join(map(repr, allowed))}"))
        description = f"{description} ({', '.join(f'`{word}`' for word in allowed if word)})".strip()
    return _column("str", checks, description, facts)


def integer(description: str = "", **facts: Any) -> Column:
    """A column of whole numbers, none of them missing."""
    return _column("int64", [], description, facts)


def real(description: str = "", *, low: float | None = None, high: float | None = None, **facts: Any) -> Column:
    """A column of numbers, missing ones NaN; `low` and `high` are the ends of what is possible."""
    checks = []
    if low is not None:
        checks.append(pa.Check.ge(low, error=f"must be at least {low:g}"))
    if high is not None:
        checks.append(pa.Check.le(high, error=f"must be at most {high:g}"))
    return _column("float64", checks, description, {"nullable": True, **facts})


def truth(description: str = "", **facts: Any) -> Column:
    """A column of true and false."""
    return _column("bool", [], description, facts)


def _column(kind: str, checks: list[pa.Check], description: str, facts: Mapping[str, Any]) -> Column:
    return Column(kind, checks, description=description, coerce=True, metadata={"type": kind}, **facts)


class Table:
    """One table: its name, what a row is, and its columns.

    name: as in file names and in messages.
    row: what one row is, for the documentation.
    columns: in order, made with `text`, `integer`, `real` and `truth`.
    key: columns whose values together occur once.
    modernise: turns a table of an earlier version into one of this version, and leaves one of this version as it is.
    """

    def __init__(
        self,
        name: str,
        row: str,
        columns: Mapping[str, Column],
        key: Sequence[str] = (),
        modernise: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table,
    ) -> None:
        self.name, self.row, self.columns, self.key = name, row, dict(columns), tuple(key)
        self.modernise = modernise

    def __repr__(self) -> str:
        return f"Table({self.name!r})"

    @cached_property
    def types(self) -> dict[str, str]:
        """The type of each column."""
        return {name: (column.metadata or {})["type"] for name, column in self.columns.items()}

    def build(self, content: pd.DataFrame | Sequence[Mapping[str, Any]] | Mapping[str, Any] = ()) -> pd.DataFrame:
        """The content with this table's columns in their order, also when there is no row.

        Raises:
            ValueError: a column is missing or unknown.
        """
        frame = content if isinstance(content, pd.DataFrame) else pd.DataFrame(content)
        if not len(frame):
            return pd.DataFrame(columns=list(self.columns))
        if wrong := sorted(set(self.columns) ^ set(map(str, frame))):
            raise ValueError(f"The table {self.name} has the columns {list(self.columns)}; {wrong} differ.")
        return frame[list(self.columns)]

    def concat(self, parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
        """The parts under each other."""
        full = [part for part in parts if len(part)]
        return self.build(pd.concat(full, ignore_index=True)) if full else self.build()

    def check(self, frame: pd.DataFrame, where: str | None = None) -> pd.DataFrame:
        """The table with its types, if it is one of this kind or of an earlier version; further columns are kept.

        where: what messages call the table; its name if absent.

        Raises:
            TableError: a column is missing, a value has the wrong type or is not allowed, a row occurs twice.
        """
        where, frame = where or f"The table of {self.name}", self.modernise(frame)
        lacking = [name for name, column in self.columns.items() if column.required and name not in frame]
        if lacking:
            raise TableError(f"{where} lacks the columns {lacking}; it needs {list(self.columns)}.")
        if not len(frame):
            return frame
        for name in self.columns:
            if name in frame and (fault := _unfit(frame[name], self.types[name])) is not None:
                raise TableError(f"{where}: column {name!r}, row {fault[0] + 1} holds {_plain(fault[1])}, {fault[2]}.")
        try:
            checked: pd.DataFrame = self._schema.validate(frame, lazy=True)
        except (SchemaError, SchemaErrors) as error:
            raise TableError(f"{where}: {_first(error)}") from None
        if self.key:
            twice = checked.duplicated(list(self.key))
            if twice.any():
                first = checked.loc[twice, list(self.key)].iloc[0].to_dict()
                raise TableError(f"{where}: {int(twice.sum())} rows occur twice, the first is {first}.")
        return checked

    def describe(self) -> str:
        """The table in Markdown: what a row is, then a row for each column."""
        lines = [f"### {self.name}", "", f"One row is {self.row}.", "", "| column | type | meaning |", "|---|---|---|"]
        kinds = {"str": "text", "int64": "integer", "float64": "number", "bool": "true or false"}
        for name, column in self.columns.items():
            lines.append(f"| `{name}` | {kinds[self.types[name]]} | {column.description or ''} |")
        return "\n".join(lines)

    @cached_property
    def _schema(self) -> pa.DataFrameSchema:
        return pa.DataFrameSchema(self.columns)


def _unfit(values: "pd.Series[Any]", kind: str) -> tuple[int, Any, str] | None:
    """Row, value and words of the first value that a conversion would bend into the type; None if there is none."""
    if kind == "int64" and (values.isna().any() or not pd.api.types.is_integer_dtype(values)):
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
        bad, wanted = ~np.isfinite(numbers) | (numbers != np.floor(numbers)), "which is not a whole number"
    elif kind == "bool" and not pd.api.types.is_bool_dtype(values):
        bad, wanted = (~values.isin([True, False])).to_numpy(), "which is neither true nor false"
    else:
        return None
    row = int(bad.argmax())
    return (row, values.iloc[row], wanted) if bad.any() else None


def _first(error: SchemaError | SchemaErrors) -> str:
    """The first fault in words: the column, the row and what is wrong."""
    faults = error.failure_cases
    if not isinstance(faults, pd.DataFrame) or faults.empty:
        return f"{error}."
    fault = faults.iloc[0]
    row, check = fault["index"], str(fault["check"])
    place = f"column {fault['column']!r}" + ("" if pd.isna(row) else f", row {int(row) + 1}")
    if check == "not_nullable":
        return f"{place} is empty."
    if "dtype" in check:
        return f"{place} holds {_plain(fault['failure_case'])}, which is not a number."
    return f"{place} holds {_plain(fault['failure_case'])}; {check}."


def _plain(value: Any) -> str:
    """The value as one would write it."""
    return repr(value.item() if isinstance(value, np.generic) else value)
