"""Differences that hold for new trainings."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.anova import anova_lm

from nnunet_losses.statistics.estimators import retraining
from nnunet_losses.statistics.estimators.hodges_lehmann import hodges_lehmann
from nnunet_losses.statistics.estimators.retraining import (
    critical_value,
    loss_effects,
    pair_medians,
    retrained,
    seeds_act_alike,
)

ALL = np.ones(3, bool)


@pytest.mark.parametrize("most", [retraining.MOST_AVERAGES, 0])
@pytest.mark.parametrize("n", [1, 2, 7, 20])
def test_medians_of_pairs_are_hodges_lehmann_estimates(n: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining, "MOST_AVERAGES", most)
    values = np.random.default_rng(n).random((n, 3))
    wanted = [hodges_lehmann(values[:, a] - values[:, b])[0] for a, b in ((0, 1), (0, 2), (1, 2))]
    assert pair_medians(values) == pytest.approx(wanted)


@given(st.integers(0, 1000))
def test_effects_fit_the_pairs_by_least_squares(seed: int) -> None:
    pairs = np.random.default_rng(seed).normal(size=(2, 3))
    design = np.array([[1, -1, 0], [1, 0, -1], [0, 1, -1]])
    wanted = np.array([np.linalg.lstsq(design, row, rcond=None)[0] for row in pairs])
    assert loss_effects(pairs, ALL) == pytest.approx(wanted)


def test_a_loss_that_collapsed_is_placed_beside_the_others_and_moves_none() -> None:
    pairs = np.array([[0.1, 0.5, 0.5], [0.2, 0.9, -0.4]])
    effects = loss_effects(pairs, np.array([True, True, False]))
    assert effects[:, 0] - effects[:, 1] == pytest.approx([0.1, 0.2])
    # −0.5 from 0.05 and −0.5 from −0.05; −0.9 from 0.1 and +0.4 from −0.1
    assert effects[:, 2] == pytest.approx([-0.5, (0.1 - 0.9 - 0.1 + 0.4) / 2])


def test_two_losses_are_compared_by_students_paired_test() -> None:
    effects = np.random.default_rng(1).normal(size=(5, 2))
    found = retrained(effects)
    reference = stats.ttest_rel(*effects.T)
    low, high = found.interval(0.95)
    ends = reference.confidence_interval(0.95)
    assert (found.estimate[0], found.df[0]) == pytest.approx((np.diff(effects[:, ::-1]).mean(), 4))
    assert (low[0], high[0]) == pytest.approx((ends.low, ends.high))


def test_the_pooled_variance_is_the_residual_of_losses_and_columns_without_interaction() -> None:
    effects = np.random.default_rng(2).normal(size=(4, 3))
    rows = pd.DataFrame({"y": effects.ravel(), "fold": np.repeat(range(4), 3), "loss": np.tile(range(3), 4)})
    fit = smf.ols("y ~ C(fold) + C(loss)", rows).fit()
    found = retrained(effects)
    effects -= effects.mean(axis=1, keepdims=True)
    own = ((effects - effects.mean(axis=0)) ** 2).sum(axis=0) / 3 / (1 - 1 / 3)
    variance = np.maximum(fit.mse_resid, own) / 4
    assert found.df == pytest.approx(np.full(3, fit.df_resid))
    assert found.se == pytest.approx(
        np.sqrt([variance[0] + variance[1], variance[0] + variance[2], variance[1:].sum()])
    )
    assert (own > fit.mse_resid).any()
    assert (own < fit.mse_resid).any()


def test_the_spread_of_a_loss_that_collapsed_is_its_own_alone() -> None:
    rng = np.random.default_rng(3)
    steady = np.array([True, True, True, False])
    effects = np.column_stack([rng.normal(size=(5, 3)), [0, 0, -50, 0, -50]])
    found, without = retrained(effects, steady=steady), retrained(effects[:, :3])
    among = [0, 1, 3]  # pairs without the last loss
    assert found.se[among] == pytest.approx(without.se)
    assert found.df == pytest.approx([8, 8, 4, 8, 4, 4], abs=0.3)
    assert (found.se[[2, 4, 5]] > 10).all()


def test_a_loss_that_surely_varies_more_does_not_widen_the_intervals_of_others() -> None:
    effects = np.random.default_rng(4).normal(size=(5, 4))
    beside = np.column_stack([effects, 50 * np.array([1, -1, 0.5, -1, 0.5])])
    found, without = retrained(beside), retrained(effects)
    among = [0, 1, 2, 4, 5, 7]  # pairs without the last loss
    assert found.se[among] == pytest.approx(without.se)
    assert found.df[among] == pytest.approx(without.df)
    assert (found.se[[3, 6, 8, 9]] > 10).all()
    assert found.df[[3, 6, 8, 9]] == pytest.approx(np.full(4, 4), abs=0.1)


def test_a_loss_that_seems_to_vary_more_is_pooled_with_the_degrees_of_freedom_of_its_own_trainings() -> None:
    effects = np.random.default_rng(4).normal(size=(5, 4)) * [1, 1, 1, 2.2]
    _, p = retraining._pool(effects, np.ones(4, bool))
    assert 0.01 / 4 < p[3] < 0.05 < p[:3].min()
    found = retrained(effects)
    residual = effects - effects.mean(axis=0) - effects.mean(axis=1, keepdims=True) + effects.mean()
    squares = (residual**2).sum(axis=0)
    pooled, own = squares.sum() / 12, squares[3] / 4 / 0.75
    assert found.se[2] == pytest.approx(np.sqrt((pooled + own) / 5))
    assert found.df[2] == pytest.approx((pooled + own) ** 2 / (pooled**2 / 12 + own**2 / 4))
    assert found.df[[0, 1, 3]] == pytest.approx(np.full(3, 12))


def test_of_equal_losses_one_in_twenty_seems_to_vary_more() -> None:
    rng = np.random.default_rng(5)
    p = np.array([retraining._pool(rng.normal(size=(4, 5)), np.ones(5, bool))[1] for _ in range(400)])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.02)
    assert stats.kstest(p[:, 0], "uniform").pvalue > 0.01


def test_three_losses_stay_together() -> None:
    effects = np.column_stack([np.random.default_rng(6).normal(size=(5, 2)), [0, 90, -90, 50, -50]])
    assert retraining._pool(effects, ALL)[0].all()


def test_what_cases_add_has_its_own_degrees_of_freedom() -> None:
    effects = np.array([[0.0, 0.1], [0.0, 0.3]])
    plain = retrained(effects)
    found = retrained(effects, case_variance=np.array([0.04]), case_df=20)
    assert found.se[0] ** 2 == pytest.approx(plain.se[0] ** 2 + 0.04)
    assert found.df[0] == pytest.approx((plain.se[0] ** 2 + 0.04) ** 2 / (plain.se[0] ** 4 / 1 + 0.04**2 / 20))


def test_critical_values_are_those_of_tukeys_table() -> None:
    # Studentised range, 5 %: q(3, 10) = 3.877, q(5, 16) = 4.333 (Pearson and Hartley)
    assert critical_value(0.95, 3, 10) * np.sqrt(2) == pytest.approx(3.877, abs=5e-4)
    assert critical_value(0.95, 5, 16) * np.sqrt(2) == pytest.approx(4.333, abs=5e-4)
    assert critical_value(0.95, 4, 10_000) == critical_value(0.95, 4, 2_000)


def test_one_training_has_no_spread() -> None:
    with pytest.raises(ValueError, match="two trainings"):
        retrained(np.zeros((1, 3)))


def crossed_trainings(seed: int, *, seed_sd: float) -> np.ndarray:
    """(folds, seeds, losses) what trainings are worth: each for itself, and what a seed is worth in all folds."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, 3, 5)) + rng.normal(0, seed_sd, (1, 3, 5)) + rng.normal(0, 3, (4, 3, 1))


@pytest.mark.parametrize("seed", range(6))
def test_whether_seeds_act_alike_is_an_f_test_of_loss_by_seed(seed: int) -> None:
    values = crossed_trainings(seed, seed_sd=0.4)
    fold, trained, loss = (axis.ravel() for axis in np.indices(values.shape))
    rows = pd.DataFrame({"y": values.ravel(), "fold": fold, "seed": trained, "loss": loss})
    fit = smf.ols("y ~ C(fold) * C(seed) + C(fold) * C(loss) + C(seed):C(loss)", rows).fit()
    p = anova_lm(fit).loc["C(seed):C(loss)", "PR(>F)"]
    assert seeds_act_alike(values) == (p < retraining.ALIKE)


def test_independent_seeds_rarely_seem_to_act_alike_and_those_that_do_are_seen() -> None:
    for seed_sd, low, high in ((0.0, 0.04, 0.16), (2.0, 0.95, 1.0)):
        share = np.mean([seeds_act_alike(crossed_trainings(seed, seed_sd=seed_sd)) for seed in range(300)])
        assert low <= share <= high


@pytest.mark.parametrize("shape", [(1, 3, 5), (4, 1, 5), (4, 3, 1), (0, 0, 0)])
def test_without_several_folds_seeds_and_losses_seeds_do_not_act_alike(shape: tuple[int, int, int]) -> None:
    assert not seeds_act_alike(np.arange(np.prod(shape), dtype=float).reshape(shape) ** 2)


def test_seeds_that_act_alike_add_their_variance_to_that_of_folds() -> None:
    values = crossed_trainings(1, seed_sd=2.0)[:, :, :2]
    found = retrained(values.mean(axis=1)).crossed(retrained(values.mean(axis=0)))
    gain = values[..., 0] - values[..., 1]
    variances = np.array([gain.mean(axis=1).var(ddof=1) / 4, gain.mean(axis=0).var(ddof=1) / 3])
    assert found.se == pytest.approx(np.sqrt(variances.sum()))
    assert found.df == pytest.approx(variances.sum() ** 2 / (variances[0] ** 2 / 3 + variances[1] ** 2 / 2))
    assert found.estimate == pytest.approx(gain.mean())
