"""Hodges-Lehmann: against all Walsh averages written out, and against R."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnunet_losses.statistics.estimators.hodges_lehmann import hodges_lehmann, interval_rank
from nnunet_losses.statistics.estimators.signed_rank import null_distribution

differences = st.lists(st.integers(-20, 20).map(lambda i: i / 20), min_size=1, max_size=30).map(np.array)


def walsh_averages(d: np.ndarray) -> np.ndarray:
    i, j = np.triu_indices(len(d))
    return np.sort((d[i] + d[j]) / 2)


@given(differences)
def test_the_estimate_is_the_median_of_all_walsh_averages(d: np.ndarray) -> None:
    assert hodges_lehmann(d)[0] == pytest.approx(np.median(walsh_averages(d)), abs=1e-11)


@given(differences.filter(lambda d: len(d) >= 6))
def test_the_interval_ends_at_walsh_averages_of_the_exact_rank(d: np.ndarray) -> None:
    averages, k = walsh_averages(d), interval_rank(len(d), 0.95)
    _, low, high = hodges_lehmann(d)
    assert (low, high) == pytest.approx((averages[k - 1], averages[-k]), abs=1e-11)


@given(differences, st.integers(-5, 5))
def test_shifting_all_differences_shifts_the_estimate(d: np.ndarray, shift: int) -> None:
    assert hodges_lehmann(d + shift)[0] == pytest.approx(hodges_lehmann(d)[0] + shift, abs=1e-10)


@pytest.mark.parametrize("n", [51, 80, 200])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_many_cases_have_nearly_the_exact_rank(n: int, confidence: float) -> None:
    exact = np.searchsorted(null_distribution(n), (1 - confidence) / 2, side="right")
    assert abs(interval_rank(n, confidence) - exact) <= 1


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_fewer_than_six_cases_have_no_95_percent_interval(n: int) -> None:
    estimate, low, high = hodges_lehmann(np.arange(n) / 10)
    assert np.isfinite(estimate)
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize("n", [6, 10, 25, 50])
def test_the_exact_interval_covers_at_least_95_percent_and_the_next_shorter_does_not(n: int) -> None:
    k = interval_rank(n, 0.95)
    null = stats.wilcoxon(np.arange(1, n + 1), method="exact")
    assert null.pvalue <= 0.05  # the data of this size can be significant at all

    # scipy's exact p of the statistic k - 1 and k brackets 5 %.
    def p_of(statistic: int) -> float:
        signs = np.ones(n)
        left = statistic
        for rank in range(n, 0, -1):
            if left >= rank:
                signs[rank - 1], left = -1, left - rank
        return float(stats.wilcoxon(signs * np.arange(1, n + 1), method="exact").pvalue)

    assert p_of(k - 1) <= 0.05 < p_of(k)


def f1_differences(lits_records: Callable) -> np.ndarray:
    def f1(loss: str) -> np.ndarray:
        scores = []
        for _, records in sorted(lits_records(loss).items(), key=lambda item: int(item[0])):
            hits = [float(r["hit_dice"]) > 0 for r in records if r["is_tum"]]
            false = [float(r["hit_dice"]) == 0 for r in records if not r["is_tum"]]
            tp, fn, fp = sum(hits), len(hits) - sum(hits), sum(false)
            scores.append(2 * tp / (2 * tp + fp + fn))
        return np.array(scores)

    return f1("asl") - f1("bce")


def test_published_lits_records_give_what_r_gives(lits_records: Callable) -> None:
    # R 4.2.2: wilcox.test(asl, bce, paired = TRUE, exact = FALSE, conf.int = TRUE) drops the two tied images and finds
    # the ends by root search on the normal approximation (tolerance 1e-4): 0.08511934 [-0.00719, 0.17091].
    d = f1_differences(lits_records)
    assert (len(d), int((d == 0).sum())) == (28, 2)
    estimate, low, high = hodges_lehmann(d[d != 0])
    assert estimate == pytest.approx(0.08511934, abs=1e-4)
    assert (low, high) == pytest.approx((-0.00719, 0.17091), abs=2e-3)  # exact ranks against the approximation
    assert hodges_lehmann(d)[0] == pytest.approx(0.0762, abs=5e-5)  # ours: the ties are evidence too
