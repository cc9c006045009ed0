"""Wilcoxon's test: equal to SciPy's, whose p is R's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnunet_losses.statistics.estimators.signed_rank import signed_rank

whole = st.lists(st.integers(-9, 9), min_size=1, max_size=60).map(lambda v: np.array(v, dtype=float))


@given(whole.filter(lambda d: np.any(d != 0)))
def test_ties_and_zeros_give_scipys_asymptotic_p(d: np.ndarray) -> None:
    ours = signed_rank(d[:, None])
    nonzero = np.abs(d[d != 0])
    method = "exact" if len(set(nonzero)) == len(nonzero) else "asymptotic"
    expected = stats.wilcoxon(d[d != 0], correction=True, method=method).pvalue
    assert ours.p[0] == pytest.approx(expected, abs=1e-12)
    pratt = stats.wilcoxon(d, zero_method="pratt", correction=True, method="asymptotic").pvalue
    assert ours.p_pratt[0] == pytest.approx(pratt, abs=1e-12)


@pytest.mark.parametrize("n", [5, 20, 50, 51, 300])
def test_untied_differences_give_scipys_p(n: int) -> None:
    d = np.random.default_rng(n).normal(0.1, 1, (n, 4))
    method = "exact" if n <= 50 else "asymptotic"
    expected = [stats.wilcoxon(column, correction=True, method=method).pvalue for column in d.T]
    assert signed_rank(d).p == pytest.approx(expected, rel=1e-10)


def test_equal_columns_have_p_one_and_no_effect() -> None:
    ranks = signed_rank(np.zeros((7, 1)))
    assert (ranks.p[0], ranks.p_pratt[0], ranks.rank_biserial[0]) == (1, 1, 0)


def test_rank_biserial_by_hand() -> None:
    # |d| = 1, 2, 3, 4 have ranks 1 to 4; -3 is the only loss: (1 + 2 + 4 - 3) / 10.
    assert signed_rank(np.array([[1.0], [2], [-3], [4]])).rank_biserial[0] == pytest.approx(0.4)
