"""Holm's adjustment by hand."""

import numpy as np
import pytest

from nnunet_losses.statistics.estimators.multiplicity import holm


def test_holm_multiplies_the_smallest_by_all_tests_and_never_turns_their_order() -> None:
    assert holm(np.array([0.04, 0.01, np.nan, 0.03])) == pytest.approx([0.06, 0.03, np.nan, 0.06], nan_ok=True)


def test_nothing_tested_stays_nothing() -> None:
    assert np.isnan(holm(np.array([np.nan, np.nan]))).all()
    assert len(holm(np.array([]))) == 0
