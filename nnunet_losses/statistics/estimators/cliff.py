"""Cliff's delta: how far two sets of values lie apart, without the pairing by case."""

import numpy as np


def cliffs_delta(values: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """P(x > y) − P(x < y) for x of column a, y of column b of `values` (cases × trainers); NaN without cases.

    An extra beside the paired effect sizes: cases that are hard for every trainer pull it towards 0.
    Source: Cliff, Dominance statistics, Psychological Bulletin 1993. From ranks in O(n log n) a pair.
    """
    n = len(values)
    if n == 0:
        return np.full(len(a), np.nan)
    ordered = np.sort(values, axis=0)
    delta = np.empty(len(a))
    for k, (i, j) in enumerate(zip(a, b, strict=True)):
        below = np.searchsorted(ordered[:, j], ordered[:, i], side="left").sum()
        up_to = np.searchsorted(ordered[:, j], ordered[:, i], side="right").sum()
        delta[k] = (below + up_to - n**2) / n**2
    return delta
