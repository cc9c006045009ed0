import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.losses import focal_tversky_loss, tversky_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem


def test_four_voxels_by_hand():
    assert focal_tversky_loss(LOGITS, LABELS, smooth=0).item() == pytest.approx((1 - 1.2 / 1.94) ** 0.75)


@given(SEEDS)
def test_gamma_one_is_tversky(seed: int):
    problem = random_problem(seed)
    torch.testing.assert_close(focal_tversky_loss(*problem, gamma=1), tversky_loss(*problem))


@given(SEEDS, st.floats(1, 3))
def test_a_larger_gamma_raises_every_class(seed: int, gamma: float):
    problem = random_problem(seed)
    assert focal_tversky_loss(*problem, gamma=gamma + 0.5) >= focal_tversky_loss(*problem, gamma=gamma) - 1e-9


def test_the_slope_at_a_perfect_prediction_is_finite_and_the_loss_zero():
    logits = (60 * (2 * torch.nn.functional.one_hot(LABELS[:, 0], 2).movedim(-1, 1) - 1)).float().requires_grad_()
    loss = focal_tversky_loss(logits, LABELS)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
