"""What is known of the cases beside their images: a CSV file with a row for each case."""

import codecs
import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from nnunet_losses.base.errors import UserError

PATIENT = "patient"
CASES_CSV = "cases.csv"
"""In a prepared data set: what is known of each case, with its patient."""
_SEPARATORS = ",;\t"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def repeated_patients(raw: Path, cases: Sequence[str]) -> dict[str, str] | None:
    """The patient of each case, if the data set has a table of them and a patient has several cases.

    Args:
        raw: a prepared data set.
        cases: names of its cases.

    Raises:
        UserError: as `read_case_column`.
    """
    if not (raw / CASES_CSV).is_file() or PATIENT not in _table(raw / CASES_CSV):
        return None
    patients = read_case_column(raw / CASES_CSV, PATIENT, cases)
    return patients if len(set(patients.values())) < len(cases) else None


def read_all_cases(path: Path, column: str) -> dict[str, str]:
    """The values of one column of a case table, by case, for all cases in it.

    Raises:
        UserError: the file is missing or no CSV, lacks a column, names a case twice, or has no value for a case.
    """
    values = _read(path, column)
    return _complete(values, path, column, values)


def read_case_column(path: Path, column: str, cases: Iterable[str]) -> dict[str, str]:
    """The values of one column of a case table, by case.

    Args:
        path: the CSV file; its column ``case`` has the names of the cases.
        column: the wanted column.
        cases: the cases whose values are wanted; further rows are left alone.

    Raises:
        UserError: as for `read_all_cases`.
    """
    return _complete(_read(path, column), path, column, cases)


def read_text_table(path: Path, what: str, advice: str) -> pd.DataFrame:
    """A CSV file, every cell as text without the spaces around it; rows and columns without content are left out.

    The header shows what separates the cells: commas, semicolons (Excel in most of Europe) or tabs. The text is UTF-8,
    or UTF-16 with a byte-order mark (Excel's "Unicode text").

    Args:
        path: the file.
        what: how messages call it.
        advice: what to do if it is missing.

    Raises:
        UserError: it is missing or no CSV, has a column twice, or a row has more cells than the header.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
        head = next((line for line in text.splitlines() if line.strip()), "")
        separator = max(_SEPARATORS, key=head.count)
        rows = [
            [cell.strip() for cell in row]
            for row in csv.reader(io.StringIO(text, newline=None), delimiter=separator, skipinitialspace=True)
        ]
    except FileNotFoundError:
        raise UserError(f"There is no {what} {path}; {advice}.") from None
    except UnicodeDecodeError:
        raise UserError(f"The {what} {path} is no text in UTF-8; save it as 'CSV UTF-8'.") from None
    except (OSError, csv.Error) as error:
        raise UserError(f"The {what} {path} cannot be read as CSV: {error}.") from None
    rows = [row for row in rows if any(row)]
    if not rows:
        raise UserError(f"The {what} {path} is empty.")
    columns = [column for column in rows[0] if column]
    if twice := [column for column in columns if columns.count(column) > 1]:
        raise UserError(f"The {what} {path} has the column '{twice[0]}' twice; rename one.")
    for row in rows[1:]:
        if any(row[len(rows[0]) :]):
            raise UserError(
                f"The {what} {path} has {len(row)} cells in the row of '{row[0]}', but {len(rows[0])} columns; put "
                "quotation marks around a cell that holds the separator."
            )
    return pd.DataFrame([dict(zip(rows[0], row, strict=False)) for row in rows[1:]], columns=columns, dtype=str).fillna(
        ""
    )


def write_cases(path: Path, facts: Mapping[str, Mapping[str, str]]) -> None:
    """Write a case table: ``case`` and what else is known of any case."""
    columns = list(dict.fromkeys(column for known in facts.values() for column in known if column != "case"))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["case", *columns], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({**known, "case": name} for name, known in facts.items())


def _table(path: Path) -> pd.DataFrame:
    return read_text_table(path, "case table", "correct 'case_table' in the data-set file")


def _read(path: Path, column: str) -> dict[str, str]:
    table = _table(path)
    for name in ("case", column):
        if name not in table:
            there = ", ".join(map(str, table.columns))
            raise UserError(f"The case table {path} has no column '{name}'; it has {there}.")
    if not (twice := table["case"][table["case"].duplicated()]).empty:
        raise UserError(f"The case table {path} has the case {twice.iloc[0]} twice; remove one row.")
    return dict(zip(table["case"], table[column], strict=True))


def _complete(values: Mapping[str, str], path: Path, column: str, cases: Iterable[str]) -> dict[str, str]:
    for case in cases:
        if not values.get(case):
            raise UserError(f"The case table {path} has no value of '{column}' for the case {case}; add it.")
    return {case: values[case] for case in cases}
