"""The mixed model in closed form: statsmodels finds the same by iteration."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.estimators.mixed import dunnett_critical, mixed_model
from nnunet_losses.statistics.ranking.mixed import mixed_table

MakeCases = Callable[..., pd.DataFrame]


def test_a_random_intercept_per_case_gives_statsmodels_estimates_and_errors(study: pd.DataFrame) -> None:
    table = mixed_table(Results.of(study, baseline="A").panels()).query("scale == 'raw'").set_index("trainer")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels warns while it iterates
        fit = smf.mixedlm("value ~ C(trainer, Treatment('A'))", study, groups=study["case"]).fit(reml=True)
    for trainer in "BCD":
        name = f"C(trainer, Treatment('A'))[T.{trainer}]"
        assert table.loc[trainer, "difference"] == pytest.approx(fit.params[name], abs=1e-9)
        assert table.loc[trainer, "se"] == pytest.approx(fit.bse[name], rel=1e-3)


def test_across_data_sets_is_the_least_squares_fit_with_cases_as_factors(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(7)
    parts = []
    for dataset, n, gain in (("D1", 12, 0.05), ("D2", 20, 0.15)):
        hard = rng.normal(0.6, 0.1, n)
        values = {t: hard + rng.normal(g, 0.04, n) for t, g in (("A", 0), ("B", gain), ("C", 0.02))}
        parts.append(make_cases(values).assign(dataset=dataset))
    cases = pd.concat(parts)
    table = mixed_table(Results.of(cases, baseline="A").panels()).query("scope == 'across' and scale == 'raw'")
    block = cases["dataset"] + cases["case"]
    data = cases.assign(block=block)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a data set's effect is also the sum of its blocks'
        fit = smf.ols("value ~ C(block) + C(trainer) + C(trainer):C(dataset)", data).fit()
    reduced = smf.ols("value ~ C(block) + C(trainer)", data).fit()
    n1, n2 = 12, 20
    by_set = data.pivot_table(index=["dataset", "block"], columns="trainer", values="value")
    effect = (by_set["B"] - by_set["A"]).groupby("dataset").mean().mean()
    row = table.set_index("trainer").loc["B"]
    assert row["difference"] == pytest.approx(effect)
    assert row["df"] == fit.df_resid
    assert row["se"] == pytest.approx(np.sqrt(fit.mse_resid * 2 * (1 / n1 + 1 / n2)) / 2)
    f = ((reduced.ssr - fit.ssr) / 2) / fit.mse_resid
    assert row["p_interaction"] == pytest.approx(stats.f.sf(f, 2, fit.df_resid))
    assert row["p_interaction"] < 0.001


@pytest.mark.parametrize("n", [2, 9])
def test_two_trainers_on_one_data_set_are_a_paired_t_test(n: int) -> None:
    group = np.random.default_rng(n).normal([0.6, 0.7, 0.6], 0.1, (n, 3))[:, :2]
    found = mixed_model([group], base=0)
    theirs = stats.ttest_rel(group[:, 1], group[:, 0])
    interval = theirs.confidence_interval()
    assert found["p"] == pytest.approx([theirs.pvalue])
    assert (*found["low"], *found["high"]) == pytest.approx((interval.low, interval.high))
    assert found["reason"] == ""


def test_trainers_that_never_differ_have_p_one_and_a_constant_difference_has_p_zero() -> None:
    case = np.linspace(0.25, 0.75, 5)[:, None]
    assert mixed_model([case + np.array([0.0, 0.0, 0.0])], base=0)["p"].tolist() == [1, 1]
    constant, none = mixed_model([case + np.array([0.0, 0.5, 0.0])], base=0)["p"]
    assert (constant, none) == (pytest.approx(0, abs=1e-50), 1)  # rounding leaves a little spread


def test_one_case_gives_no_model_and_a_reason() -> None:
    found = mixed_model([np.ones((3, 2)), np.ones((1, 2))], base=0)
    assert np.isnan(found["p"])
    assert found["reason"] == "fewer than two cases in a data set"


@pytest.mark.parametrize(("contrasts", "df"), [(1, 8), (3, 20), (9, 200)])
def test_dunnetts_critical_value_covers_all_contrasts_at_once(contrasts: int, df: int) -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(400_000, contrasts + 1))
    t = (z[:, 1:] - z[:, :1]) / np.sqrt(2) / np.sqrt(rng.chisquare(df, (len(z), 1)) / df)
    coverage = (np.abs(t).max(axis=1) <= dunnett_critical(contrasts, df)).mean()
    assert coverage == pytest.approx(0.95, abs=0.0015)


def test_one_contrast_is_students_t() -> None:
    assert dunnett_critical(1, 12) == pytest.approx(stats.t.ppf(0.975, 12), abs=2e-3)


def test_scores_are_modelled_on_three_scales_and_distances_on_two(study: pd.DataFrame) -> None:
    assert set(mixed_table(Results.of(study, baseline="A").panels())["scale"]) == {"raw", "logit", "rank"}
    distances = study.assign(metric="hd95", unit="mm")
    assert set(mixed_table(Results.of(distances, baseline="A").panels())["scale"]) == {"raw", "rank"}
