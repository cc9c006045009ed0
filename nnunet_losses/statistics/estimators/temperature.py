"""One temperature for all probabilities: the log-odds divided by it."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

HIGHEST = 20.0
"""The largest temperature that is looked for; the smallest is its inverse."""


def fit_temperature(log_odds: np.ndarray, background: np.ndarray, foreground: np.ndarray) -> float:
    """The temperature T that minimises the negative log-likelihood of p = 1 / (1 + exp(−z / T)).

    T above 1 makes the probabilities less certain. The likelihood is concave in 1 / T, so there is one maximum. Source:
    Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599; it changes no mask that is cut at a probability of 0.5.

    Args:
        log_odds: (n,) log-odds z.
        background: (n,) weight of the background at each.
        foreground: (n,) weight of the foreground.

    Returns:
        T within 1/20 … 20; an end of this range if the likelihood still rises there; NaN without any weight.
    """
    if not (background.sum() + foreground.sum() > 0):
        return float("nan")

    def slope(log_temperature: float) -> float:
        """Derivative of the negative log-likelihood by 1 / T."""
        p = expit(log_odds * np.exp(-log_temperature))
        return float(np.sum(log_odds * (background * p - foreground * (1 - p))))

    end = float(np.log(HIGHEST))
    if slope(end) >= 0:  # even there the inverse is too large
        return HIGHEST
    if slope(-end) <= 0:
        return 1 / HIGHEST
    return float(np.exp(brentq(slope, -end, end, xtol=1e-10)))
