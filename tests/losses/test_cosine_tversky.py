import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.losses import cosine_tversky_loss, tversky_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem


def test_four_voxels_by_hand():
    # foreground: TP 1.2, FP .6, FN .8; background: TP 1.4, FP .8, FN .6
    indices = 1.2 / (1.2 + 0.3 * 0.6 + 0.7 * 0.8), 1.4 / (1.4 + 0.3 * 0.8 + 0.7 * 0.6)
    assert cosine_tversky_loss(LOGITS, LABELS, smooth=0).item() == pytest.approx(
        sum(1 + math.cos(math.pi * index) for index in indices) / 2
    )
    assert cosine_tversky_loss(LOGITS, LABELS, gamma=2, smooth=0).item() == pytest.approx(
        sum(2 * ((1 + math.cos(math.pi * index)) / 2) ** 2 for index in indices) / 2
    )


@given(SEEDS)
def test_gamma_1_is_the_authors_code_with_one_minus_the_index(seed: int):
    logits, labels = random_problem(seed)
    p, g = logits.softmax(1), torch.nn.functional.one_hot(labels[:, 0].long(), 3).movedim(-1, 1)
    tp, fp, fn = ((x).sum((2, 3, 4)) for x in (p * g, p * (1 - g), (1 - p) * g))
    index = (tp + 1e-6) / (tp + 0.7 * fn + 0.3 * fp + 1e-6)
    torch.testing.assert_close(cosine_tversky_loss(logits, labels), (1 - torch.cos(math.pi * (1 - index))).mean())


@given(SEEDS, st.floats(0.1, 4))
def test_loss_lies_between_0_and_2_for_any_power(seed: int, gamma: float):
    logits, labels = random_problem(seed)
    logits.requires_grad_()
    value = cosine_tversky_loss(logits, labels, gamma=gamma)
    assert 0 <= value <= 2
    assert torch.autograd.grad(value, logits)[0].isfinite().all()


@given(SEEDS)
def test_it_ranks_predictions_as_tversky_does_where_there_is_one_class(seed: int):
    problems = [random_problem(seed + k) for k in range(2)]
    logits, labels = [x for x, _ in problems], problems[0][1][:1].clamp_max(1)
    values = [
        [loss(x[:1, :2], labels, include_background=False).item() for x in logits]
        for loss in (cosine_tversky_loss, lambda *a, **k: tversky_loss(*a, smooth=1e-6, **k))
    ]
    assert (values[0][0] < values[0][1]) == (values[1][0] < values[1][1])


def test_nothing_found_is_the_worst_and_a_perfect_prediction_the_best():
    one_hot = torch.nn.functional.one_hot(LABELS[:, 0].long(), 2).movedim(-1, 1)
    right = 60 * (2 * one_hot.double() - 1)
    assert cosine_tversky_loss(right, LABELS).item() == pytest.approx(0, abs=1e-9)
    assert cosine_tversky_loss(-right, LABELS).item() == pytest.approx(2, abs=1e-9)
