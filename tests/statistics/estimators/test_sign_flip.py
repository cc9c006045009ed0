"""The test by random signs, against SciPy's and by hand."""

import numpy as np
import pytest
from scipy import stats

from nnunet_losses.statistics.estimators.sign_flip import sign_flip_p


def test_few_cases_are_scipys_exact_test_of_all_signs() -> None:
    differences = np.random.default_rng(1).normal(0.3, 1, (9, 3))
    theirs = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(differences) == pytest.approx(theirs.pvalue)


def test_up_to_thirteen_cases_the_smallest_p_is_exact_and_beyond_it_is_one_of_the_resamples() -> None:
    assert sign_flip_p(np.ones((13, 1)), resamples=99).tolist() == [2 / 2**13]
    assert sign_flip_p(np.ones((40, 1)), resamples=99).tolist() == [1 / 100]


def test_ties_count_as_equal() -> None:
    differences = np.array([[0.1], [0.2], [-0.3], [0.0]])  # 0.1 + 0.2 - 0.3 is 0 but for rounding
    assert sign_flip_p(differences).tolist() == [1.0]


def test_many_cases_come_near_the_exact_p() -> None:
    differences = np.r_[np.ones(12), -np.ones(5)][:, None]  # 17 signs: as likely as 12 or more of 17 tosses
    p = sign_flip_p(differences, resamples=20_000)
    assert p[0] == pytest.approx(stats.binomtest(12, 17).pvalue, abs=0.01)


def test_without_cases_there_is_no_p() -> None:
    assert np.isnan(sign_flip_p(np.empty((0, 2)))).tolist() == [True, True]
