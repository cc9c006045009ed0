"""Case bootstrap for figures: weights that draw whole cases, the same for every trainer (paired)."""

import numpy as np


def case_weights(cases: int, seed: int, resamples: int = 2000) -> np.ndarray:
    """(resamples, cases) float64 counts: how often each case was drawn with replacement."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(cases, np.full(cases, 1 / cases), size=resamples).astype(float)
