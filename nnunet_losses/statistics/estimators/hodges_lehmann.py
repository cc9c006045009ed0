"""How large a paired difference is: the Hodges-Lehmann estimate and its interval from Walsh averages."""

import numpy as np
from scipy import stats

from nnunet_losses.statistics.estimators.rounding import without_rounding_noise
from nnunet_losses.statistics.estimators.signed_rank import EXACT_UP_TO, null_distribution


def walsh_quantiles(differences: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The Walsh averages (dᵢ + dⱼ)/2, i ≤ j, of the given 1-based ranks in ascending order.

    Bisection on the number of averages below a value: O(n log n) time and O(n) memory instead of n²/2 averages.
    """
    ordered = np.sort(differences)
    low = np.full(len(ranks), ordered[0])
    high = np.full(len(ranks), ordered[-1])
    for _ in range(48):  # to 14 digits of the range, two more than are kept
        middle = (low + high) / 2
        both = np.searchsorted(ordered, (2 * middle)[:, None] - ordered[None, :], side="right").sum(axis=1)
        count = (both + np.searchsorted(ordered, middle, side="right")) // 2
        enough = count >= ranks
        high = np.where(enough, middle, high)
        low = np.where(enough, low, middle)
    # Where every average equals the lowest difference, `low` never moved and is itself the answer.
    at_low = np.searchsorted(ordered, (2 * low)[:, None] - ordered[None, :], side="right").sum(axis=1)
    at_low = (at_low + np.searchsorted(ordered, low, side="right")) // 2
    return without_rounding_noise(np.where(at_low >= ranks, low, high), scale=ordered)


def interval_rank(n: int, confidence: float) -> int:
    """The rank k of the Walsh average that begins the interval; 0 if n cases allow none at this confidence.

    Exact for at most 50 cases, else the normal approximation with continuity correction.
    Source: Hollander, Wolfe, Chicken, Nonparametric Statistical Methods, 2014, equations 3.23 and 3.33.
    """
    tail = (1 - confidence) / 2
    if n <= EXACT_UP_TO:
        return int(np.searchsorted(null_distribution(n), tail, side="right"))
    sd = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    return max(0, int(np.floor(n * (n + 1) / 4 - stats.norm.isf(tail) * sd + 0.5)))


def hodges_lehmann(differences: np.ndarray, *, confidence: float = 0.95) -> tuple[float, float, float]:
    """(estimate, low, high): the median of the Walsh averages of all differences, zeros included.

    (NaN, NaN, NaN) without differences; NaN ends where so few cases allow no interval at this confidence
    (fewer than 6 for 95 %).
    Source: Hodges and Lehmann, Estimates of location based on rank tests, Ann. Math. Statist. 1963.
    """
    n = len(differences)
    if n == 0:
        return np.nan, np.nan, np.nan
    total = n * (n + 1) // 2
    k = interval_rank(n, confidence)
    ranks = np.array([(total + 1) // 2, total // 2 + 1, max(k, 1), total + 1 - max(k, 1)])
    lower_middle, upper_middle, low, high = walsh_quantiles(differences, ranks)
    estimate = float((lower_middle + upper_middle) / 2)
    return (estimate, float(low), float(high)) if k else (estimate, np.nan, np.nan)
