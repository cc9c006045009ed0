"""What is known of the cases beside their results: patient, site, scanner, age and the like."""

from collections.abc import Callable, Collection, Mapping, Sequence

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.tables.results import COVARIATES
from nnunet_losses.comparison.given.cells import Cells
from nnunet_losses.comparison.given.columns import find_roles, is_index
from nnunet_losses.comparison.given.file import GivenTable
from nnunet_losses.comparison.given.metrics import quoted
from nnunet_losses.statistics.panels.covariates import is_identifier


def long_covariates(keys: pd.DataFrame, texts: pd.DataFrame, place: Callable[[int], str]) -> pd.DataFrame:
    """The table of covariates.

    Args:
        keys: `dataset`, `case` and `row` of each row.
        texts: a column for each covariate; an empty cell is no value.
        place: where a row stands, in words.

    Raises:
        UserError: two rows of one case differ.
    """
    parts = []
    for name, column in texts.items():
        own = keys.assign(covariate=str(name), value=column)[column != ""]
        different = own.groupby(["dataset", "case"], sort=False)["value"].transform("first") != own["value"]
        if different.any():
            other = own[different].iloc[0]
            first = own[(own["case"] == other["case"]) & (own["dataset"] == other["dataset"])].iloc[0]
            raise UserError(
                f"Case {other['case']} has the {name} '{first['value']}' in {place(int(first['row']))} and "
                f"'{other['value']}' in {place(int(other['row']))}; a covariate belongs to the case: put one right."
            )
        parts.append(own.drop_duplicates(["dataset", "case"])[list(COVARIATES.columns)])
    return COVARIATES.concat(parts)


def covariates_of(
    given: GivenTable, cases: pd.DataFrame, *, columns: Mapping[str, str] | None = None, named: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[str]]:
    """The table of covariates from a table with a row for each case, and what a reader has to know of it.

    Args:
        given: the table.
        cases: the table of cases that they belong to.
        columns: the columns of case and dataset, where they have no usual names.
        named: the columns that are covariates; all but those two if absent.

    Raises:
        UserError: no column names the case, a case has two rows that differ, no case is one of the results', or there
            is no covariate.
    """
    cells = Cells(given, list(given.remarks))
    names = [str(column) for column in given.frame.columns]
    for column in named:
        if column not in names:
            raise UserError(f"There is no covariate '{column}'; there are {', '.join(names)}.")
    own = {role: column for role, column in (columns or {}).items() if role in ("case", "dataset") and column in names}
    roles = find_roles(names, own, named)
    if "case" not in roles:
        raise UserError(f"No column of the covariates names the case; there are {', '.join(names)}.")
    here = {roles["case"], roles.get("dataset")}
    chosen = list(named) or [column for column in names if column not in here and not is_index(column)]
    if not chosen:
        raise UserError(f"There are no covariates beside the case; there are {', '.join(names)}.")
    rows = pd.DataFrame({"case": cells.cases(roles["case"]), "row": range(len(given.frame))})
    known = cases[["dataset", "case"]].drop_duplicates()
    if "dataset" in roles:
        rows["dataset"] = cells.texts(roles["dataset"])
    rows = rows.merge(known, on=["dataset", "case"] if "dataset" in roles else ["case"])
    if rows.empty:
        raise UserError(
            f"No case of the covariates is one of the results: '{cells.texts(roles['case'])[0]}' here, "
            f"'{known['case'].iloc[0]}' there."
        )
    decisions = [*cells.decisions, f"Covariates of the cases: {quoted(chosen, 40)}."]
    lacking = known.merge(rows[["dataset", "case"]].drop_duplicates(), how="left", indicator=True)
    lacking = lacking[lacking["_merge"] == "left_only"]
    if len(lacking):
        decisions.append(
            f"{len(lacking)} of {len(known)} cases have no covariates (the first: {lacking['case'].iloc[0]}); they are "
            "left out of the subgroups."
        )
    texts = pd.DataFrame({column: cells.texts(column)[rows["row"]] for column in chosen})
    return long_covariates(rows, texts, given.place), decisions


def without_identifiers(covariates: pd.DataFrame, spared: Collection[str]) -> tuple[pd.DataFrame, list[str]]:
    """The covariates that nobody named, without those that name cases one by one; and a sentence on each of these.

    spared: covariates that were named, or that are resampled by.
    """
    left_out, said = [], []
    for name, rows in covariates.groupby("covariate", sort=False):
        values, cases = len(set(rows["value"])), len(rows)
        if name not in spared and is_identifier(rows["value"]):
            left_out.append(name)
            advice = f": --cluster {name} takes its values, not cases, as independent" if values < cases else ""
            said.append(f"'{name}' has {values} values in {cases} cases and makes no subgroups{advice}.")
    return covariates[~covariates["covariate"].isin(left_out)].reset_index(drop=True), said
