"""Differences from the baseline in subgroups."""

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.tables.schema import TableError
from nnunet_losses.statistics.estimators.hodges_lehmann import hodges_lehmann
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.panels.results import Results
from nnunet_losses.statistics.ranking.subgroups import subgroup_tables


@pytest.fixture
def given() -> tuple[list[Panel], pd.DataFrame]:
    """Forty cases; trainer A gains at site y only, trainer B nowhere."""
    rng = np.random.default_rng(0)
    rows, covariates = [], []
    for i in range(40):
        site, hard = "xy"[i % 2], rng.beta(5, 2)
        facts = {"site": site, "age": str(20 + i), "visit": "1"} | ({} if i else {"visit": "2"})
        covariates += [{"dataset": "D", "case": f"c{i:02d}", "covariate": k, "value": v} for k, v in facts.items()]
        for trainer, gain in (("A", 0.06 if site == "y" else 0.0), ("B", 0.0), ("base", 0.0)):
            rows.append(
                {"dataset": "D", "configuration": "c", "trainer": trainer, "fold": 0, "seed": 0, "case": f"c{i:02d}",
                 "label": "l", "metric": "dice", "value": np.clip(hard + gain + rng.normal(0, 0.02), 0, 1), "unit": "1",
                 "status": "ok"}
            )  # fmt: skip
    return Results.of(pd.DataFrame(rows), baseline="base").panels(), pd.DataFrame(covariates)


def test_groups_have_their_own_differences_and_the_one_that_matters_is_found(
    given: tuple[list[Panel], pd.DataFrame],
) -> None:
    (panel,), covariates = given
    found = subgroup_tables([panel], covariates, resamples=999)
    groups, tests = found["subgroups"], found["interactions"]
    row = groups[(groups["covariate"] == "site") & (groups["trainer"] == "A") & (groups["level"] == "y")].iloc[0]
    d = (panel.values[:, 0] - panel.values[:, 2])[1::2]
    assert (row["difference"], row["low"], row["high"]) == pytest.approx(hodges_lehmann(d))
    by_test = tests.set_index(["covariate", "trainer"])
    assert by_test.loc[("site", "A"), "p_holm"] < 0.05
    assert (by_test.drop(("site", "A"))["p_holm"].fillna(1) > 0.05).all()
    assert by_test.loc[("age", "A"), "rule"] == "cut at the median, 39.5"
    # one case of visit 2: told, and not tested
    assert np.isnan(by_test.loc[("visit", "A"), "p"])
    assert "fewer than two groups" in by_test.loc[("visit", "A"), "reason"]
    # Holm over covariates and trainers: four tests could be made
    assert by_test.loc[("site", "A"), "p_holm"] == pytest.approx(4 * by_test.loc[("site", "A"), "p"])


def test_limits_can_be_given(given: tuple[list[Panel], pd.DataFrame]) -> None:
    panels, covariates = given
    groups = subgroup_tables(panels, covariates, cuts={"age": [30, 50]}, resamples=99)["subgroups"]
    levels = groups[(groups["covariate"] == "age") & (groups["trainer"] == "B")]
    assert levels["level"].tolist() == ["< 30", "30 to < 50", "≥ 50"] and levels["n"].tolist() == [10, 20, 10]


@pytest.mark.parametrize(
    ("change", "cuts", "said"),
    [
        ({"covariate": "id"}, {}, "'id' has 40 different values in 40 cases of D: it names them"),
        ({}, {"sex": [1]}, "There is no covariate 'sex' to cut"),
        ({}, {"site": [1]}, "'site' holds words; only numbers can be cut"),
    ],
)
def test_what_makes_no_groups_is_one_sentence(
    given: tuple[list[Panel], pd.DataFrame], change: dict[str, str], cuts: dict[str, list[float]], said: str
) -> None:
    panels, covariates = given
    if change:
        covariates = covariates[covariates["covariate"] == "age"].assign(**change)
        covariates["value"] = "p" + covariates["value"]
    with pytest.raises(TableError, match=said):
        subgroup_tables(panels, covariates, cuts=cuts)
