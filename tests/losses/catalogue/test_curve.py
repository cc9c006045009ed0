import pytest
import torch

from nnunet_losses.losses import CATALOGUE, CrossEntropyLoss, TverskyLoss
from nnunet_losses.losses.catalogue.curve import curve


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_curve_ends_at_its_best(name: str):
    p, missed, added = curve(CATALOGUE[name](), points=9)
    assert p.shape == missed.shape == added.shape == (9,)
    for values in (missed, added):
        assert values.isfinite().all()
        assert values[0] > values[-1]


def test_curves_are_the_loss_at_one_voxel():
    p, missed, added = curve(CrossEntropyLoss())
    torch.testing.assert_close(missed, -p.log() / 64, rtol=0, atol=1e-5)
    torch.testing.assert_close(missed, added)
    p, missed, added = curve(TverskyLoss(smooth=0))
    torch.testing.assert_close(missed, 1 - (8 + p) / (8 + p + 0.7 * (1 - p)), rtol=0, atol=1e-4)
    torch.testing.assert_close(added, 1 - 9 / (9 + 0.3 * (1 - p)), rtol=0, atol=1e-4)
