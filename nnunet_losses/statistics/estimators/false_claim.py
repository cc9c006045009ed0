"""How likely a claim to be better is false."""

import numpy as np
from scipy import stats


def false_claim_probability(differences: np.ndarray) -> np.ndarray:
    """P(the trainer that looks better is not): t_{n−1}(−√n·|mean| / sd) of each column; NaN below two cases.

    With sd² = s_A² + s_B² − 2·r·s_A·s_B, the spread of the paired differences (cases × pairs).
    Source: Christodoulou et al., False promises in medical imaging AI?, arXiv 2505.04720, 2025.
    """
    n, pairs = differences.shape
    if n < 2:
        return np.full(pairs, np.nan)
    mean, sd = np.abs(differences.mean(axis=0)), differences.std(axis=0, ddof=1)
    t = np.divide(np.sqrt(n) * mean, sd, out=np.where(mean > 0, np.inf, 0.0), where=sd > 0)
    return stats.t.cdf(-t, n - 1)
