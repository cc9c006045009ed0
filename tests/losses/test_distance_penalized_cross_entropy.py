import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.ndimage import distance_transform_edt

from nnunet_losses.losses import cross_entropy_loss, distance_penalized_cross_entropy_loss

from .line_of_voxels import LABELS, LOGITS, P
from .problems import SEEDS, random_problem

# background: distances 1, 1, 2, so it is reverted to 1, 1, 0; foreground: 1, 2, 1 to 1, 0, 1
PENALTY = torch.tensor([1, 1, 0, 1, 1, 0])


def by_hand(penalty: torch.Tensor) -> float:
    truth = torch.where(LABELS.flatten() == 1, P, 1 - P)
    return -((1 + penalty) * truth.log()).mean().item()


def test_six_voxels_by_hand():
    assert distance_penalized_cross_entropy_loss(LOGITS, LABELS).item() == pytest.approx(by_hand(PENALTY))
    wide = distance_penalized_cross_entropy_loss(LOGITS, LABELS, spacing=(1.0, 4.0))
    assert wide.item() == pytest.approx(by_hand(4 * PENALTY))


def test_normalized_goes_from_border_to_core_whatever_the_spacing():
    for spacing in (None, (1.0, 4.0)):
        found = distance_penalized_cross_entropy_loss(LOGITS, LABELS, normalized=True, spacing=spacing)
        assert found.item() == pytest.approx(by_hand(PENALTY))


def released_map(mask: np.ndarray) -> np.ndarray:
    """compute_edts_forPenalizedLoss of the code of Ma et al., for one sample."""
    inside, outside = distance_transform_edt(mask), distance_transform_edt(~mask)
    inside, outside = (inside.max() - inside) * mask, (outside.max() - outside) * ~mask
    return inside / inside.max() + outside / outside.max()


def test_two_labels_have_the_map_of_the_released_code():
    mask = np.zeros((1, 1, 7, 8, 9), bool)
    mask[..., 1:5, 2:7, 2:8] = True
    logits = torch.randn(1, 2, 7, 8, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    log_p = logits.log_softmax(1).gather(1, torch.from_numpy(mask).long())[0, 0]
    expected = -(torch.from_numpy(1 + released_map(mask[0, 0])) * log_p).mean()
    found = distance_penalized_cross_entropy_loss(logits, torch.from_numpy(mask).int(), normalized=True)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("normalized", [False, True])
@given(SEEDS)
def test_it_is_at_least_cross_entropy_and_normalized_at_most_twice(normalized: bool, seed: int):
    problem = random_problem(seed)
    loss, entropy = distance_penalized_cross_entropy_loss(*problem, normalized=normalized), cross_entropy_loss(*problem)
    assert loss >= entropy - 1e-12
    assert not normalized or loss <= 2 * entropy + 1e-12


def test_without_a_border_it_is_cross_entropy():
    for label in (0, 1):
        labels = torch.full_like(LABELS, label)
        expected = cross_entropy_loss(LOGITS, labels)
        torch.testing.assert_close(distance_penalized_cross_entropy_loss(LOGITS, labels), expected)
