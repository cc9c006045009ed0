import itertools

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nnunet_losses.losses import iou_loss, lovasz_softmax_loss
from nnunet_losses.losses.lovasz_softmax import lovasz_slopes

from .problems import LABELS, LOGITS, SEEDS, random_problem


def test_four_voxels_by_hand():
    # foreground errors .2, .6 (in), .5, .1 (out), in falling order .6 in, .5 out, .2 in, .1 out:
    # J = 0, 1 − 1/2, 1 − 1/3, 1 − 0/3, 1 − 0/4
    foreground = 0.6 / 2 + 0.5 / 6 + 0.2 / 3
    # background: the same errors with in and out exchanged: J = 0, 1 − 2/3, 1 − 1/3, 1 − 1/4, 1 − 0/4
    background = 0.6 / 3 + 0.5 / 3 + 0.2 / 12 + 0.1 / 4
    assert lovasz_softmax_loss(LOGITS, LABELS).item() == pytest.approx((foreground + background) / 2)
    assert lovasz_softmax_loss(LOGITS, LABELS, include_background=False).item() == pytest.approx(foreground)


@given(SEEDS, st.booleans(), st.booleans())
def test_hard_predictions_have_the_jaccard_loss(seed: int, regions: bool, weighted: bool):
    logits, target = random_problem(seed, regions=regions)
    assume(regions or all(len(sample.unique()) == 3 for sample in target))
    logits = 1e3 * (logits.sign() if regions else logits.eq(logits.amax(1, keepdim=True)).double())
    weight = torch.rand(2, 1, 2, 2, 3, generator=torch.Generator().manual_seed(seed)) if weighted else None
    modes = {"regions": regions, "include_background": True}
    expected = iou_loss(logits, target, weight, smooth=1e-8, **modes)  # without smooth an empty region would cost 1
    torch.testing.assert_close(lovasz_softmax_loss(logits, target, weight, **modes), expected, rtol=0, atol=1e-5)


@given(SEEDS, st.booleans(), st.booleans())
def test_a_voxel_of_weight_n_is_as_n_voxels(seed: int, regions: bool, batch: bool):
    logits, target = random_problem(seed, regions=regions)
    times = torch.randint(0, 4, (12,), generator=torch.Generator().manual_seed(seed))
    assume(times.any())
    flat_logits, flat_target = logits.flatten(2), target.flatten(2)
    weight = times.view(1, 1, 12).expand(2, 1, 12)
    repeated = [x.repeat_interleave(times, 2) for x in (flat_logits, flat_target)]
    modes = {"regions": regions, "batch": batch}
    torch.testing.assert_close(
        lovasz_softmax_loss(flat_logits, flat_target, weight, **modes), lovasz_softmax_loss(*repeated, **modes)
    )


@settings(max_examples=30)
@given(SEEDS)
def test_it_is_the_convex_closure_of_the_jaccard_loss(seed: int):
    """The slopes are the best of the extreme points of the submodular polyhedron: those of all orders of voxels."""
    generator = torch.Generator().manual_seed(seed)
    errors, w = torch.rand(1, 5, generator=generator).double(), torch.rand(1, 5, generator=generator).double()
    g = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0]]).double()

    def jaccard(wrong: list[int]) -> float:
        missed = sum(w[0, i].item() for i in wrong if g[0, i])
        false = sum(w[0, i].item() for i in wrong if not g[0, i])
        size = (w * g).sum().item()
        return 1 - (size - missed) / (size + false)

    values = []
    for order in itertools.permutations(range(5)):
        steps = [jaccard(list(order[: k + 1])) - jaccard(list(order[:k])) for k in range(5)]
        values.append(sum(errors[0, i].item() * step for i, step in zip(order, steps, strict=True)))
    slopes, size = lovasz_slopes(errors, g, w)
    assert (errors * slopes).sum().item() == pytest.approx(max(values))
    assert size.item() == pytest.approx((w * g).sum().item())


def test_absent_classes_count_only_on_demand_and_then_by_their_largest_error():
    logits = torch.tensor([[0.5, 0.4, 0.1], [0.2, 0.5, 0.3]]).double().log().T.reshape(1, 3, 1, 2)
    labels = torch.tensor([0, 1]).view(1, 1, 1, 2)
    present = (0.5 + 0.5) / 2  # each class has one voxel: its errors .5 and .2 or .4; J = 0, 1, 1
    assert lovasz_softmax_loss(logits, labels).item() == pytest.approx(present)
    assert lovasz_softmax_loss(logits, labels, all_classes=True).item() == pytest.approx((2 * present + 0.3) / 3)


def test_an_absent_region_costs_what_is_found_of_it():
    logits = torch.tensor([0.2, 0.7]).double().logit().view(1, 1, 1, 2)
    nothing = torch.zeros(1, 1, 1, 2, dtype=torch.bool)
    assert lovasz_softmax_loss(logits, nothing, regions=True).item() == pytest.approx(0.7)


def test_slopes_keep_their_digits_among_a_million_voxels():
    count = 1 << 20
    errors = torch.linspace(1, 0, count, dtype=torch.float64)[None]
    g = (torch.arange(count) % 97 == 0).double()[None]
    slopes, _ = lovasz_slopes(errors.float(), g.float(), torch.ones(1, count))
    exact, _ = lovasz_slopes(errors, g, torch.ones_like(g))
    torch.testing.assert_close(slopes.double(), exact, rtol=1e-6, atol=0)
    assert slopes.double().sum().item() == pytest.approx(1, rel=1e-6)  # they add up to J of a wholly wrong prediction
