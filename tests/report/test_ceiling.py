"""How far raters agree is said where a data set has several."""

import dataclasses

import pandas as pd

from nnunet_losses.base.names import RATERS_DICE
from nnunet_losses.report.ceiling import agreement_of_raters
from nnunet_losses.report.comparison import Comparison
from nnunet_losses.report.verdict import verdict


def told(comparison: Comparison, values: list[str], dataset: str | None = None) -> str:
    cases = comparison.cases[["dataset", "case"]].drop_duplicates().iloc[: len(values)]
    rows = cases.assign(covariate=RATERS_DICE, value=values)
    if dataset is not None:
        rows["dataset"] = dataset
    rows = pd.concat([comparison.tables["covariates"], rows])
    given = dataclasses.replace(comparison, tables={**comparison.tables, "covariates": rows})
    assert agreement_of_raters(given.views[0]) in verdict(given.views[0]).detail
    return agreement_of_raters(given.views[0])


def test_the_agreement_of_raters_is_what_a_loss_can_reach(comparison: Comparison) -> None:
    sentence = told(comparison, ["0.5", "0.6", "0.7", "0.8", ""])
    assert sentence.startswith("Two raters of a case agree with a Dice of 0.65 on average")
    assert "(0.57 to 0.72 in the middle half of 4 cases)" in sentence


def test_nothing_is_said_without_raters_or_of_another_data_set(comparison: Comparison) -> None:
    assert told(comparison, []) == ""
    assert told(comparison, ["0.5", "0.6"], dataset="Dataset777_Other") == ""
