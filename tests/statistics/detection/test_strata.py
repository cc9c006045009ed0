"""Lesions by size, clustered by case; negatives; the size model."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.detection.lesion_model import lesion_model_table
from nnunet_losses.statistics.detection.negatives import negatives_table
from nnunet_losses.statistics.detection.strata import strata_table
from nnunet_losses.statistics.panels.roster import Roster

MakeCases = Callable[..., pd.DataFrame]


def rosters(lesions: pd.DataFrame, cases: pd.DataFrame) -> list[Roster]:
    return Results.of(cases, baseline="B", lesions=lesions).rosters


@pytest.fixture
def found(make_cases: MakeCases) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twenty cases with lesions, whose luck is shared within a case; two without; trainer A finds more small ones."""
    rng = np.random.default_rng(2)
    rows = []
    for case in range(20):
        luck = rng.normal(0, 1.5)
        for component in range(1, 9):
            diameter = rng.lognormal(1.6, 0.6)
            for trainer, gain in (("A", 1.0), ("B", 0.0)):
                p = 1 / (1 + np.exp(-(luck + gain + np.log2(diameter / 5))))
                rows.append((trainer, f"c{case}", "reference", component, diameter, rng.random() < p))
    rows.append(("A", "c20", "prediction", 1, 4.0, False))
    rows.append(("A", "c20", "prediction", 2, 4.0, False))
    columns = ["trainer", "case", "side", "component", "diameter_mm", "matched"]
    lesions = pd.DataFrame(rows, columns=columns).assign(
        dataset="Dataset001_Toy", configuration="3d_fullres", fold=0, seed=0, label="lesion", score_max=np.nan
    )
    return lesions, make_cases({"A": np.ones(22), "B": np.ones(22)})


def test_recall_by_size_counts_every_lesion_once(found: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    lesions, cases = found
    table = strata_table(rosters(lesions, cases), resamples=500)
    for _, scheme in table.groupby(["trainer", "scheme"]):
        assert scheme["n"].sum() == 160
    quartiles = table[table["scheme"] == "quartile"]
    assert set(quartiles["n"]) == {40.0}
    row = table[(table["trainer"] == "A") & (table["stratum"] == "3–5 mm")].iloc[0]
    expected = lesions[
        (lesions["trainer"] == "A") & lesions["diameter_mm"].between(3, 5) & (lesions["side"] == "reference")
    ]
    assert row["recall"] == expected["matched"].mean()


def test_strata_are_named_in_the_unit_of_the_lesions(found: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    lesions, cases = found
    for unit, given in (("mm", lesions), ("px", lesions.assign(unit="px", dimensions=2))):
        table = strata_table(rosters(given, cases), resamples=10)
        names = table.loc[table["scheme"] == "fixed", "stratum"].drop_duplicates()
        assert names.tolist() == [f"< 3 {unit}", f"3–5 {unit}", f"5–10 {unit}", f"10–20 {unit}", f"≥ 20 {unit}"]


def test_intervals_are_wilsons_and_wider_when_lesions_of_a_case_share_their_luck(
    found: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    lesions, cases = found
    table = strata_table(rosters(lesions, cases), edges_mm=(0, np.inf), resamples=2000)
    row = table[(table["trainer"] == "A") & (table["scheme"] == "fixed")].iloc[0]
    wilson = stats.binomtest(int(row["hits"]), int(row["n"])).proportion_ci(method="wilson")
    assert (row["wilson_low"], row["wilson_high"]) == pytest.approx((wilson.low, wilson.high))
    assert row["high"] - row["low"] > 1.3 * (row["wilson_high"] - row["wilson_low"])
    assert row["difference_low"] < row["difference"] < row["difference_high"]


def test_negative_cases_are_counted(found: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    table = negatives_table(rosters(*found)).set_index("trainer")
    columns = ["n_cases", "n_negative", "with_false_positives", "false_positives_per_case"]
    assert table.loc["A", columns].tolist() == [22, 2, 1, 1.0]
    assert table.loc["B", columns].tolist() == [22, 2, 0, 0.0]


def test_the_size_model_is_a_gee_with_independent_working_correlation(
    found: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    lesions, cases = found
    table = lesion_model_table(rosters(lesions, cases)).set_index("term")
    own = lesions[lesions["side"] == "reference"].sort_values("case")
    size = np.log2(own["diameter_mm"]) - np.log2(own["diameter_mm"]).median()
    a = (own["trainer"] == "A").astype(float)
    design = np.column_stack([np.ones(len(own)), a, size, a * size])
    gee = sm.GEE(own["matched"].astype(float), design, groups=own["case"], family=sm.families.Binomial()).fit()
    assert np.log(table["odds_ratio"]).to_numpy() == pytest.approx(gee.params.to_numpy()[1:], abs=1e-6)
    width = np.log(table["high"] / table["low"]).to_numpy()
    correction = np.sqrt(20 / 19 * 319 / 316)  # the sandwich's small-sample factor, which GEE leaves out
    assert width == pytest.approx(2 * 1.959964 * gee.bse.to_numpy()[1:] * correction, rel=0.01)
    assert table.loc["trainer", "low"] > 1


def test_the_size_model_says_why_it_cannot_be_fitted(found: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    lesions, cases = found
    everything = lesion_model_table(rosters(lesions.assign(matched=lesions["side"] == "reference"), cases))
    assert everything["odds_ratio"].isna().all()
    assert everything["reason"].str.startswith("all or none").all()
    for perfect in "AB":
        alone = lesions["matched"] | (lesions["trainer"] == perfect)
        of_one = lesion_model_table(rosters(lesions.assign(matched=alone & (lesions["side"] == "reference")), cases))
        assert of_one["reason"].str.startswith("all or none").all()
    separated = lesion_model_table(rosters(lesions.assign(matched=lesions["diameter_mm"] > 5), cases))
    assert separated["reason"].str.startswith("size separates").all()


def test_the_size_model_has_no_maximum_if_one_trainer_alone_is_separated(
    found: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    lesions, cases = found
    of_a = lesions["trainer"] == "A"
    limit = lesions.loc[of_a & (lesions["side"] == "reference"), "diameter_mm"].median()
    matched = lesions["matched"].where(~of_a, lesions["diameter_mm"] >= limit)
    table = lesion_model_table(rosters(lesions.assign(matched=matched), cases))
    assert table["odds_ratio"].isna().all()
    assert table["reason"].str.startswith("size separates").all()
