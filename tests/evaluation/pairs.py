"""Pairs of masks for the tests of surfaces."""

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

SPACINGS = [(1.0, 1.0, 1.0), (3.0, 0.7, 0.9), (0.5, 2.0, 0.4)]


@st.composite
def pairs_of_masks(draw):
    """Two non-empty masks, 2D or 3D, sparse or dense, up to the edges of the image, and a spacing."""
    axes = draw(st.integers(2, 3))
    shape = draw(st.tuples(*[st.integers(2, 9)] * axes))
    spacing = draw(st.tuples(*[st.floats(0.2, 6)] * axes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    masks = [rng.random(shape) < draw(st.sampled_from([0.01, 0.1, 0.5, 0.95])) for _ in range(2)]
    for mask in masks:
        mask[tuple(rng.integers(0, shape))] = True
    return *masks, spacing


def for_monai(reference: np.ndarray, prediction: np.ndarray, spacing: tuple[float, ...]) -> dict[str, Any]:
    """The arguments of MONAI's surface metrics."""
    batch = [torch.tensor(mask[None, None].astype(np.float32)) for mask in (prediction, reference)]
    return {"y_pred": batch[0], "y": batch[1], "include_background": True, "spacing": spacing}
