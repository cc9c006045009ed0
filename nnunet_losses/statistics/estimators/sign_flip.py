"""A permutation test that assumes nothing but exchangeable signs, as a check of Wilcoxon's."""

import numpy as np

ENUMERATE_UP_TO = 13


def sign_flip_p(differences: np.ndarray, *, resamples: int = 10_000, seed: int = 0) -> np.ndarray:
    """Two-sided p of the mean of each column of `differences` (cases × pairs) under random signs.

    Up to 13 cases every sign pattern is counted; beyond, (1 + #{|T*| ≥ |T|}) / (1 + resamples).
    Source: Fisher 1935; Phipson and Smyth 2010 for the added one.
    """
    n, pairs = differences.shape
    if n == 0:
        return np.full(pairs, np.nan)
    observed = np.abs(differences.sum(axis=0))
    # Sums of the same numbers in another order may differ in the last digits; those count as equal.
    threshold = observed - 1e-12 * np.abs(differences).sum(axis=0)
    if n <= ENUMERATE_UP_TO:
        patterns = np.arange(2**n)[:, None] >> np.arange(n) & 1
        extreme = np.abs((2.0 * patterns - 1.0) @ differences) >= threshold
        return extreme.mean(axis=0)
    rng = np.random.default_rng([seed, n, 1])
    count = np.zeros(pairs)
    step = max(1, 2_000_000 // max(n, pairs))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        signs = 2.0 * rng.integers(2, size=(rows, n), dtype=np.int8) - 1.0
        count += (np.abs(signs @ differences) >= threshold).sum(axis=0)
    return (1 + count) / (1 + resamples)
