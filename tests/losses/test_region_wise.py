import pytest
import torch
from scipy.ndimage import distance_transform_edt

from nnunet_losses.losses import region_wise_loss

from .line_of_voxels import LABELS, LOGITS
from .problems import random_problem


def test_six_voxels_by_hand():
    foreground = 0.1 - 0.8 / 2 - 0.9 - 0.6 / 2 + 0.7 + 0.2
    background = -0.9 / 2 + 0.2 + 0.1 + 0.4 - 0.3 / 2 - 0.8
    assert region_wise_loss(LOGITS, LABELS).item() == pytest.approx((foreground + background) / 12)
    assert region_wise_loss(LOGITS, LABELS, include_background=False).item() == pytest.approx(foreground / 6)


def test_it_is_the_formula_of_the_authors_code():
    logits, labels = random_problem(2)
    maps = torch.ones_like(logits)
    for sample in range(2):
        for c in range(3):
            depth = torch.from_numpy(distance_transform_edt((labels[sample, 0] == c).numpy()))
            inside = depth > 0
            maps[sample, c][inside] = -(depth / depth.max())[inside]
    torch.testing.assert_close(region_wise_loss(logits, labels), (logits.softmax(1) * maps).mean())


def test_only_the_proportions_of_the_spacing_matter():
    problem = random_problem(2)
    small = region_wise_loss(*problem, spacing=(1.0, 2.0, 3.0))
    torch.testing.assert_close(region_wise_loss(*problem, spacing=(2.0, 4.0, 6.0)), small)
    assert not torch.isclose(region_wise_loss(*problem), small)
