import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.losses import WeightedCrossEntropyLoss, cross_entropy_loss, weighted_cross_entropy_loss

from .problems import LABELS, LOGITS, SEEDS, random_problem

POWERS = st.floats(0, 2)
# background on three of four voxels; the truth has probability .8, .6, .5, .9
UNEQUAL = torch.tensor([1, 0, 0, 0]).view(1, 1, 2, 2)
TRUTHS = [0.8, 0.6, 0.5, 0.9]


def shares(seed: int) -> torch.Tensor:
    return torch.rand(3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(0)


def test_four_voxels_by_hand():
    # f = 3/4, 1/4: weights 1/(2f) = 2/3 and 2
    surprise = [-math.log(p) for p in TRUTHS]
    assert weighted_cross_entropy_loss(LOGITS, UNEQUAL).item() == pytest.approx(
        (2 * surprise[0] + 2 / 3 * sum(surprise[1:])) / 4
    )
    # training cases with nine of ten voxels background: weights 5/9 and 5
    given_shares = torch.tensor([0.9, 0.1])
    total = 5 * surprise[0] + 5 / 9 * sum(surprise[1:])
    loss = weighted_cross_entropy_loss(LOGITS, UNEQUAL, class_frequencies=given_shares)
    assert loss.item() == pytest.approx(total / 4)
    loss = weighted_cross_entropy_loss(LOGITS, UNEQUAL, normalised=True, class_frequencies=given_shares)
    assert loss.item() == pytest.approx(total / (5 + 3 * 5 / 9))


def test_a_region_is_weighted_on_and_off():
    # the region is on in one voxel of four: 2 on, 2/3 off; p is .8, .4, .5, .1
    logits = LOGITS[:, 1:] - LOGITS[:, :1]
    expected = -(2 * math.log(0.8) + 2 / 3 * (math.log(0.6) + math.log(0.5) + math.log(0.9))) / 4
    assert weighted_cross_entropy_loss(logits, UNEQUAL == 1, regions=True).item() == pytest.approx(expected)
    # training cases in which it is on in every tenth: 5 on, 5/9 off
    expected = -(5 * math.log(0.8) + 5 / 9 * (math.log(0.6) + math.log(0.5) + math.log(0.9))) / 4
    loss = weighted_cross_entropy_loss(logits, UNEQUAL == 1, regions=True, class_frequencies=torch.tensor([0.1]))
    assert loss.item() == pytest.approx(expected)


@given(SEEDS, POWERS)
def test_normalised_is_the_form_of_torch(seed: int, power: float):
    logits, labels = random_problem(seed)
    frequencies = shares(seed)
    ours = weighted_cross_entropy_loss(logits, labels, power=power, normalised=True, class_frequencies=frequencies)
    theirs = torch.nn.functional.cross_entropy(logits, labels[:, 0].long(), weight=frequencies**-power)
    torch.testing.assert_close(ours, theirs)


@given(SEEDS, st.booleans(), st.booleans(), st.booleans())
def test_power_0_is_cross_entropy(seed: int, regions: bool, normalised: bool, of_training: bool):
    problem = random_problem(seed, regions=regions)
    options = {"regions": regions, "class_frequencies": shares(seed) if of_training else None}
    ours = weighted_cross_entropy_loss(*problem, power=0, normalised=normalised, **options)
    torch.testing.assert_close(ours, cross_entropy_loss(*problem, regions=regions))


@given(SEEDS, st.booleans(), POWERS)
def test_class_weights_have_the_mean_1_over_the_voxels_they_come_from(seed: int, regions: bool, power: float):
    logits, target = random_problem(seed, regions=regions)
    blind = torch.zeros_like(logits)  # every voxel costs log 3, or log 2
    expected = math.log(2 if regions else 3)
    assert weighted_cross_entropy_loss(blind, target, power=power, regions=regions).item() == pytest.approx(expected)


@given(SEEDS, POWERS)
def test_frequencies_given_as_those_of_the_batch_change_nothing(seed: int, power: float):
    logits, labels = random_problem(seed)
    weight = torch.randint(0, 3, (2, 1, 2, 2, 3), generator=torch.Generator().manual_seed(seed))
    counted = labels[weight > 0].long()
    found = counted.bincount(minlength=3) / len(counted)
    torch.testing.assert_close(
        weighted_cross_entropy_loss(logits, labels, weight, power=power, class_frequencies=found.double()),
        weighted_cross_entropy_loss(logits, labels, weight, power=power),
    )


def test_a_class_that_no_training_case_has_gets_the_largest_weight_of_the_others():
    logits = torch.zeros(1, 3, 1, 2)
    labels = torch.tensor([1, 2]).view(1, 1, 1, 2)
    frequencies = torch.tensor([0.8, 0.2, 0.0])  # weights .5/.8, .5/.2
    loss = weighted_cross_entropy_loss(logits, labels, class_frequencies=frequencies)
    assert loss.item() == pytest.approx(2.5 * math.log(3))


def test_frequencies_of_other_classes_are_refused():
    with pytest.raises(ValueError, match="one share for each of the 2 channels of the logits, got shape"):
        WeightedCrossEntropyLoss()(LOGITS, LABELS, class_frequencies=torch.tensor([0.5, 0.3, 0.2]))
