"""Scores of predicted components, so that curves over thresholds (FROC, precision-recall) need no probabilities."""

import numpy as np
from numpy.typing import NDArray

from nnunet_losses.evaluation.structure import Structure

Floats = NDArray[np.float64]

# A float32 probability ends at 1 - 2^-24; beyond this the log-odds say nothing but "saturated" (+-16.6).
SATURATED = 2.0**-24


def log_odds(probability: NDArray[np.floating]) -> Floats:
    """The log-odds, log(p / (1 - p)), with p kept within [2^-24, 1 - 2^-24]."""
    p = np.clip(probability.astype(np.float64), SATURATED, 1 - SATURATED)
    return np.log(p) - np.log1p(-p)


def component_scores(structure: Structure, probability: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Largest and mean log-odds of each component, (n,) each; ``probability`` is flat over the image."""
    components = structure.components
    scores = log_odds(probability[structure.image_index])
    largest = np.full(len(components) + 1, -np.inf)
    np.maximum.at(largest, components.ids, scores)
    sums = np.bincount(components.ids, weights=scores, minlength=len(components) + 1)
    return largest[1:], sums[1:] / components.sizes
