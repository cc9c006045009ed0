"""Cases from a table of paths."""

from pathlib import Path

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.case_table import read_text_table
from nnunet_losses.data.own.cases import OwnCase, OwnCases, checked_cases
from nnunet_losses.data.own.options import Table

IMAGE, LABEL, CASE = "image", "label", "case"


def read_table(path: Path) -> pd.DataFrame:
    """A CSV file as text, without a byte-order mark.

    Raises:
        UserError: it is missing or no CSV, or has no rows.
    """
    table = read_text_table(path, "table", "correct its path")
    if table.empty:
        raise UserError(f"The table {path} has no rows.")
    return table


def image_columns(columns: list[str]) -> dict[str, str]:
    """The columns of images by channel: ``image_<channel>``, or ``image``.

    >>> image_columns(["case", "image_FLAIR", "image_T1", "label"])
    {'FLAIR': 'image_FLAIR', 'T1': 'image_T1'}
    """
    named = {column.removeprefix(f"{IMAGE}_"): column for column in columns if column.startswith(f"{IMAGE}_")}
    return named or ({IMAGE: IMAGE} if IMAGE in columns else {})


def label_columns(columns: list[str]) -> list[str]:
    """The columns of label maps: ``label`` and ``label_<name>``."""
    return [column for column in columns if column == LABEL or column.startswith(f"{LABEL}_")]


def table_cases(source: Table) -> OwnCases:
    """The cases of a table.

    Raises:
        UserError: the table, a column or a file is missing, a case is named twice or has no path.
    """
    path = Path(source.file).expanduser()
    table = read_table(path)
    columns = list(map(str, table.columns))
    images = dict(source.images) or image_columns(columns)
    labels = list(source.label) or label_columns(columns)
    for wanted, what in ((list(images.values()), "image"), (labels, "label"), ([CASE], "case")):
        if missing := [column for column in wanted if column not in columns]:
            raise UserError(f"The table {path} has no column '{missing[0]}'; it has {', '.join(columns)}.")
        if not wanted:
            raise UserError(
                f"The table {path} has no column '{what}' or '{what}_...'; name its columns in the data-set file."
            )
    if not (twice := table[CASE][table[CASE].duplicated()]).empty:
        raise UserError(f"The table {path} has the case {twice.iloc[0]} twice; remove one row, or rename it.")
    cases = {}
    for row in table.to_dict("records"):
        for column in (*images.values(), *labels[:1]):
            if not row[column]:
                raise UserError(f"The table {path} has no '{column}' for the case {row[CASE]!a}; add it.")
        cases[row[CASE]] = OwnCase(
            {channel: path.parent / Path(row[column]).expanduser() for channel, column in images.items()},
            [path.parent / Path(row[column]).expanduser() for column in labels if row[column]],
            {column: row[column] for column in columns if column not in (CASE, *images.values(), *labels)},
        )
    checked_cases(path, cases, merged=source.merge is not None)
    return OwnCases(path, cases, path)
