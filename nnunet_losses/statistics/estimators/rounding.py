"""Freeing numbers of rounding noise, so that ties are ties."""

import numpy as np


def without_rounding_noise(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Round to 12 significant digits of the largest value of `scale`: 0.3 − 0.2 and 0.2 − 0.1 become equal."""
    largest = float(np.max(np.abs(scale), initial=0.0))
    decimals = 12 - (int(np.ceil(np.log10(largest))) if largest > 0 else 0)
    return np.round(values, decimals)
