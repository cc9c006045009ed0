"""The parts of a phantom case."""

import numpy as np
import pytest

from nnunet_losses.data.phantom_options import Phantom
from nnunet_losses.data.phantom_volume import make_head, place_lesions, smooth_field


def test_lesions_are_irregular_and_not_balls() -> None:
    phantom = Phantom(shape=(64, 64, 64))
    rng = np.random.default_rng(0)
    head = make_head(rng, phantom.shape, (1, 1, 1), 0)
    lesions = place_lesions(rng, head, (1.0, 1.0, 1.0), np.full(8, 300))
    ratios = []
    for number in range(1, 9):
        points = np.argwhere(lesions.owner == number)
        axes = np.linalg.eigvalsh(np.cov(points.T))
        ratios.append(np.sqrt(axes[2] / axes[0]))
    assert np.bincount(lesions.owner.ravel())[1:].tolist() == [300] * 8
    assert np.median(ratios) > 1.3


def test_smooth_fields_vary_over_their_scale() -> None:
    rng = np.random.default_rng(0)
    for scale in (4.0, 12.0):
        field = smooth_field(rng, (96, 96), (1.0, 1.0), scale)
        assert float(field.mean()) == pytest.approx(0, abs=1e-4)
        assert float(field.std()) == pytest.approx(1, abs=1e-4)
        near = np.corrcoef(field[1:].ravel(), field[:-1].ravel())[0, 1]
        far = np.corrcoef(field[int(4 * scale) :].ravel(), field[: -int(4 * scale)].ravel())[0, 1]
        assert near > 0.9
        assert abs(far) < 0.5
