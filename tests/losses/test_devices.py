"""What losses do on a GPU, tried on the CPU: the results are those of the CPU's own code."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from nnunet_losses.losses import CATALOGUE, WEIGHTINGS, Loss, inverse_weights, label_components
from nnunet_losses.losses.distances import fusion, transforms
from nnunet_losses.losses.per_lesion.cells import spread_along_each_axis
from nnunet_losses.losses.primitives import devices

from .test_blob import BASES, WRAPPERS, scattered

FREQUENCIES = torch.tensor([0.8, 0.15, 0.05])


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Switches to the code of a GPU and back."""

    def switch(*, on: bool) -> None:
        monkeypatch.setattr(devices, "SYNCHRONOUS", set() if on else {"cpu"})

    return switch


def value_and_gradient(loss: Loss, logits: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    x = logits.clone().requires_grad_()
    known = {"class_frequencies": FREQUENCIES} if "class_frequencies" in loss.needs else {}
    value = loss(x, target, weight, **known)
    return value.detach(), torch.autograd.grad(value, x)[0]


@pytest.mark.parametrize("regions", [False, True], ids=["labels", "regions"])
@pytest.mark.parametrize("name", CATALOGUE)
def test_every_loss_is_the_same(name: str, regions: bool, device):
    logits, target, weight = scattered(regions=regions)
    # a voxel that is equally near to two lesions may go to either: cells need steps of which no sums are equal
    spacing = (1.0, 1.37, 2.113) if name == "ConnectedComponent" else None
    weights = [None, weight, weight * torch.tensor([1.0, 2.0, 0.5]).view(1, 3, 1, 1, 1)]
    for batch in (False, True):
        try:
            loss = CATALOGUE[name](regions=regions, batch=batch)
        except ValueError:  # not every loss takes regions
            return
        if spacing is not None:
            loss.forward = lambda *a, f=loss.forward, **k: f(*a, spacing=spacing, **k)  # type: ignore[method-assign]
        for w in weights:
            device(on=False)
            value, gradient = value_and_gradient(loss, logits, target, w)
            device(on=True)
            other_value, other_gradient = value_and_gradient(loss, logits, target, w)
            torch.testing.assert_close(other_value, value, rtol=1e-9, atol=1e-12)
            torch.testing.assert_close(other_gradient, gradient, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("regions", [False, True], ids=["labels", "regions"])
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_every_base_of_a_loss_per_lesion_is_the_same(wrapper: str, base: str, regions: bool, device):
    logits, target, weight = scattered(regions=regions)
    target[0] = 0  # a sample without a lesion
    try:
        loss = CATALOGUE[wrapper](base=base.lower(), regions=regions)
    except ValueError:
        return
    loss.forward = lambda *a, f=loss.forward, **k: f(*a, spacing=(1.0, 1.37, 2.113), **k)  # type: ignore[method-assign]
    value, gradient = value_and_gradient(loss, logits, target, weight)
    device(on=True)
    other_value, other_gradient = value_and_gradient(loss, logits, target, weight)
    torch.testing.assert_close(other_value, value, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(other_gradient, gradient, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("definition", WEIGHTINGS)
@pytest.mark.parametrize("dtype", [torch.int16, torch.int32])
def test_inverse_weights_are_the_same(definition: str, dtype: torch.dtype, device):
    generator = torch.Generator().manual_seed(0)
    masks = torch.rand(2, 12, 12, 12, generator=generator) < torch.tensor([0.1, 0.0]).view(2, 1, 1, 1)
    ids = torch.stack([torch.from_numpy(label_components(mask.short().numpy())) for mask in masks])[:, None].to(dtype)
    valid = torch.rand(2, 1, 12, 12, 12, generator=generator) < 0.8
    for counted in (None, valid):
        expected = inverse_weights(ids, counted, definition=definition)
        device(on=True)
        assert torch.equal(inverse_weights(ids, counted, definition=definition), expected)
        device(on=False)


@pytest.mark.slow
def test_fused_distances_are_the_same_bit_for_bit(monkeypatch: pytest.MonkeyPatch):
    sources = torch.rand(2, 2, 6, 1, 7, generator=torch.Generator().manual_seed(0)) < 0.1
    ids = sources[0, 0].to(torch.int16) * torch.arange(1, 43).view(6, 1, 7)
    expected = transforms.squared_by_torch(sources, (1.0, 1.5, 2.0)), spread_along_each_axis(ids, (1.0, 1.5, 2.113))
    monkeypatch.setattr(fusion, "FUSED_ON", {"cpu"})
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert torch.equal(transforms.squared_by_torch(sources, (1.0, 1.5, 2.0)), expected[0])
        assert torch.equal(spread_along_each_axis(ids, (1.0, 1.5, 2.113)), expected[1])


def test_where_torch_compile_fails_distances_are_the_same_and_it_is_said_once(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("Cannot find a working triton installation\nmore")

    sources = torch.rand(2, 2, 6, 1, 7, generator=torch.Generator().manual_seed(0)) < 0.1
    expected = transforms.squared_by_torch(sources, (1.0, 1.5, 2.0))
    fusion.fused.cache_clear()
    monkeypatch.setattr(fusion, "FUSED_ON", {"cpu"})
    monkeypatch.setattr(torch, "compile", lambda *_, **__: fail)
    with pytest.warns(RuntimeWarning, match=r"RuntimeError: Cannot find a working triton installation\)") as said:
        assert torch.equal(transforms.squared_by_torch(sources, (1.0, 1.5, 2.0)), expected)
    assert len(said) == 1
    fusion.fused.cache_clear()
