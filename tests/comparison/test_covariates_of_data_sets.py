"""The tables of cases that come with data sets."""

from pathlib import Path

import pandas as pd

from nnunet_losses.comparison.covariates import with_case_tables

NAME = "Dataset001_A"


def test_tables_of_data_sets_become_covariates_and_one_that_only_names_cases_is_passed_over(tmp_path: Path) -> None:
    cases = pd.DataFrame({"dataset": NAME, "case": ["a", "b", "c"]})
    (tmp_path / "names.csv").write_text("case\na\nb\nc\n")
    (tmp_path / "facts.csv").write_text("case,site,mean_dice_of_raters\na,X,0.5\nb,X,\nc,Y,0.7\n")
    tables, said = with_case_tables({"cases": cases}, [(NAME, tmp_path / "names.csv")], None)
    assert "covariates" not in tables
    assert said == [f"{tmp_path / 'names.csv'} names the cases of {NAME} and says nothing else of them."]
    files = [(NAME, tmp_path / "names.csv"), (NAME, tmp_path / "facts.csv")]
    tables, _ = with_case_tables({"cases": cases}, files, None)
    found = tables["covariates"].set_index(["covariate", "case"])["value"].astype(str).to_dict()
    assert found == {
        ("site", "a"): "X",
        ("site", "b"): "X",
        ("site", "c"): "Y",
        ("mean_dice_of_raters", "a"): "0.5",
        ("mean_dice_of_raters", "c"): "0.7",
    }
