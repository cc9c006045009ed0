"""Every loss stays finite, ignores what is ignored, and is smallest where the prediction is right."""

import pytest
import torch

from nnunet_losses.losses.primitives import blocks

from .subjects import (
    ALL,
    CLASSES,
    DEFAULTS,
    SPACES,
    Subject,
    make_logits,
    make_target,
    make_weight,
    perfect_logits,
    same_bits,
    value_and_gradient,
)

TYPES = [torch.float32, torch.float16, torch.bfloat16]
each_subject = pytest.mark.parametrize("subject", ALL, ids=str)
each_default = pytest.mark.parametrize("subject", DEFAULTS, ids=str)
each_target = pytest.mark.parametrize("regions", [False, True], ids=["labels", "regions"])
each_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


def constant_target(space: tuple[int, ...], *, regions: bool, value: int) -> torch.Tensor:
    return torch.full((2, CLASSES if regions else 1, *space), value, dtype=torch.bool if regions else torch.int16)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@each_target
@each_space
@each_subject
def test_huge_logits_give_a_finite_value_and_gradient(subject: Subject, space, regions: bool, dtype: torch.dtype):
    target = make_target(space, regions=regions)
    for logits in (
        make_logits(space).sign() * 6e4,
        perfect_logits(target, regions=regions, size=6e4),
        perfect_logits(target, regions=regions, size=-6e4),
        torch.full_like(make_logits(space), 6e4),
    ):
        value, gradient = value_and_gradient(subject.make(regions=regions), logits.to(dtype), target)
        assert value.isfinite()
        assert gradient.isfinite().all()
        assert gradient.dtype == dtype


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("patch", ["empty", "full"])
@pytest.mark.parametrize("size", [1.0, 60.0, -60.0])
@each_target
@each_subject
def test_empty_and_full_patches_give_a_finite_value_and_gradient(
    subject: Subject, regions: bool, size: float, patch: str, dtype: torch.dtype
):
    space = SPACES["3D"]
    target = constant_target(space, regions=regions, value=0 if patch == "empty" else 1)
    right = perfect_logits(target, regions=regions, size=size)
    for logits in (right, make_logits(space)):
        value, gradient = value_and_gradient(subject.make(regions=regions), logits.to(dtype), target)
        assert value.isfinite()
        assert gradient.isfinite().all()


@each_target
@each_space
@each_subject
def test_an_all_ignored_patch_gives_a_finite_value_and_no_gradient(subject: Subject, space, regions: bool):
    target = constant_target(space, regions=regions, value=1)
    for dtype in TYPES:
        logits = make_logits(space, dtype=dtype)
        weight = torch.zeros(2, 1, *space)
        for batch in (False, True):
            value, gradient = value_and_gradient(subject.make(regions=regions, batch=batch), logits, target, weight)
            assert value.isfinite()
            assert not gradient.any()


@each_target
@each_space
@each_subject
@pytest.mark.parametrize("batch", [False, True], ids=["by sample", "pooled"])
def test_a_voxel_of_weight_zero_has_exactly_no_influence(subject: Subject, space, regions: bool, batch: bool):
    logits = make_logits(space, dtype=torch.float32)
    target, weight = make_target(space, regions=regions), make_weight(space, 1).float()
    ignored = (weight == 0).expand_as(target)
    elsewhere, other = logits.clone(), target.clone()
    elsewhere.masked_scatter_((weight == 0).expand_as(logits), 50 * torch.randn(logits.numel()))
    other[ignored] = ~target[ignored] if regions else torch.randint(-1, 300, (int(ignored.sum()),)).to(target.dtype)
    loss = subject.make(regions=regions, batch=batch)
    value, gradient = value_and_gradient(loss, logits, target, weight)
    other_value, other_gradient = value_and_gradient(loss, elsewhere, other, weight)
    counts = (weight > 0).expand_as(logits)
    assert same_bits(value, other_value)
    assert same_bits(gradient[counts], other_gradient[counts])
    assert not gradient[~counts].any()
    assert not other_gradient[~counts].any()


@each_target
@each_subject
def test_a_label_out_of_range_is_refused_where_it_counts(subject: Subject, regions: bool):
    if regions:
        target = make_target(SPACES["3D"], regions=True)[:, :2]
    else:
        target = torch.full((2, 1, *SPACES["3D"]), CLASSES)
    with pytest.raises(ValueError, match=f"regions must have shape|label {CLASSES} stands at a voxel that counts"):
        subject.make(regions=regions)(make_logits(SPACES["3D"]), target)


@each_target
@each_space
@each_subject
def test_a_perfect_prediction_is_the_minimum(subject: Subject, space, regions: bool):
    target = make_target(space, regions=regions)
    right = perfect_logits(target, regions=regions)
    for weight in (None, make_weight(space, 1)):
        loss = subject.make(regions=regions)
        best, gradient = value_and_gradient(loss, right, target, weight)
        assert gradient.abs().max() < 1e-6
        others = [make_logits(space, seed=seed) for seed in range(5)] + [-right, right / 20, torch.zeros_like(right)]
        for voxel in range(0, right[0].numel(), 7):
            changed = right.clone().flatten(1)
            changed[:, voxel] *= -1
            others.append(changed.view_as(right))
        assert all(loss(other, target, weight) >= best - 1e-9 for other in others)
        assert loss(-right, target, weight) > best + 1e-3


@each_target
@each_default
def test_a_step_against_the_gradient_lowers_the_loss(subject: Subject, regions: bool):
    logits, target = make_logits(SPACES["3D"]), make_target(SPACES["3D"], regions=regions)
    loss = subject.make(regions=regions)
    value, gradient = value_and_gradient(loss, logits, target)
    assert loss(logits - 1e-2 * gradient / gradient.norm(), target) < value


@each_target
@each_space
@each_subject
def test_gradient_is_that_of_finite_differences(subject: Subject, space, regions: bool):
    if ("balance", "ratio") in subject.changed:
        pytest.skip("the ratio of two terms counts as fixed in the gradient; its own test looks at that gradient")
    target = make_target(space, regions=regions)
    logits = make_logits(space).requires_grad_()
    for weight, batch in ((None, False), (make_weight(space, 1), True), (make_weight(space, CLASSES), False)):
        loss = subject.make(regions=regions, batch=batch)
        assert torch.autograd.gradcheck(lambda x, f=loss, w=weight: f(x, target, w), logits, fast_mode=True)


@each_target
@each_subject
def test_blocks_do_not_change_the_result(subject: Subject, regions: bool, monkeypatch: pytest.MonkeyPatch):
    space = SPACES["3D"]
    logits, target, weight = make_logits(space), make_target(space, regions=regions), make_weight(space, 1)
    loss = subject.make(regions=regions)
    value, gradient = value_and_gradient(loss, logits, target, weight)
    monkeypatch.setattr(blocks, "CPU_BLOCKS", (7 * CLASSES, 7 * CLASSES))
    value_of_blocks, gradient_of_blocks = value_and_gradient(loss, logits, target, weight)
    torch.testing.assert_close(value_of_blocks, value, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradient_of_blocks, gradient, rtol=1e-12, atol=1e-12)
