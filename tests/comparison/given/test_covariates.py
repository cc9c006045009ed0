"""A table of what is known of the cases, joined to the results."""

from pathlib import Path

import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.comparison.given.covariates import covariates_of, without_identifiers
from nnunet_losses.comparison.given.file import read_given

CASES = pd.DataFrame({"dataset": ["D", "D", "D"], "case": ["c1", "c2", "c3"]})


def read(tmp_path: Path, text: str, **options: object) -> tuple[pd.DataFrame, list[str]]:
    (tmp_path / "cases.csv").write_text(text)
    return covariates_of(read_given(tmp_path / "cases.csv"), CASES, **options)  # type: ignore[arg-type]


def test_every_column_but_the_case_is_a_covariate(tmp_path: Path) -> None:
    table, said = read(tmp_path, "image,site,age\nc1.nii.gz,x,40\nc2.nii.gz,,50\nc9.nii.gz,y,60\n")
    assert set(table.itertuples(index=False, name=None)) == {
        ("D", "c1", "site", "x"), ("D", "c1", "age", "40"), ("D", "c2", "age", "50"),
    }  # fmt: skip
    assert any("1 of 3 cases have no covariates (the first: c3)" in text for text in said)


def test_those_that_are_named_are_taken(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "case,site,date\nc1,x,1\n", named=["site"])
    assert set(table["covariate"]) == {"site"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("site,age\nx,1\n", "No column of the covariates names the case"),
        ("case,site\nk,x\n", "No case of the covariates is one of the results: 'k' here, 'c1' there"),
        ("case,site\nc1,x\nc1,y\n", "Case c1 has the site 'x' in row 1 and 'y' in row 2"),
        ("case,dataset\nc1,D\n", "There are no covariates beside the case"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read(tmp_path, text)


def test_identifiers_that_nobody_named_are_left_out_with_a_sentence() -> None:
    rows = [("D", f"c{i}", "patient", f"p{i // 2}") for i in range(40)] + [("D", "c1", "site", "x")]
    table = pd.DataFrame(rows, columns=["dataset", "case", "covariate", "value"])
    left, said = without_identifiers(table, set())
    assert set(left["covariate"]) == {"site"}
    assert said == [
        "'patient' has 20 values in 40 cases and makes no subgroups: --cluster patient takes its values, not cases, as "
        "independent."
    ]
    assert len(without_identifiers(table, {"patient"})[0]) == 41
