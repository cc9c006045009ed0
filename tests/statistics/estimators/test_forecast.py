"""How many seeds or cases would decide, against statsmodels and by hand."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from nnunet_losses.statistics.estimators.forecast import Aim, Now, both_needed, cases_needed, seeds_needed

AIM = Aim(margin=0.01, losses=2, alpha=0.05)


def test_without_noise_of_training_it_is_the_power_of_a_paired_t_test() -> None:
    sd = 0.05
    now = Now(training=0.0, case=sd**2 / 50, df=1000, seeds=1, cases=50)
    expected = TTestPower().solve_power(effect_size=0.01 / sd, alpha=0.05, power=0.8)
    assert cases_needed(AIM, now) == pytest.approx(expected, rel=0.01)
    assert np.isnan(seeds_needed(AIM, now)), "seeds change nothing"


def test_seeds_divide_the_variance_of_trainings() -> None:
    reach = stats.t.ppf(0.975, 20) + stats.t.ppf(0.8, 20)
    room = (0.01 / reach) ** 2
    now = Now(training=6.4 * room / 2, case=room / 2, df=20, seeds=2, cases=100)
    assert seeds_needed(AIM, now) == 13  # 6.4 · 2 / 13 < 1
    assert np.isnan(cases_needed(AIM, now)), "cases do not help against the noise of trainings"


def test_seeds_of_one_fold_also_bring_degrees_of_freedom() -> None:
    now = Now(training=1e-5, case=0.0, df=1, seeds=2, cases=100, columns_are_seeds=True)
    more = seeds_needed(AIM, now)
    fixed = seeds_needed(AIM, Now(training=1e-5, case=0.0, df=1, seeds=2, cases=100))
    assert more < 10
    assert np.isnan(fixed) or fixed > more
    one = now.with_seeds(int(more), 2)
    assert one.df == more - 1
    assert one.training == pytest.approx(2e-5 / more)


def test_where_neither_does_alone_both_do_together() -> None:
    now = Now(training=4e-5, case=5e-5, df=16, seeds=1, cases=100)
    assert np.isnan(seeds_needed(AIM, now))
    assert np.isnan(cases_needed(AIM, now))
    seeds, cases = both_needed(AIM, now)
    variance = now.training / seeds + now.case * 100 / cases
    assert variance <= AIM.largest_variance(16) < now.training / seeds + now.case * 100 / (cases - 1)


def test_a_margin_of_zero_is_never_decided() -> None:
    now = Now(training=1e-5, case=1e-5, df=16, seeds=1, cases=100)
    aim = Aim(0.0, 3, 0.05)
    assert np.isnan([seeds_needed(aim, now), cases_needed(aim, now), *both_needed(aim, now)]).all()
