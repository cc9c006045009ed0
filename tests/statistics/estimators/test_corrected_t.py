import numpy as np
import pytest
from scipy import stats

from nnunet_losses.statistics.estimators.corrected_t import corrected_t


def test_it_is_students_test_with_a_larger_variance() -> None:
    folds = np.random.default_rng(0).normal(0.1, 0.1, (5, 3))
    t, p, low, high = corrected_t(folds, confidence=0.9)
    wider = np.sqrt(1 + 5 / 4)
    plain = stats.ttest_1samp(folds, 0)
    assert t == pytest.approx(plain.statistic / wider)
    assert p == pytest.approx(2 * stats.t.sf(np.abs(t), 4))
    ends = plain.confidence_interval(0.9)
    mean = folds.mean(axis=0)
    assert low == pytest.approx(mean - wider * (mean - ends.low))
    assert high == pytest.approx(mean + wider * (ends.high - mean))
