"""Every layout of nnU-Net's target, from tensor to loss."""

import pytest
import torch
from torch import Tensor

from nnunet_losses.losses import TverskyLoss
from nnunet_losses.nnunet.training.adapter import LossAdapter
from nnunet_losses.nnunet.training.target import TargetFormat
from nnunet_losses.nnunet.training.transforms import AppendInstanceIds, AppendWeights

SHAPE = (6, 5, 4)
LAYOUTS = [
    TargetFormat(regions, ignore_label, instances, weights)
    for regions in (0, 2)
    for ignore_label in (None, 3)
    for instances in (False, True)
    for weights in (False, True)
]


def target_of(layout: TargetFormat, labels: Tensor) -> Tensor:
    """What nnU-Net's loader gives for label maps (B, 1, *S) of the values 0 … 3."""
    if layout.ignore_label is None:
        labels = labels.where(labels != 3, 0)
    samples = []
    for sample in labels:
        if layout.regions:
            regions = [torch.isin(sample[0], torch.tensor([1, 2])), sample[0] == 2]
            sample = torch.stack(regions + [sample[0] == 3] * (layout.ignore_label is not None))
        if layout.instances:
            sample = AppendInstanceIds(layout.regions, layout.ignore_label)._apply_to_segmentation(sample)
        if layout.weights:
            stored = torch.full((1, *SHAPE), 1.5)  # less 1
            sample = AppendWeights()(segmentation=sample, regression_target=stored)["segmentation"]
        samples.append(sample)
    return torch.stack(samples)


@pytest.fixture
def labels() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 4, (2, 1, *SHAPE), generator=generator, dtype=torch.int16)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_the_target_is_split_into_what_it_means(layout: TargetFormat, labels: Tensor) -> None:
    reference, valid, instances = layout.split(target_of(layout, labels))
    ignored = labels == 3
    if layout.regions:
        assert torch.equal(reference[:, :1] != 0, (labels == 1) | (labels == 2))
        assert torch.equal(reference[:, 1:] != 0, labels == 2)
    else:
        assert torch.equal(reference.where(reference != 3, 0), labels.where(~ignored, 0))
    assert (valid is None) == (layout.ignore_label is None)
    if valid is not None:
        assert torch.equal(valid, ~ignored)
    assert (instances is None) != layout.instances
    if instances is not None:
        assert instances.shape == (2, layout.regions or 1, *SHAPE)
        assert torch.equal(instances[:, :1] > 0, (labels == 1) | (labels == 2))
    stored = layout.stored_weight(target_of(layout, labels))
    assert (stored is None) != layout.weights
    if stored is not None:
        assert torch.equal(stored, torch.full((2, 1, *SHAPE), 2.5))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_without_instances_it_is_the_target_that_nnunet_made(layout: TargetFormat, labels: Tensor) -> None:
    plain = TargetFormat(layout.regions, layout.ignore_label, instances=False)
    expected = target_of(plain, labels)
    stripped = layout.without_additions(target_of(layout, labels))
    assert stripped.dtype == expected.dtype
    assert torch.equal(stripped, expected)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_ignored_voxels_have_no_influence(layout: TargetFormat, labels: Tensor) -> None:
    weighting = "iw" if layout.instances else None
    adapter = LossAdapter(TverskyLoss(regions=bool(layout.regions)), layout, weighting)
    logits = torch.randn(2, layout.regions or 3, *SHAPE, generator=torch.Generator().manual_seed(1))
    changed = logits.where(labels != 3, logits.flip(1))
    target = target_of(layout, labels)
    same = torch.equal(adapter(logits, target), adapter(changed, target))
    assert same == (layout.ignore_label is not None)
