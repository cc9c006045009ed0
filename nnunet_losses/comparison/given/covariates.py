"""What is known of the cases beside their results: patient, site, scanner, age and the like."""

from collections.abc import Callable, Sequence

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.tables.results import COVARIATES


def long_covariates(rows: pd.DataFrame, *, place: Callable[[int], str], columns: Sequence[str]) -> pd.DataFrame:
    """The table of covariates of rows that have `dataset`, `case`, `row` and a column of text for each covariate.

    An empty cell is no value.

    Raises:
        UserError: two rows of one case differ.
    """
    parts = []
    for column in columns:
        own = rows.loc[rows[column] != "", ["dataset", "case", "row", column]]
        different = own.groupby(["dataset", "case"], sort=False)[column].transform("first") != own[column]
        if different.any():
            other = own[different].iloc[0]
            first = own[(own["case"] == other["case"]) & (own["dataset"] == other["dataset"])].iloc[0]
            raise UserError(
                f"Case {other['case']} has the {column} '{first[column]}' in {place(int(first['row']))} and "
                f"'{other[column]}' in {place(int(other['row']))}; a covariate belongs to the case: put one right."
            )
        own = own.drop_duplicates(["dataset", "case"])
        parts.append(own.rename(columns={column: "value"}).assign(covariate=column)[list(COVARIATES.columns)])
    return COVARIATES.concat(parts)
