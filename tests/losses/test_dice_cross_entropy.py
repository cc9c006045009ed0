"""The default trainer's loss is nnU-Net's own: same value, same gradient."""

import pytest
import torch
from nnunetv2.training.loss.compound_losses import DC_and_BCE_loss, DC_and_CE_loss
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from torch import Tensor, nn

from nnunet_losses.losses import cross_entropy_loss, dice_cross_entropy_loss

from .problems import random_problem

each_pooling = pytest.mark.parametrize("batch", [False, True], ids=["by sample", "batch dice"])


def gradient(value: Tensor, logits: Tensor) -> Tensor:
    return torch.autograd.grad(value, logits)[0]


def dice_settings(*, batch: bool, background: bool) -> dict[str, object]:
    return {"batch_dice": batch, "smooth": 1e-5, "do_bg": background, "ddp": False}


@each_pooling
@pytest.mark.parametrize("ignore", [False, True])
def test_labels(ignore: bool, batch: bool):
    logits, labels = random_problem(0, dtype=torch.float32)
    logits.requires_grad_()
    if ignore:
        labels[:, :, 1] = 3
    nnunet: nn.Module = DC_and_CE_loss(
        dice_settings(batch=batch, background=False),
        {},
        ignore_label=3 if ignore else None,
        dice_class=MemoryEfficientSoftDiceLoss,
    )
    theirs = nnunet(logits, labels)
    ours = dice_cross_entropy_loss(logits, labels, (labels != 3).float() if ignore else None, batch=batch)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradient(ours, logits), gradient(theirs, logits), rtol=1e-5, atol=1e-8)


@each_pooling
def test_regions(batch: bool):
    logits, regions = random_problem(1, regions=True, dtype=torch.float32)
    logits.requires_grad_()
    nnunet: nn.Module = DC_and_BCE_loss({}, dice_settings(batch=batch, background=True))
    theirs = nnunet(logits, regions)
    ours = dice_cross_entropy_loss(logits, regions, regions=True, batch=batch)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradient(ours, logits), gradient(theirs, logits), rtol=1e-5, atol=1e-8)


@each_pooling
def test_regions_with_an_ignore_label_differ_by_the_number_of_regions_in_the_cross_entropy(batch: bool):
    logits, regions = random_problem(2, regions=True, dtype=torch.float32)
    logits.requires_grad_()
    ignored = torch.rand(2, 1, 2, 2, 3, generator=torch.Generator().manual_seed(0)) < 0.3
    nnunet: nn.Module = DC_and_BCE_loss({}, dice_settings(batch=batch, background=True), use_ignore_label=True)
    theirs = nnunet(logits, torch.cat([regions, ignored], 1))
    weight = (~ignored).float()
    ours = dice_cross_entropy_loss(logits, regions, weight, regions=True, batch=batch)
    cross_entropy = cross_entropy_loss(logits, regions, weight, regions=True)
    ours_as_theirs = ours + (regions.shape[1] - 1) * cross_entropy
    torch.testing.assert_close(ours_as_theirs, theirs)
    torch.testing.assert_close(gradient(ours_as_theirs, logits), gradient(theirs, logits), rtol=1e-5, atol=1e-8)
