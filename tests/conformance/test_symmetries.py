"""What must not matter does not, and what must differ does."""

import copy
import pickle

import pytest
import torch

from nnunet_losses.losses import CATALOGUE

from .cells import cell
from .subjects import (
    ALL,
    BRANCHES,
    CLASSES,
    DEFAULTS,
    LABELS,
    MODES,
    REGIONS,
    SPACES,
    Mode,
    Subject,
    make_logits,
    make_target,
    make_weight,
    value_and_gradient,
)

SPACE = SPACES["3D"]
IN_3D = [LABELS, Mode(True, SPACE)]

ASYMMETRIC = [
    name for name, loss in CATALOGUE.items() if {"fp_weight", "fn_weight"} <= {p.keyword for p in loss.hyper_parameters}
]


@cell(BRANCHES, mode=IN_3D)
def test_3d_equals_the_same_voxels_in_2d(subject: Subject, mode: Mode):
    loss = subject.make(regions=mode.regions)
    if loss.needs & {"spacing", "instances"}:
        pytest.skip("the loss knows which voxels are neighbours, and how far the others are")
    logits, target, weight = make_logits(SPACE), make_target(SPACE, regions=mode.regions), make_weight(SPACE, 1)
    value, gradient = value_and_gradient(loss, logits, target, weight)
    flat_value, flat_gradient = value_and_gradient(loss, logits.flatten(3), target.flatten(3), weight.flatten(3))
    torch.testing.assert_close(flat_value, value)
    torch.testing.assert_close(flat_gradient.view_as(gradient), gradient)


@cell(BRANCHES, mode=MODES, batch=[False, True])
def test_the_order_of_the_batch_does_not_matter(subject: Subject, mode: Mode, batch: bool):
    logits = make_logits(mode.space, samples=3)
    target, weight = make_target(mode.space, regions=mode.regions, samples=3), make_weight(mode.space, 1, samples=3)
    order = torch.tensor([2, 0, 1])
    loss = subject.make(regions=mode.regions, batch=batch)
    value, gradient = value_and_gradient(loss, logits, target, weight)
    other_value, other_gradient = value_and_gradient(loss, logits[order], target[order], weight[order])
    torch.testing.assert_close(other_value, value)
    torch.testing.assert_close(other_gradient, gradient[order])


@cell(BRANCHES, mode=IN_3D)
def test_the_order_of_voxels_does_not_matter(subject: Subject, mode: Mode):
    loss = subject.make(regions=mode.regions)
    if loss.needs >= {"spacing", "instances"}:
        pytest.skip("a voxel as near to two lesions goes to one of them; its own test exchanges axes where none is")
    logits, target, weight = make_logits(SPACE), make_target(SPACE, regions=mode.regions), make_weight(SPACE, 1)
    value, gradient = value_and_gradient(loss, logits, target, weight)
    turned = [x.permute(0, 1, 4, 2, 3) for x in (logits, target, weight)]  # not contiguous either
    assert not turned[0].is_contiguous()
    leaf = turned[0].detach().requires_grad_()
    other_value = loss(leaf, *turned[1:])
    (other_gradient,) = torch.autograd.grad(other_value, leaf)
    torch.testing.assert_close(other_value.detach(), value)
    torch.testing.assert_close(other_gradient, gradient.permute(0, 1, 4, 2, 3))


LABEL_TYPES = (torch.uint8, torch.int16, torch.int32, torch.int64, torch.float32)
REGION_TYPES = (torch.bool, torch.uint8, torch.int16, torch.float16, torch.float32)


@cell(DEFAULTS, mode_and_types=[(LABELS, LABEL_TYPES), (REGIONS, REGION_TYPES)])
def test_the_type_of_labels_and_regions_does_not_matter(
    subject: Subject, mode_and_types: tuple[Mode, tuple[torch.dtype, ...]]
):
    mode, types = mode_and_types
    logits, target = make_logits(mode.space), make_target(mode.space, regions=mode.regions)
    loss = subject.make(regions=mode.regions)
    assert len({loss(logits, target.to(dtype)).item() for dtype in types}) == 1


@cell(BRANCHES, mode=MODES, dtype=[torch.float16, torch.bfloat16])
def test_half_precision_gives_the_value_of_its_own_logits_in_full_precision(
    subject: Subject, mode: Mode, dtype: torch.dtype
):
    logits, target = make_logits(mode.space, dtype=dtype), make_target(mode.space, regions=mode.regions)
    loss = subject.make(regions=mode.regions)
    value, gradient = value_and_gradient(loss, logits, target)
    full_value, full_gradient = value_and_gradient(loss, logits.double(), target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), full_value, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient.double(), full_gradient, rtol=1e-2, atol=1e-5)


@cell(BRANCHES, mode=MODES)
def test_autocast_changes_nothing(subject: Subject, mode: Mode):
    logits, target = make_logits(mode.space, dtype=torch.float32), make_target(mode.space, regions=mode.regions)
    loss = subject.make(regions=mode.regions)
    value, gradient = value_and_gradient(loss, logits, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast_value, cast_gradient = value_and_gradient(loss, logits, target)
    assert cast_value.item() == value.item()
    assert torch.equal(cast_gradient, gradient)


@cell(BRANCHES)
def test_settings_survive_repr_copy_and_pickle(subject: Subject):
    loss = subject.make(batch=True)
    for parameter in loss.hyper_parameters:
        assert f"{parameter.keyword}={getattr(loss, parameter.keyword)!r}" in repr(loss)
    logits, target = make_logits(SPACE), make_target(SPACE, regions=False)
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert repr(twin) == repr(loss)
        assert twin(logits, target).item() == loss(logits, target).item()
    assert list(loss.parameters()) == []


@cell(ALL)
def test_hyper_parameters_matter(subject: Subject):
    logits, target = make_logits(SPACE), make_target(SPACE, regions=False)
    circumstances = {"class_frequencies": torch.tensor([0.7, 0.2, 0.1]), "epoch": 70}
    if subject.changed:
        pair = subject.make(), Subject(subject.name).make()
        for labels in (target, target.clamp_max(CLASSES - 2)):  # all classes, and the last one absent
            changed, default = (loss(logits, labels, **circumstances).item() for loss in pair)
            if changed != pytest.approx(default, rel=1e-9):
                return
        pytest.fail("neither changes the value")


@pytest.mark.parametrize("channel", range(1, CLASSES))
@pytest.mark.parametrize("name", ASYMMETRIC)
def test_a_false_negative_costs_by_its_weight_and_a_false_positive_by_its_own(name: str, channel: int):
    def prediction(labels: list[int]) -> torch.Tensor:
        one_hot = torch.nn.functional.one_hot(torch.tensor(labels), CLASSES).T
        return (120 * one_hot.double() - 60).view(1, CLASSES, 2, 4)

    other = 3 - channel
    more, less = ([channel, channel, third, other, other, 0, 0, 0] for third in (channel, 0))

    def cost(predicted: list[int], truth: list[int], fp: float, fn: float) -> float:
        loss = CATALOGUE[name](fp_weight=fp, fn_weight=fn)
        return loss(prediction(predicted), torch.tensor(truth).view(1, 1, 2, 4)).item()

    # two true positives in both cases: swapping reference and prediction swaps the parts of the two weights
    assert cost(more, less, 0.3, 0.7) == pytest.approx(cost(less, more, 0.7, 0.3), abs=1e-9)
    assert cost(more, less, 0.3, 0.7) < cost(less, more, 0.3, 0.7)  # one missed voxel is worse than one too many
    assert cost(less, more, 0.3, 0.9) > cost(less, more, 0.3, 0.7)
    assert cost(less, more, 0.9, 0.7) == pytest.approx(cost(less, more, 0.3, 0.7), abs=1e-9)
    assert cost(more, less, 0.9, 0.7) > cost(more, less, 0.3, 0.7)
