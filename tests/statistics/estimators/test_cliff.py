"""Cliff's delta: against all pairs of cases written out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.statistics.estimators.cliff import cliffs_delta

values = st.integers(1, 12).flatmap(
    lambda n: st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=n, max_size=n).map(np.array)
)


@given(values)
def test_it_is_the_mean_sign_of_all_pairs(scores: np.ndarray) -> None:
    a, b = np.triu_indices(3, 1)
    expected = [np.sign(scores[:, i][:, None] - scores[:, j]).mean() for i, j in zip(a, b, strict=True)]
    assert np.allclose(cliffs_delta(scores, a, b), expected, atol=1e-12)


def test_sets_that_do_not_overlap_are_one_apart() -> None:
    assert cliffs_delta(np.array([[1.0, 0.0], [0.9, 0.2]]), np.array([0, 1]), np.array([1, 0])).tolist() == [1, -1]


def test_without_cases_there_is_none() -> None:
    assert np.isnan(cliffs_delta(np.empty((0, 2)), np.array([0]), np.array([1]))).all()
