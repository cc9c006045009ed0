"""The cells of a given table as text and as numbers."""

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.comparison.given.file import GivenTable

MISSING = {"", "na", "n/a", "nan", "none", "null", "-", "–", "missing", "undefined", "#n/a", "<na>"}
"""What stands in a cell that has no value."""
_DECIMAL_COMMA = r"[+-]?\d*,\d+"
_ENDING = re.compile(r"\.(nii\.gz|nii|mha|nrrd|png|tiff?|npz|npy)$", re.IGNORECASE)


@dataclass
class Cells:
    """A given table, read column by column.

    given: the table.
    decisions: how it was understood so far, a sentence each.
    percent: columns whose numbers have a per cent sign.
    """

    given: GivenTable
    decisions: list[str]
    percent: set[str] = field(default_factory=set)

    def where(self, row: int, column: str) -> str:
        """Row and column at the beginning of a sentence."""
        return f"{first_upper(self.given.place(row))}, column '{column}'"

    def texts(self, column: str) -> np.ndarray:
        """A column as text; missing cells are empty."""
        values = self.given.frame[column]
        if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
            values = values.astype("Int64")
        texts = values.map(lambda value: "" if pd.isna(value) else str(value).strip())
        return texts.to_numpy(dtype=object)

    def filled(self, column: str, why: str) -> np.ndarray:
        """A column as text, none of it empty; `why` ends the sentence about a cell that is."""
        texts = self.texts(column)
        if (empty := texts == "").any():
            raise UserError(f"{self.where(int(empty.argmax()), column)} is empty; {why}.")
        return texts

    def cases(self, column: str) -> np.ndarray:
        """The names of the cases; of files, without folder and ending."""
        cases = self.filled(column, "every row needs its case")
        bare = {case: _ENDING.sub("", re.split(r"[/\\]", case)[-1]) for case in dict.fromkeys(cases)}
        if any(case != name for case, name in bare.items()) and len(set(bare.values())) == len(bare):
            self.decisions.append("Cases are called as their files, without folder and ending.")
            return np.array([bare[case] for case in cases], dtype=object)
        return cases

    def is_numeric(self, column: str) -> bool:
        """Whether most of the cells that are filled are numbers."""
        values = self.given.frame[column]
        if pd.api.types.is_bool_dtype(values):
            return False
        if pd.api.types.is_numeric_dtype(values):
            return True
        texts = pd.Series(self.texts(column))
        full = texts[~texts.str.casefold().isin(MISSING)]
        if full.empty:
            return False
        numbers = pd.to_numeric(full.str.rstrip("% "), errors="coerce").notna()
        return bool((numbers | full.str.fullmatch(_DECIMAL_COMMA + r"\s*%?")).mean() > 0.5)

    def numbers(self, column: str) -> np.ndarray:
        """A column as numbers; missing cells are NaN.

        Raises:
            UserError: a cell is neither a number nor missing, or numbers are written in two ways.
        """
        values = self.given.frame[column]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            return values.to_numpy(dtype=float, na_value=np.nan)
        texts = pd.Series(self.texts(column))
        signs = texts.str.endswith("%")
        if signs.any():
            texts = texts.str.rstrip("% ")
            self.percent.add(column)
        missing = texts.str.casefold().isin(MISSING)
        numbers = pd.to_numeric(texts.mask(missing), errors="coerce")
        comma = numbers.isna() & ~missing & texts.str.fullmatch(_DECIMAL_COMMA)
        self._check(texts, ~missing & ~comma & numbers.isna(), column, "which is not a number; put it right, or leave "
                    "the cell empty if there is no value")  # fmt: skip
        if comma.any():
            point = texts.str.contains(".", regex=False) & ~missing & ~comma
            if point.any():
                other = int(point.to_numpy().argmax())
                self._check(texts, comma, column, f"and {self.given.place(other)} '{texts[other]}': write all decimals "
                            "with a point, or all with a comma")  # fmt: skip
            numbers = numbers.mask(comma, pd.to_numeric(texts.where(comma).str.replace(",", "."), errors="coerce"))
            said = f"A comma in a number of the column '{column}' is the decimal sign."
            self.decisions += [said] if said not in self.decisions else []
        if signs.any():
            self._check(texts, ~signs & numbers.notna(), column, "without the per cent sign that other rows have; "
                        "write all values in one way")  # fmt: skip
        return numbers.to_numpy(dtype=float)

    def _check(self, texts: "pd.Series[str]", wrong: "pd.Series[bool]", column: str, why: str) -> None:
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise UserError(f"{self.where(row, column)} holds '{texts[row]}', {why}.".replace("', and", "' and"))


def first_upper(text: str) -> str:
    """The text as it stands at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def first_lower(text: str) -> str:
    """The text as it stands within a sentence."""
    return text[:1].lower() + text[1:]
