"""What is known of the cases beside their images: a CSV file with a row for each case."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from nnunet_losses.base.errors import UserError

PATIENT = "patient"
CASES_CSV = "cases.csv"
"""In a prepared data set: what is known of each case, with its patient."""


def repeated_patients(raw: Path, cases: Sequence[str]) -> dict[str, str] | None:
    """The patient of each case, if the data set has a table of them and a patient has several cases.

    Args:
        raw: a prepared data set.
        cases: names of its cases.

    Raises:
        UserError: as `read_case_column`.
    """
    if not (raw / CASES_CSV).is_file() or PATIENT not in pd.read_csv(raw / CASES_CSV, nrows=0):
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


def _read(path: Path, column: str) -> dict[str, str]:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"There is no case table {path}; correct 'case_table' in the data-set file.") from None
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise UserError(f"The case table {path} cannot be read as CSV: {error}.") from None
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
