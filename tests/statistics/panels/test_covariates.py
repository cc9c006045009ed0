"""Covariates become groups; cases become units of what they belong to."""

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.tables.schema import TableError
from nnunet_losses.statistics import compare
from nnunet_losses.statistics.panels.covariates import grouped, is_identifier, of_units
from nnunet_losses.statistics.panels.results import Results


def texts(*values: object) -> pd.Series:
    return pd.Series([None if v is None else str(v) for v in values], dtype=object)


def test_words_are_groups_in_alphabetical_order() -> None:
    found = grouped(texts("b", "a", None, "b"))
    assert (found.levels, found.groups.tolist(), found.rule) == (["a", "b"], [1, 0, -1, 1], "")


def test_few_numbers_are_groups_in_their_order() -> None:
    assert grouped(texts(10, 9, 10)).levels == ["9", "10"]


def test_many_numbers_are_cut_at_the_median_or_at_limits() -> None:
    ages = texts(*range(20, 30))
    at_median = grouped(ages)
    assert (at_median.levels, at_median.rule) == (["< 24.5", "≥ 24.5"], "cut at the median, 24.5")
    assert at_median.groups.tolist() == [0] * 5 + [1] * 5
    at_limits = grouped(ages, [22, 27])
    assert (at_limits.levels, at_limits.rule) == (["< 22", "22 to < 27", "≥ 27"], "cut at 22, 27")
    assert np.bincount(at_limits.groups).tolist() == [2, 5, 3]


def test_a_median_that_most_values_have_still_makes_two_groups() -> None:
    found = grouped(texts(0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5))
    assert found.levels == ["< 1", "≥ 1"] and np.bincount(found.groups).tolist() == [7, 5]


def test_identifiers_are_told_from_groups() -> None:
    assert is_identifier(texts(*(f"p{i}" for i in range(13))))
    assert not is_identifier(texts(*"abcabc")) and not is_identifier(texts(*range(50)))


def test_a_unit_has_the_covariate_that_its_cases_share() -> None:
    units = pd.Series(list("ppqqr"), index=list("abcde"))
    values = pd.Series(list("xxxyz"), index=list("abcde"))
    found = of_units(values, units, ["p", "q", "r"])
    assert found["p"] == "x" and pd.isna(found["q"]) and found["r"] == "z"


def table(scans: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ten patients of so many equal scans each."""
    rng = np.random.default_rng(0)
    rows, covariates = [], []
    for patient in range(10):
        value = dict(zip("AB", 0.5 + rng.normal(0, 0.1, 2), strict=True))
        for scan in range(scans):
            case = f"p{patient}s{scan}"
            covariates.append({"dataset": "D", "case": case, "covariate": "patient", "value": f"p{patient}"})
            rows += [
                {"dataset": "D", "configuration": "c", "trainer": t, "fold": 0, "seed": 0, "case": case, "label": "l",
                 "metric": "dice", "value": v, "unit": "1", "status": "ok"}
                for t, v in value.items()
            ]  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(covariates)


@pytest.mark.slow
def test_repeated_scans_of_a_patient_add_no_certainty() -> None:
    wanted = {"baseline": "B", "resamples": 200}
    one = compare(table(1)[0], **wanted)
    cases, covariates = table(4)
    clustered = compare(cases, covariates=covariates, cluster="patient", **wanted)
    naive = compare(cases, **wanted)
    columns = ["mean", "mean_low", "mean_high", "rank_low", "rank_high"]
    pd.testing.assert_frame_equal(clustered["ranking"][columns], one["ranking"][columns])
    for name in ("n", "p", "low", "high", "p_signflip"):
        assert clustered["pairwise"][name].iloc[0] == pytest.approx(one["pairwise"][name].iloc[0])
    assert naive["pairwise"]["p"].iloc[0] < clustered["pairwise"]["p"].iloc[0]
    assert "interactions" not in clustered or clustered["interactions"].empty  # the cluster itself is no subgroup


def test_values_are_averaged_within_a_patient_over_common_cases() -> None:
    cases, covariates = table(2)
    cases.loc[(cases["case"] == "p0s0") & (cases["trainer"] == "A"), "value"] = np.nan
    cases.loc[cases["case"] == "p1s0", "value"] = 0.25
    (panel,) = Results.of(cases, baseline="B", covariates=covariates, cluster="patient").panels()
    by_unit = dict(zip(panel.cases, panel.values, strict=True))
    first = cases[(cases["case"] == "p0s1")].set_index("trainer")["value"]
    assert by_unit["p0"].tolist() == [first["A"], first["B"]]
    other = cases[(cases["case"] == "p1s1")].set_index("trainer")["value"]
    assert by_unit["p1"] == pytest.approx([(0.25 + other["A"]) / 2, (0.25 + other["B"]) / 2])
    assert panel.cluster == "patient"


def test_lesions_are_drawn_by_patient() -> None:
    cases, covariates = table(3)
    (roster,) = Results.of(cases, baseline="B", covariates=covariates, cluster="patient").rosters
    draws = roster.draws(50, 0)
    assert draws.shape == (50, 30) and roster.n_units == 10
    by_patient = pd.DataFrame(draws.T).groupby(roster.unit_of).nunique()
    assert (by_patient == 1).all(axis=None)


@pytest.mark.parametrize(
    ("cluster", "change", "said"),
    [
        ("site", lambda c: c, "There is no covariate 'site' to resample by; there are: patient"),
        ("patient", lambda c: c.iloc[1:], "Case p0s0 of D has no patient"),
        ("patient", lambda c: c.assign(value="x"), "All cases of D have the same patient"),
    ],
)
def test_what_cannot_be_resampled_is_one_sentence(cluster: str, change: object, said: str) -> None:
    cases, covariates = table(1)
    with pytest.raises(TableError, match=said):
        compare(cases, baseline="B", covariates=change(covariates), cluster=cluster)  # type: ignore[operator]
