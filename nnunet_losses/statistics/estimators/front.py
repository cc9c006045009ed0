"""The front of what cannot be had better in one respect without being worse in another."""

import numpy as np


def on_front(points: np.ndarray) -> np.ndarray:
    """Which of points (…, trainers, 2), higher is better, no other point dominates: (…, trainers)."""
    trainers = points.shape[-2]
    dominated = np.zeros(points.shape[:-1], dtype=bool)
    for other in range(trainers):
        rival = points[..., [other], :]
        dominated |= np.all(rival >= points, axis=-1) & np.any(rival > points, axis=-1)
    return ~dominated
