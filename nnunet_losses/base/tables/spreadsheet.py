"""Tables for people, who open them in a spreadsheet: no cell of text is taken for a formula."""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from nnunet_losses.base.files import write_atomically

# A cell that begins so is a formula to some spreadsheet, or may become one once white space or quotes are taken off.
# The same after a semicolon, a bar or a line break: where decimals have a comma, spreadsheets part cells there.
_FORMULA = re.compile(r"""(?:^(?=[\t\r\n])|(?:^|(?<=[;|\t\r\n]))(?=[\s'"]*[=+\-@\uff1d\uff0b\uff0d\uff20]))""")


def as_text(value: str) -> str:
    """A cell of text that no spreadsheet takes for a formula, by an apostrophe before what would begin one."""
    return _FORMULA.sub("'", value)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV for a spreadsheet; numbers stay numbers, and names that look like formulas become text.

    Programs read the Parquet file beside it, which holds all names as they are.

    Raises:
        DiskFullError: there is no space for it; ``path`` is as it was.
    """
    shown = frame.rename(columns=_shown)
    shown = shown.apply(lambda column: column if pd.api.types.is_numeric_dtype(column) else column.map(_shown))
    with write_atomically(path) as temporary:
        shown.to_csv(temporary, index=False, encoding="utf-8")


def _shown(value: Any) -> Any:
    # A lone carriage return, which CSV writers do not quote, would begin another row.
    return as_text(re.sub("\r\n?", "\n", value)) if isinstance(value, str) else value
