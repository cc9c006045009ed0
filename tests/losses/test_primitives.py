import pytest
import torch
from torch import Tensor

from nnunet_losses.losses import primitives
from nnunet_losses.losses.primitives import STATISTICS, log_probabilities, region_statistics, sample_mean, voxel_mean

from .problems import random_problem


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


def test_nothing_but_the_inputs_is_saved():
    logits, labels = random_problem(0)
    logits.requires_grad_()
    kept: list[int] = []

    def note(x: Tensor) -> Tensor:
        kept.append(x.untyped_storage().data_ptr())
        return x

    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
        primitives._RegionSums.apply(logits.flatten(2), labels.flatten(2), None, False, 1, ("pg", "p", "g"))
        primitives._LogProbabilities.apply(logits.flatten(2), labels.flatten(2), False)
    assert set(kept) == {x.untyped_storage().data_ptr() for x in (logits, labels)}


def test_a_voxel_mean_counts_the_voxels_that_count():
    values = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 2, 2)
    assert voxel_mean(values).item() == 2.5
    assert voxel_mean(values, torch.tensor([0.0, 2.0, 0.0, 1.0]).view(1, 1, 2, 2)).item() == 4
    assert voxel_mean(values, torch.zeros(1, 1, 2, 2)).item() == 0


def test_a_sample_mean_is_the_mean_over_samples_and_classes():
    assert sample_mean(torch.tensor([[1.0, 2.0], [3.0, 6.0]])).item() == 3
    assert sample_mean(torch.tensor([1.0, 3.0])).item() == 2


@pytest.mark.parametrize(
    ("logits", "target", "weight", "regions", "sentence"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 1), None, False, "logits must be floating point of shape"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.int64), torch.zeros(2, 1, 4, 4), None, False, "logits must be floating"),
        (torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4), None, False, "a softmax over one channel is always 1"),
        (torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4), None, False, r"labels must have shape \(2, 1, 4, 4\)"),
        (torch.zeros(2, 2, 4, 4), torch.zeros(2, 2, 4, 4), None, False, r"labels must have shape \(2, 1, 4, 4\)"),
        (torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4), None, True, r"regions must have shape \(2, 3, 4, 4\)"),
        (torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4), torch.ones(2, 4, 4), False, "voxel_weight must have"),
        (torch.zeros(2, 3, 4, 4), -torch.ones(2, 1, 4, 4), None, False, "label -1 stands at a voxel that counts"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_one_sentence(
    logits: Tensor, target: Tensor, weight: Tensor | None, regions: bool, sentence: str
):
    with pytest.raises(ValueError, match=sentence):
        region_statistics(logits, target, weight, names="p", regions=regions)
    with pytest.raises(ValueError, match=sentence):
        log_probabilities(logits, target, weight, regions=regions)


def test_an_unknown_statistic_is_refused():
    with pytest.raises(ValueError, match="unknown statistic q; there are: pg, p, g"):
        region_statistics(*random_problem(0), names="p q")
