"""Blob loss: each lesion with the others left out."""

import functools

import pytest
import torch
from torch import Tensor

from nnunet_losses.losses import (
    CATALOGUE,
    BlobLoss,
    DiceCrossEntropyLoss,
    Loss,
    TverskyLoss,
    blob_loss,
    cross_entropy_loss,
    dice_loss,
    label_components,
    register,
)
from nnunet_losses.losses.per_lesion import BASE, InstanceLoss

from .problems import four_voxels

BASES = [name for name, loss in CATALOGUE.items() if not issubclass(loss, InstanceLoss)]
WRAPPERS = [name for name, loss in CATALOGUE.items() if issubclass(loss, InstanceLoss)]

# Two lesions of one voxel each, a background voxel between them and one beside: p = .8, .5, .4, .1.
LOGITS = four_voxels([0.8, 0.5, 0.4, 0.1]).view(1, 2, 1, 4)
LABELS = torch.tensor([1, 0, 1, 0]).view(1, 1, 1, 4)


def scattered(*, regions: bool, samples: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, target with several lesions in each class, and weights of which some are 0."""
    generator = torch.Generator().manual_seed(3)
    logits = 2 * torch.randn(samples, 3, 6, 7, 8, generator=generator, dtype=torch.float64)
    draws = torch.rand(samples, 3 if regions else 1, 6, 7, 8, generator=generator)
    target = draws < 0.04 if regions else (draws < 0.08).to(torch.int16) + (draws < 0.04)
    weight = torch.rand(samples, 1, 6, 7, 8, generator=generator, dtype=torch.float64)
    return logits, target, weight.masked_fill(weight < 0.2, 0)


def test_two_lesions_by_hand():
    # blob 1 without voxel 3: TP .8, Σp 1.4, Σg 1; blob 2 without voxel 1: TP .4, Σp 1.0, Σg 1
    blobs = ((1 - 1.6 / 2.4) + (1 - 0.8 / 2.0)) / 2
    whole = 1 - 2.4 / 3.8
    value = blob_loss(LOGITS, LABELS, base="dice", global_weight=2, blob_weight=1)
    assert value.item() == pytest.approx(2 * whole + blobs, abs=1e-5)


def test_masked_lesions_are_no_predictions_of_one_half():
    """Masking logits instead of weights would add p = 1/2 to the sums of every blob."""
    other = torch.tensor([True, True, False, True]).view(1, 1, 1, 4)
    masked_logits = dice_loss(LOGITS * other, LABELS * other)
    masked_weight = dice_loss(LOGITS, LABELS, other.double())
    assert masked_weight.item() == pytest.approx(1 - 1.6 / 2.4, abs=1e-5)
    assert masked_logits.item() == pytest.approx(1 - 1.6 / 2.9, abs=1e-5)


@pytest.mark.parametrize("regions", [False, True], ids=["labels", "regions"])
@pytest.mark.parametrize("name", BASES)
def test_every_base_is_that_base_with_the_other_lesions_at_weight_zero(name: str, regions: bool):
    """Two classes or one region, where the base itself can be asked; one pass or one for each blob is the same."""
    logits, target, weight = scattered(regions=regions)
    logits = logits[:, :1] if regions else logits[:, :2]
    target = target[:, :1] if regions else target.clamp_max(1)
    try:
        base = CATALOGUE[name](regions=regions)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error)):
            BlobLoss(base=name.lower(), regions=regions)
        return
    frequencies = torch.tensor([0.02] if regions else [0.98, 0.02])
    logits.requires_grad_()
    means = []
    for one in range(len(logits)):
        x, t, w = (y[one : one + 1] for y in (logits, target, weight))
        ids = torch.from_numpy(label_components(((t[0, 0] > 0) & (w[0, 0] > 0)).short().numpy()))
        assert ids.max() > 2
        parts = [w * ((ids == 0) | (ids == k)) for k in range(1, int(ids.max()) + 1)]
        means.append(torch.stack([base(x, t, part, class_frequencies=frequencies) for part in parts]).mean())
    expected = torch.stack(means).mean()
    loss = BlobLoss(base=name.lower(), global_weight=0, blob_weight=1, regions=regions)
    value = loss(logits, target, weight, class_frequencies=frequencies)
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-9)
    gradients = [torch.autograd.grad(y, logits)[0] for y in (value, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("regions", [False, True], ids=["labels", "regions"])
@pytest.mark.parametrize("name", [name for name in BASES if CATALOGUE[name].of_sums])
def test_one_pass_is_exact(name: str, regions: bool, wrapper: str, monkeypatch: pytest.MonkeyPatch):
    logits, target, weight = scattered(regions=regions)
    frequencies = torch.tensor([0.05, 0.03, 0.02] if regions else [0.94, 0.04, 0.02])
    logits.requires_grad_()
    results = []
    for one_pass in (True, False):
        monkeypatch.setattr(CATALOGUE[name], "of_sums", one_pass)
        loss = CATALOGUE[wrapper](base=name.lower(), regions=regions)
        value = loss(logits, target, weight, class_frequencies=frequencies)
        results.append((value, torch.autograd.grad(value, logits)[0]))
    for fast, slow in zip(*results, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-10, atol=1e-12)


def test_one_pass_evaluates_the_base_once_for_all_blobs(monkeypatch: pytest.MonkeyPatch):
    calls = []

    @functools.wraps(dice_loss)
    def counted(*arguments, **options):
        calls.append(1)
        return dice_loss(*arguments, **options)

    monkeypatch.setattr(CATALOGUE["Dice"], "functional", staticmethod(counted))
    logits, target, _ = scattered(regions=False, samples=1)
    BlobLoss(base="dice")(logits[:, :2], target.clamp_max(1))
    assert len(calls) == 2  # the patch, and its blobs


@pytest.mark.parametrize("regions", [False, True], ids=["labels", "regions"])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_given_component_numbers_are_used(wrapper: str, regions: bool):
    logits, target, weight = scattered(regions=regions)
    here = target * (weight > 0)
    ids = torch.stack([torch.from_numpy(label_components(x.numpy() if regions else x[0].numpy())) for x in here])
    ids = ids if regions else ids[:, None]
    loss = CATALOGUE[wrapper](regions=regions)
    assert "instances" in loss.needs
    by_itself = loss(logits, target, weight)
    torch.testing.assert_close(loss(logits, target, weight, instances=ids), by_itself)
    assert loss(logits, target, weight, instances=ids.clamp_max(1)).item() != by_itself.item()


def test_a_lesion_without_overlap_with_others_is_the_base_itself():
    """One lesion only: nothing is left out, so the loss is α + β times the base."""
    labels = torch.tensor([1, 1, 0, 0]).view(1, 1, 1, 4)
    expected = 3 * cross_entropy_loss(LOGITS, labels)
    torch.testing.assert_close(blob_loss(LOGITS, labels, base="crossentropy"), expected)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_sample_without_lesions_does_not_count_in_the_mean(wrapper: str):
    loss = CATALOGUE[wrapper](base="dice", global_weight=0)
    logits, labels = torch.cat([LOGITS, -LOGITS]), torch.cat([LABELS, torch.zeros_like(LABELS)])
    torch.testing.assert_close(loss(logits, labels), loss(LOGITS, LABELS))
    logits.requires_grad_()
    empty = loss(logits, torch.zeros_like(labels))
    assert empty.item() == 0
    assert not torch.autograd.grad(empty, logits)[0].any()


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_base_with_settings_of_its_own(wrapper: str):
    loss = CATALOGUE[wrapper](base=TverskyLoss(fp_weight=0.5, fn_weight=0.5, smooth=0.5))
    same = CATALOGUE[wrapper](base=CATALOGUE["Dice"](smooth=1.0, include_background=True, batch=True))
    torch.testing.assert_close(loss(LOGITS, LABELS), same(LOGITS, LABELS))
    assert "fp_weight=0.5" in repr(loss)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_in_a_wrapper_and_an_unknown_word_are_refused(wrapper: str):
    with pytest.raises(ValueError, match="base must not itself be a loss around another, got BlobLoss"):
        CATALOGUE[wrapper](base=BlobLoss())
    for word in ("blob", "connectedcomponent", "Dice", "nonsense"):
        with pytest.raises(ValueError, match=f"base must be one of .*dicecrossentropy.*, got '{word}'"):
            CATALOGUE[wrapper](base=word)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_what_the_base_cannot_do_is_refused_at_construction(wrapper: str):
    with pytest.raises(ValueError, match="CrossEntropyLoss is voxel-wise"):
        CATALOGUE[wrapper](base="crossentropy", include_background=False)
    assert CATALOGUE[wrapper](base="generalizeddice").include_background is True
    assert CATALOGUE[wrapper](base="dice").include_background is False


def test_a_loss_registered_later_is_a_base():

    class LaterLoss(DiceCrossEntropyLoss):
        """Comes later."""

    register(LaterLoss)
    try:
        assert "later" in BASE.choices
        torch.testing.assert_close(BlobLoss(base="later")(LOGITS, LABELS), BlobLoss()(LOGITS, LABELS))
    finally:
        CATALOGUE.pop("Later")


def test_needs_are_those_of_the_base_too():
    class Scheduled(Loss):
        """Needs the epoch."""

        functional = staticmethod(lambda logits, target, voxel_weight=None, *, epoch=0, regions=False: epoch)

    assert BlobLoss(base=Scheduled()).needs == {"instances", "epoch"}
    assert BlobLoss().needs == {"instances"}
    assert CATALOGUE["ConnectedComponent"]().needs == {"instances", "spacing"}
