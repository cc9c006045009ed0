"""Cases that belong together, such as the scans of one patient: the independent units of a comparison."""

import pandas as pd

from nnunet_losses.base.tables.schema import TableError


def clusters_of(cases: pd.DataFrame, covariates: pd.DataFrame, cluster: str) -> "pd.Series[str]":
    """The cluster of each case, by data set and case.

    cases: the table of cases. covariates: the table of covariates. cluster: the covariate that names the cluster.

    Raises:
        TableError: there is no such covariate, a case has no value of it, or all cases have the same.
    """
    own = covariates[covariates["covariate"] == cluster]
    if own.empty:
        there = ", ".join(dict.fromkeys(covariates["covariate"])) or "none"
        raise TableError(f"There is no covariate {cluster!r} to resample by; there are: {there}.")
    found = own.set_index(["dataset", "case"])["value"].astype(str)
    wanted = pd.MultiIndex.from_frame(cases[["dataset", "case"]].drop_duplicates())
    lacking = wanted[~wanted.isin(found.index)]
    if len(lacking):
        dataset, case = lacking[0]
        raise TableError(
            f"Case {case} of {dataset} has no {cluster} ({len(lacking)} cases have none); to resample by {cluster}, "
            "every case needs one."
        )
    found = found.loc[wanted]
    for name, values in found.groupby(level="dataset"):
        if len(set(values)) < 2:
            raise TableError(f"All cases of {name!s} have the same {cluster}: there is nothing to resample.")
    return found


def in_several_folds(folds: "pd.Series[int]", clusters: "pd.Series[str]") -> int:
    """How many clusters have cases in several folds: networks then learned from other cases of what they predict.

    folds: by case, a case once for each training that predicts it. clusters: of the cases, by case.
    """
    by_cluster = folds.groupby(clusters.reindex(folds.index).to_numpy())
    return int((by_cluster.min() != by_cluster.max()).sum())
