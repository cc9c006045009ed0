"""Every loss stays finite, ignores what is ignored, and is smallest where the prediction is right."""

import pytest
import torch

from nnunet_losses.losses.primitives import blocks

from .cells import cell
from .subjects import (
    BRANCHES,
    CLASSES,
    DEFAULTS,
    EXTREMES,
    MODES,
    Mode,
    Subject,
    make_logits,
    make_target,
    make_weight,
    perfect_logits,
    same_bits,
    value_and_gradient,
)

TYPES = [torch.float32, torch.float16]
"""Probabilities are kept for the first and computed again for the second, whose numbers end at 65504."""


def constant_target(mode: Mode, value: int) -> torch.Tensor:
    shape = (2, CLASSES if mode.regions else 1, *mode.space)
    return torch.full(shape, value, dtype=torch.bool if mode.regions else torch.int16)


@cell(EXTREMES, mode=MODES, dtype=TYPES)
def test_huge_logits_give_a_finite_value_and_gradient(subject: Subject, mode: Mode, dtype: torch.dtype):
    target, loss = make_target(mode.space, regions=mode.regions), subject.make(regions=mode.regions)
    for logits in (
        make_logits(mode.space).sign() * 6e4,
        perfect_logits(target, regions=mode.regions, size=6e4),
        perfect_logits(target, regions=mode.regions, size=-6e4),
        torch.full_like(make_logits(mode.space), 6e4),
    ):
        value, gradient = value_and_gradient(loss, logits.to(dtype), target)
        assert value.isfinite()
        assert gradient.isfinite().all()
        assert gradient.dtype == dtype


@cell(EXTREMES, mode=MODES, dtype=TYPES, value=[0, 1], size=[60.0, -60.0, None])
def test_empty_and_full_patches_give_a_finite_value_and_gradient(
    subject: Subject, mode: Mode, dtype: torch.dtype, value: int, size: float | None
):
    target = constant_target(mode, value)
    logits = make_logits(mode.space) if size is None else perfect_logits(target, regions=mode.regions, size=size)
    found, gradient = value_and_gradient(subject.make(regions=mode.regions), logits.to(dtype), target)
    assert found.isfinite()
    assert gradient.isfinite().all()


@cell(EXTREMES, mode=MODES, dtype=TYPES, batch=[False, True])
def test_an_all_ignored_patch_gives_a_finite_value_and_no_gradient(
    subject: Subject, mode: Mode, dtype: torch.dtype, batch: bool
):
    logits, weight = make_logits(mode.space, dtype=dtype), torch.zeros(2, 1, *mode.space)
    loss = subject.make(regions=mode.regions, batch=batch)
    value, gradient = value_and_gradient(loss, logits, constant_target(mode, 1), weight)
    assert value.isfinite()
    assert not gradient.any()


@cell(BRANCHES, mode=MODES, batch=[False, True])
def test_a_voxel_of_weight_zero_has_exactly_no_influence(subject: Subject, mode: Mode, batch: bool):
    logits = make_logits(mode.space, dtype=torch.float32)
    target, weight = make_target(mode.space, regions=mode.regions), make_weight(mode.space, 1).float()
    ignored = (weight == 0).expand_as(target)
    elsewhere, other = logits.clone(), target.clone()
    elsewhere.masked_scatter_((weight == 0).expand_as(logits), 50 * torch.randn(logits.numel()))
    wrong = torch.randint(-1, 300, (int(ignored.sum()),)).to(target.dtype)
    other[ignored] = ~target[ignored] if mode.regions else wrong
    loss = subject.make(regions=mode.regions, batch=batch)
    value, gradient = value_and_gradient(loss, logits, target, weight)
    other_value, other_gradient = value_and_gradient(loss, elsewhere, other, weight)
    counts = (weight > 0).expand_as(logits)
    assert same_bits(value, other_value)
    assert same_bits(gradient[counts], other_gradient[counts])
    assert not gradient[~counts].any()
    assert not other_gradient[~counts].any()


@cell(DEFAULTS, mode=MODES)
def test_a_label_out_of_range_is_refused_where_it_counts(subject: Subject, mode: Mode):
    if mode.regions:
        target = make_target(mode.space, regions=True)[:, :2]
    else:
        target = torch.full((2, 1, *mode.space), CLASSES)
    with pytest.raises(ValueError, match=f"regions must have shape|label {CLASSES} occurs at a voxel that counts"):
        subject.make(regions=mode.regions)(make_logits(mode.space), target)


@cell(EXTREMES, mode=MODES)
def test_a_perfect_prediction_is_the_minimum(subject: Subject, mode: Mode):
    target, weight = make_target(mode.space, regions=mode.regions), make_weight(mode.space, 1)
    right, loss = perfect_logits(target, regions=mode.regions), subject.make(regions=mode.regions)
    best, gradient = value_and_gradient(loss, right, target, weight)
    assert gradient.abs().max() < 1e-6
    others = [make_logits(mode.space, seed=seed) for seed in range(2)] + [right / 20, torch.zeros_like(right)]
    for voxel in range(0, right[0].numel(), right[0].numel() // 4):
        changed = right.clone().flatten(1)
        changed[:, voxel] *= -1
        others.append(changed.view_as(right))
    assert all(loss(other, target, weight) >= best - 1e-9 for other in others)
    assert loss(-right, target, weight) > best + 1e-3


@cell(DEFAULTS, mode=MODES)
def test_a_step_against_the_gradient_lowers_the_loss(subject: Subject, mode: Mode):
    logits, target = make_logits(mode.space), make_target(mode.space, regions=mode.regions)
    loss = subject.make(regions=mode.regions)
    value, gradient = value_and_gradient(loss, logits, target)
    assert loss(logits - 1e-2 * gradient / gradient.norm(), target) < value


@cell(BRANCHES, mode=MODES, weight_and_batch=[(1, True), (CLASSES, False)])
def test_gradient_is_that_of_finite_differences(subject: Subject, mode: Mode, weight_and_batch: tuple[int, bool]):
    if ("balance", "ratio") in subject.changed:
        pytest.skip("the ratio of two terms counts as fixed in the gradient; its own test looks at that gradient")
    target, (channels, batch) = make_target(mode.space, regions=mode.regions), weight_and_batch
    loss, weight = subject.make(regions=mode.regions, batch=batch), make_weight(mode.space, channels)
    logits = make_logits(mode.space).clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, target, weight), logits, fast_mode=True)


@cell(BRANCHES, mode=MODES)
def test_blocks_do_not_change_the_result(subject: Subject, mode: Mode):
    logits, target = make_logits(mode.space), make_target(mode.space, regions=mode.regions)
    loss, weight = subject.make(regions=mode.regions), make_weight(mode.space, 1)
    value, gradient = value_and_gradient(loss, logits, target, weight)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "CPU_BLOCKS", (7 * CLASSES, 7 * CLASSES))
        value_of_blocks, gradient_of_blocks = value_and_gradient(loss, logits, target, weight)
    torch.testing.assert_close(value_of_blocks, value, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradient_of_blocks, gradient, rtol=1e-12, atol=1e-12)
