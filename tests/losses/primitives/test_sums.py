import pytest
import torch
from torch import Tensor

from nnunet_losses.losses.primitives import (
    STATISTICS,
    log_probabilities,
    region_statistics,
    statistics_and_log_probabilities,
    voxel_mean,
)

from ..problems import random_problem


def statistics_by_definition(p: Tensor, g: Tensor, w: Tensor) -> dict[str, Tensor]:
    products = {"pg": p * g, "p": p, "g": g, "pp": p * p, "gg": g * g, "ppg": p * p * g, "w": torch.ones_like(p)}
    return {name: (w * product).flatten(2).sum(-1) for name, product in products.items()}


@pytest.mark.parametrize("weight_channels", [1, 3])
@pytest.mark.parametrize("regions", [False, True])
def test_statistics_and_their_gradients_are_the_sums_they_are_named_after(regions: bool, weight_channels: int):
    logits, target = random_problem(0, regions=regions)
    logits.requires_grad_()
    weight = torch.rand(2, weight_channels, 2, 2, 3, dtype=torch.float64)
    if regions:
        p, g = logits.sigmoid(), target.double()
    else:
        p, g = logits.softmax(1), torch.nn.functional.one_hot(target[:, 0].long(), 3).movedim(-1, 1).double()
    expected = statistics_by_definition(p, g, weight.expand_as(p))
    for name in STATISTICS:
        (ours,) = region_statistics(logits, target, weight, names=name, regions=regions, include_background=True)
        torch.testing.assert_close(ours, expected[name])
    names = " ".join(STATISTICS)
    sums = region_statistics(logits, target, weight, names=names, regions=regions, include_background=True)
    slopes = torch.randn(len(STATISTICS), 2, 3, dtype=torch.float64)
    ours = sum((slope * value).sum() for slope, value in zip(slopes, sums, strict=True))
    theirs = sum((slope * expected[name]).sum() for slope, name in zip(slopes, STATISTICS, strict=True))
    torch.testing.assert_close(torch.autograd.grad(ours, logits)[0], torch.autograd.grad(theirs, logits)[0])


def test_soft_regions_are_taken_as_they_are():
    logits = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    soft = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    expected = statistics_by_definition(logits.sigmoid(), soft, torch.ones_like(soft))
    for name in STATISTICS:
        (ours,) = region_statistics(logits, soft, names=name, regions=True)
        torch.testing.assert_close(ours, expected[name])
    log_p = log_probabilities(logits, soft, regions=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, soft, reduction="none")
    torch.testing.assert_close(-log_p, loss)
    ours, theirs = (torch.autograd.grad(x.sum(), logits)[0] for x in (-log_p, loss))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("regions", [False, True])
def test_kept_probabilities_become_the_gradient_and_a_second_pass_has_its_own(regions: bool):
    logits, target = random_problem(0, regions=regions)
    logits.requires_grad_()
    sums, log_p = statistics_and_log_probabilities(logits, target, names="pg p pp", regions=regions)
    value = sum(s.sum() for s in sums) + log_p.square().sum()
    kept = log_p.grad_fn.next_functions[0][0].probabilities.data_ptr()
    (first,) = torch.autograd.grad(value, logits, retain_graph=True)
    (second,) = torch.autograd.grad(value, logits)
    assert first.data_ptr() == kept != second.data_ptr()
    torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize(("dtype", "learning"), [(torch.float16, True), (torch.bfloat16, True), (torch.float32, False)])
def test_nothing_but_the_inputs_is_saved_in_half_precision_or_without_a_gradient(dtype: torch.dtype, learning: bool):
    logits, labels = random_problem(0)
    logits = logits.to(dtype).requires_grad_()
    saved: list[int] = []

    def note(x: Tensor) -> Tensor:
        saved.append(x.untyped_storage().data_ptr())
        return x

    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x), torch.set_grad_enabled(learning):
        (sums,) = region_statistics(logits, labels, names="pg")
    assert set(saved) == ({x.untyped_storage().data_ptr() for x in (logits, labels)} if learning else set())
    if learning:
        assert sums.grad_fn.next_functions[0][0].probabilities is None


def test_an_unknown_statistic_is_refused():
    with pytest.raises(ValueError, match="unknown statistic q; there are: pg, p, g"):
        region_statistics(*random_problem(0), names="p q")


def softmax_by_definition(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities, one-hot reference (nothing where a label is out of range) and log probability of the truth."""
    classes = torch.arange(logits.shape[1]).view(1, -1, *[1] * (logits.ndim - 2))
    g = (labels == classes).to(logits.dtype)
    return logits.softmax(1), g, (g * logits.log_softmax(1)).sum(1, keepdim=True)


@pytest.mark.parametrize("classes", [2, 3, 5, 16, 40])
@pytest.mark.parametrize("weight_channels", [0, 1, "classes"])
def test_both_at_once_are_those_of_the_definition(classes: int, weight_channels: int | str):
    torch.manual_seed(0)
    logits = (3 * torch.randn(2, classes, 4, 5, 3, dtype=torch.float64)).requires_grad_()
    labels = torch.randint(0, classes, (2, 1, 4, 5, 3), dtype=torch.int16)
    w = torch.rand(2, classes if weight_channels == "classes" else 1, 4, 5, 3, dtype=torch.float64)
    weight = w if weight_channels else None
    p, g, truth = softmax_by_definition(logits, labels)
    expected = statistics_by_definition(p, g, (w if weight_channels else torch.ones_like(w)).expand_as(p))
    names = " ".join(STATISTICS)
    sums, log_p = statistics_and_log_probabilities(logits, labels, weight, names=names)
    torch.testing.assert_close(log_p, truth)
    for name, ours in zip(STATISTICS, sums, strict=True):
        torch.testing.assert_close(ours, expected[name][:, 1:])
    slopes, pulls = torch.randn(len(STATISTICS), 2, classes - 1, dtype=torch.float64), torch.randn_like(log_p)
    ours = (slopes * torch.stack(sums)).sum() + (pulls * log_p).sum()
    theirs = (slopes * torch.stack([expected[name][:, 1:] for name in STATISTICS])).sum() + (pulls * truth).sum()
    torch.testing.assert_close(torch.autograd.grad(ours, logits)[0], torch.autograd.grad(theirs, logits)[0])


@pytest.mark.parametrize("regions", [False, True])
def test_both_at_once_are_what_each_is_by_itself(regions: bool):
    logits, target = random_problem(1, regions=regions)
    logits.requires_grad_()
    weight = torch.rand(2, 1, 2, 2, 3, dtype=torch.float64)
    (pg, p), log_p = statistics_and_log_probabilities(logits, target, weight, names="pg p", regions=regions)
    apart = region_statistics(logits, target, weight, names="pg p", regions=regions)
    log_p_apart = log_probabilities(logits, target, weight, regions=regions)
    torch.testing.assert_close((pg, p), apart)
    torch.testing.assert_close(log_p, log_p_apart)
    for ours, theirs in (
        ((pg / p).sum() + log_p.square().sum(), (apart[0] / apart[1]).sum() + log_p_apart.square().sum()),
        ((pg / p).sum(), (apart[0] / apart[1]).sum()),
        (log_p.square().sum(), log_p_apart.square().sum()),
    ):
        gradients = (torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (ours, theirs))
        torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("ignored", [-1, 3, 255, 300])
@pytest.mark.parametrize("weight_channels", [1, 3])
def test_a_label_out_of_range_has_no_influence_where_the_weight_is_0(weight_channels: int, ignored: int):
    logits, labels = random_problem(2)
    weight = torch.rand(2, weight_channels, 2, 2, 3, dtype=torch.float64)
    weight[..., 0, :, :] = 0
    changed = labels.clone()
    changed[..., 0, :, :] = ignored
    answers = []
    for target in (labels, changed):
        leaf = logits.clone().requires_grad_()
        sums, log_p = statistics_and_log_probabilities(leaf, target, weight, names="pg p g pp ppg gg w")
        assert log_p.isfinite().all()
        value = torch.stack(sums).square().sum() + voxel_mean(log_p, weight, target)
        answers.append((value.detach(), *torch.autograd.grad(value, leaf)))
    torch.testing.assert_close(answers[0], answers[1], rtol=0, atol=0)
    assert not answers[1][1][..., 0, :, :].any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("regions", [False, True])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype, regions: bool):
    logits, target = random_problem(3, regions=regions, dtype=dtype)
    answers = []
    for x in (logits, logits.float()):
        leaf = x.clone().requires_grad_()
        sums, log_p = statistics_and_log_probabilities(leaf, target, names="pg p g", regions=regions)
        (gradient,) = torch.autograd.grad(torch.stack(sums).square().sum() + log_p.sum(), leaf)
        answers.append((torch.stack(sums), log_p, gradient))
    for half, full in zip(answers[0][:2], answers[1][:2], strict=True):
        assert half.dtype == torch.float32
        torch.testing.assert_close(half, full, rtol=0, atol=0)
    torch.testing.assert_close(answers[0][2], answers[1][2].to(dtype), rtol=0, atol=0)


@pytest.mark.parametrize("regions", [False, True])
def test_memory_layout_does_not_matter(regions: bool):
    logits, target = random_problem(4, regions=regions)
    weight = torch.rand(2, 1, 2, 2, 3, dtype=torch.float64)

    def rearranged(x: Tensor) -> Tensor:
        return x.transpose(-1, -3).contiguous().transpose(-1, -3)

    answers = []
    for change in (Tensor.clone, rearranged):
        leaf = change(logits).requires_grad_()
        sums, log_p = statistics_and_log_probabilities(
            leaf, change(target), change(weight), names="pg p g", regions=regions
        )
        (gradient,) = torch.autograd.grad(torch.stack(sums).square().sum() + log_p.square().sum(), leaf)
        answers.append((torch.stack(sums), log_p, gradient))
    torch.testing.assert_close(answers[0], answers[1])


@pytest.mark.parametrize("size", [0.0, 20.0, 6e4])
def test_the_log_probability_is_exact_at_both_ends(size: float):
    logits = size + torch.tensor([0.0, -1.0, -30.0, -1e3]).repeat(4, 1).T[None]
    log_p = log_probabilities(logits, torch.arange(4)[None, None])
    expected = logits.double().log_softmax(1)[0, :, 0]
    torch.testing.assert_close(log_p[0, 0].double(), expected, rtol=1e-6, atol=2e-7)
    assert (log_p <= 0).all()


@pytest.mark.parametrize("size", [10, 1e3])
def test_no_probability_is_rounded_to_more_than_1(size: float):
    logits = size * torch.randn(1, 3, 1000, generator=torch.Generator().manual_seed(0))
    assert log_probabilities(logits, logits.argmax(1, keepdim=True)).max().item() == 0


def test_the_gradient_has_no_gradient_of_its_own():
    logits, labels = random_problem(5)
    logits.requires_grad_()
    (p,) = region_statistics(logits, labels, names="p")
    (gradient,) = torch.autograd.grad(p.square().sum(), logits, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
