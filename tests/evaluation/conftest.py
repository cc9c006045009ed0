"""Helpers of the evaluation tests: small cases, and a table of metrics as a dictionary."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from nnunet_losses.evaluation import EvaluationSettings, Reference, evaluate_case

LESION = {"background": 0, "lesion": 1}

Measure = Callable[..., dict[str, float]]


@pytest.fixture(scope="session")
def measure() -> Measure:
    """Metrics of one binary case by name."""

    def run(
        reference: NDArray,
        prediction: NDArray,
        spacing: Sequence[float] | None = None,
        settings: EvaluationSettings | None = None,
    ) -> dict[str, float]:
        made = Reference(reference.astype(np.uint8), spacing or (1.0,) * reference.ndim, LESION, settings)
        cases = evaluate_case(made, prediction.astype(np.uint8))["cases"]
        return dict(zip(cases["metric"], cases["value"], strict=True))

    return run


@pytest.fixture(scope="session")
def blobs() -> Callable[..., NDArray[np.bool_]]:
    """Random masks with several components of different size."""

    def make(seed: int, shape: tuple[int, ...] = (14, 17, 19), share: float = 0.12) -> NDArray[np.bool_]:
        from scipy.ndimage import gaussian_filter

        field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.2)
        return field > np.quantile(field, 1 - share)

    return make
