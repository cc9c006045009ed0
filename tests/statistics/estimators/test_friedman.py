"""Friedman and Nemenyi against scikit-posthocs, SciPy and Demšar's example."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs as sp
from scipy import stats

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.estimators.friedman import critical_difference
from nnunet_losses.statistics.ranking.pairwise import friedman_tables

MakeCases = Callable[..., pd.DataFrame]


def test_friedman_is_scipys_and_iman_davenport_is_demsars_formula(study: pd.DataFrame) -> None:
    (panel,) = Results.of(study, baseline="A").panels()
    row = friedman_tables(panel)[0].iloc[0]
    chi2, p = stats.friedmanchisquare(*panel.values.T)
    assert (row["chi2"], row["p_chi2"]) == pytest.approx((chi2, p))
    f = 39 * chi2 / (40 * 3 - chi2)
    assert (row["f"], row["p_f"]) == pytest.approx((f, stats.f.sf(f, 3, 3 * 39)))


def test_nemenyi_is_scikit_posthocs(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(1)
    values = {t: 0.6 * rng.random(25) + gain for t, gain in [("A", 0), ("B", 0.1), ("C", 0.3), ("D", 0.31)]}
    (panel,) = Results.of(make_cases(values), baseline="A").panels()
    nemenyi = friedman_tables(panel)[1]
    expected = sp.posthoc_nemenyi_friedman(panel.values)
    expected.index = expected.columns = panel.trainers
    for row in nemenyi.itertuples():
        assert row.p == pytest.approx(expected.loc[row.trainer_a, row.trainer_b], abs=1e-6)


def test_critical_difference_of_demsars_table() -> None:
    # Demšar 2006, section 3.2.2: four classifiers, 14 data sets, α = 0.05: CD = 2.569·√(4·5 / (6·14)) = 1.25.
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"A": [0.1, 0.2], "B": [0.2, 0.3]}, "2 trainers"),
        ({"A": [0.1], "B": [0.2], "C": [0.3]}, "3 trainers and 1 cases"),
        ({"A": [0.1, 0.2], "B": [0.1, 0.2], "C": [0.1, 0.2]}, "all trainers equal"),
        ({trainer: [0.1, 0.2] for trainer in "ABCD"}, "all trainers equal"),
    ],
)
def test_no_test_without_enough_to_compare(make_cases: MakeCases, values: dict, reason: str) -> None:
    (panel,) = Results.of(make_cases(values), baseline="A").panels()
    row = friedman_tables(panel)[0].iloc[0]
    assert np.isnan(row["p_f"])
    assert row["reason"].startswith(reason)
