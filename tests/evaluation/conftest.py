"""Small cases for the evaluation, and its metrics as a dictionary."""

from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from nnunet_losses.evaluation import EvaluationSettings, Reference, evaluate_case

LESION = {"background": 0, "lesion": 1}

Measure = Callable[..., dict[str, float]]
Blobs = Callable[..., NDArray[np.bool_]]
Tables = dict[str, pd.DataFrame]


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
def evaluate_foreground() -> Callable[..., Tables]:
    """Tables of one binary case with the probability of its foreground."""

    def run(
        reference: NDArray,
        prediction: NDArray,
        foreground: NDArray,
        spacing: Sequence[float] = (1.0, 1.0, 1.0),
        **settings: object,
    ) -> Tables:
        made = Reference(reference.astype(np.uint8), spacing, LESION, EvaluationSettings(**settings))
        stacked = np.stack([1 - foreground, foreground]).astype(np.float32)
        return evaluate_case(made, prediction.astype(np.uint8), stacked)

    return run


@pytest.fixture(scope="session")
def blobs() -> Blobs:
    """Random masks with several components of different size."""

    def make(seed: int, shape: tuple[int, ...] = (14, 17, 19), share: float = 0.12) -> NDArray[np.bool_]:
        field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.2)
        return field > np.quantile(field, 1 - share)

    return make


@pytest.fixture
def scored(blobs: Blobs) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]]:
    """Reference, prediction and the probability of the foreground that the prediction was made from."""
    shape = (12, 13, 14)
    reference = blobs(1, shape)
    noise = np.random.default_rng(0).normal(0, 0.1, shape)
    foreground = np.clip(0.6 * reference + 0.4 * blobs(2, shape) + noise, 0, 1).astype(np.float32)
    return reference, foreground > 0.5, foreground


@pytest.fixture(scope="session")
def real_lesions(shared_data: Path) -> Callable[[str], NDArray[np.bool_]]:
    """Part of the mask of a patient with multiple sclerosis: 17 to 392 lesions, down to one voxel of 1 mm³."""

    def read(patient: str) -> NDArray[np.bool_]:
        image = nib.load(shared_data / "ms_lesion_masks" / f"patient{patient}.nii.gz")
        return np.asanyarray(image.dataobj)[30:130, 40:160, 40:130] > 0

    return read
