"""All trainers at once: Friedman's test with cases as blocks, and Nemenyi's critical difference."""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Friedman:
    """The test of one table of ranks.

    mean_ranks: (trainers,). p_pairs: Nemenyi's p of each pair (a, b) of `np.triu_indices(trainers, 1)`. reason: why
    there is no test; then all numbers but the mean ranks are NaN.
    """

    chi2: float
    p_chi2: float
    f: float
    p_f: float
    critical_difference: float
    mean_ranks: np.ndarray
    p_pairs: np.ndarray
    reason: str


def critical_difference(k: int, n: int, *, confidence: float = 0.95) -> float:
    """Smallest significant difference of mean ranks: q/√2 · √(k(k+1)/(6n)), q of the studentized range, df = ∞.

    Source: Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 2006, section 3.2.2.
    """
    q = stats.studentized_range.ppf(confidence, k, np.inf)
    return float(q / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n)))


def friedman(ranks: np.ndarray, *, confidence: float = 0.95) -> Friedman:
    """Test ranks (cases × trainers, ties averaged).

    chi2 is corrected for ties; f is Iman and Davenport's less conservative form. Fewer than three trainers or two
    cases, or all trainers equal in every case, allow no test: NaN with a reason.
    Sources: Friedman 1937; Iman and Davenport 1980; Nemenyi 1963.
    """
    n, k = ranks.shape
    a, b = np.triu_indices(k, 1)
    mean = ranks.mean(axis=0) if n else np.full(k, np.nan)
    reason = ""
    if k < 3 or n < 2:
        reason = f"{k} trainers and {n} cases: Friedman's test needs three and two"
    elif np.all(ranks == (k + 1) / 2):
        reason = "all trainers equal in every case"
    if reason:
        nan = float("nan")
        return Friedman(nan, nan, nan, nan, nan, mean, np.full(len(a), np.nan), reason)
    chi2, p_chi2 = stats.friedmanchisquare(*ranks.T)
    denominator = n * (k - 1) - chi2
    f = float((n - 1) * chi2 / denominator) if denominator > 1e-9 * n else np.inf
    scaled = np.abs(mean[a] - mean[b]) / np.sqrt(k * (k + 1) / (12 * n))
    return Friedman(
        float(chi2),
        float(p_chi2),
        f,
        float(stats.f.sf(f, k - 1, (k - 1) * (n - 1))),
        critical_difference(k, n, confidence=confidence),
        mean,
        np.asarray(stats.studentized_range.sf(scaled, k, np.inf)),
        reason,
    )
