"""How far raters agree with each other: what a loss can be expected to reach at most."""

import pandas as pd

from nnunet_losses.base.names import RATERS_DICE
from nnunet_losses.report.comparison import View
from nnunet_losses.report.numbers import count


def agreement_of_raters(view: View) -> str:
    """What the data set's raters say of each other, in two sentences; empty where there are not several."""
    covariates = view.comparison.tables.get("covariates")
    if covariates is None:
        return ""
    here = (covariates["dataset"].astype(str) == view.dataset) & (covariates["covariate"] == RATERS_DICE)
    here &= covariates["case"].isin(view.cases["case"])
    values = pd.to_numeric(covariates[here]["value"], errors="coerce").dropna()
    if values.empty:
        return ""
    low, high = values.quantile([0.25, 0.75])
    return (
        f"Two raters of a case agree with a Dice of {values.mean():.2f} on average, of all labels together "
        f"({low:.2f} to {high:.2f} in the middle half of {count(len(values), 'case')}). No loss can be expected to "
        "agree with the reference much better than raters do with each other."
    )
