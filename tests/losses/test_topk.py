import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nnunetv2.training.loss.robust_ce_loss import TopKLoss as NnunetTopK

from nnunet_losses.losses import TopKLoss, cross_entropy_loss, topk_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem

FRACTIONS = st.sampled_from([0.05, 0.1, 0.29, 0.5, 0.9])


def test_four_voxels_by_hand():
    # the truth has probability .8, .4, .5, .9
    assert topk_loss(LOGITS, LABELS, fraction=0.5).item() == pytest.approx(-(math.log(0.4) + math.log(0.5)) / 2)
    assert topk_loss(LOGITS, LABELS, fraction=0.01).item() == pytest.approx(-math.log(0.4))  # at least one voxel
    assert topk_loss(LOGITS, LABELS, threshold=0.85).item() == pytest.approx(
        -(math.log(0.8) + math.log(0.4) + math.log(0.5)) / 3
    )
    assert topk_loss(LOGITS, LABELS, threshold=0.3).item() == 0


def test_a_share_of_the_voxels_is_counted_as_on_paper():
    # 0.29 · 100 is 28.999999999999996 in floating point
    p = torch.linspace(0.005, 0.995, 100, dtype=torch.float64)
    logits = torch.stack([(1 - p).log(), p.log()]).view(1, 2, 10, 10)
    found = topk_loss(logits, torch.ones(1, 1, 10, 10, dtype=torch.int16), fraction=0.29)
    assert found.item() == pytest.approx(-p[:29].log().mean().item())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_voxel_at_the_threshold_is_not_below_it(dtype: torch.dtype):
    logits, labels = torch.zeros(1, 2, 2, 2, dtype=dtype), torch.zeros(1, 1, 2, 2, dtype=torch.int16)
    assert topk_loss(logits, labels, threshold=0.5).item() == 0
    assert topk_loss(logits, labels, threshold=0.501).item() == pytest.approx(math.log(2))


def test_weights_say_what_a_mistake_costs_not_what_is_hard():
    weight = torch.tensor([5.0, 2.0, 0.0, 1.0]).view(1, 1, 2, 2)
    # of the three voxels that count, .8, .4 and .9, the hardest has .4
    assert topk_loss(LOGITS, LABELS, weight, fraction=0.4).item() == pytest.approx(-2 * math.log(0.4))
    assert topk_loss(LOGITS, LABELS, weight, fraction=0.7).item() == pytest.approx(
        -(2 * math.log(0.4) + 5 * math.log(0.8)) / 2
    )
    assert topk_loss(LOGITS, LABELS, weight, threshold=0.6).item() == pytest.approx(-2 * math.log(0.4))


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(SEEDS, st.sampled_from([5, 10, 29, 50, 100]))
def test_value_and_gradient_are_those_of_nnunet(seed: int, percent: int):
    logits, labels = random_problem(seed)
    logits.requires_grad_()
    ours, theirs = topk_loss(logits, labels, fraction=percent / 100), NnunetTopK(k=percent)(logits, labels)
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(value, logits)[0] for value in (ours, theirs)]
    torch.testing.assert_close(*gradients)


@given(SEEDS, st.booleans(), st.booleans())
def test_all_voxels_are_cross_entropy(seed: int, regions: bool, weighted: bool):
    logits, target = random_problem(seed, regions=regions)
    weight = torch.randint(0, 3, (2, 1, 2, 2, 3), generator=torch.Generator().manual_seed(seed)) if weighted else None
    expected = cross_entropy_loss(logits, target, weight, regions=regions)
    torch.testing.assert_close(topk_loss(logits, target, weight, fraction=1, regions=regions), expected)


@given(SEEDS, FRACTIONS)
def test_fewer_voxels_are_harder(seed: int, fraction: float):
    problem = random_problem(seed)
    assert topk_loss(*problem, fraction=fraction) >= topk_loss(*problem, fraction=min(1, 1.5 * fraction)) - 1e-12
    assert topk_loss(*problem, fraction=fraction) >= cross_entropy_loss(*problem) - 1e-12


@given(SEEDS, FRACTIONS)
def test_a_fraction_selects_as_the_threshold_that_it_amounts_to(seed: int, fraction: float):
    logits, labels = random_problem(seed)
    truth = logits.softmax(1).gather(1, labels.long()).flatten().sort().values
    k = max(1, int(fraction * 24 + 1e-9))
    threshold = (truth[k - 1] + truth[k]).item() / 2
    torch.testing.assert_close(
        topk_loss(logits, labels, fraction=fraction), topk_loss(logits, labels, threshold=threshold)
    )


def test_voxels_that_tie_share_the_last_places():
    logits = torch.zeros(1, 2, 2, 5, dtype=torch.float64, requires_grad=True)
    labels = torch.ones(1, 1, 2, 5, dtype=torch.int16)
    value = topk_loss(logits, labels, fraction=0.3)
    value.backward()
    assert value.item() == pytest.approx(math.log(2))
    torch.testing.assert_close(logits.grad[:, 1], torch.full((1, 2, 5), -0.05, dtype=torch.float64))


def test_a_lost_training_is_not_hidden():
    logits = LOGITS.clone()
    logits[0, :, 0, 0] = torch.nan
    assert topk_loss(logits, LABELS).isnan()
    assert topk_loss(logits, LABELS, threshold=0.5).isnan()


@pytest.mark.parametrize("value", [0, -0.1, 1.1])
def test_a_fraction_or_threshold_that_selects_nothing_or_too_much_is_refused(value: float):
    with pytest.raises(ValueError, match="fraction must be a finite number > 0 and ≤ 1"):
        TopKLoss(fraction=value)
    with pytest.raises(ValueError, match="threshold must be a finite number > 0 and ≤ 1"):
        TopKLoss(threshold=value)
