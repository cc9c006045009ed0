"""Ratios and powers at their ends."""

import pytest
import torch

from nnunet_losses.losses.primitives import ratio, safe_power


def of(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_a_ratio_of_nothing_is_0_without_smooth_and_1_with_it():
    assert ratio(of(0), of(0), 0).item() == 0
    assert ratio(of(0), of(0), 1e-5).item() == 1


def test_smooth_is_added_above_and_below():
    assert ratio(of(1), of(4), 0).item() == 0.25
    assert ratio(of(1), of(4), 2).item() == 0.5


def test_small_structures_keep_their_ratio():
    assert ratio(of(1e-6), of(2e-6), 0).item() == pytest.approx(0.5)


@pytest.mark.parametrize("exponent", [0.01, 0.5, 1.0, 2.5])
def test_a_power_is_the_power_from_a_millionth_on(exponent: float):
    x = of(1e-6, 1e-3, 0.3, 1, 7)
    torch.testing.assert_close(safe_power(x, exponent), x**exponent, rtol=1e-12, atol=0)


@pytest.mark.parametrize("exponent", [0.01, 0.3, 0.75])
def test_below_a_millionth_a_root_is_its_chord(exponent: float):
    assert safe_power(of(0), exponent).item() == 0
    assert safe_power(of(5e-7), exponent).item() == pytest.approx(1e-6**exponent / 2)
    x = of(0, 5e-7).requires_grad_()
    (slope,) = torch.autograd.grad(safe_power(x, exponent).sum(), x)
    assert slope.tolist() == pytest.approx([1e-6 ** (exponent - 1)] * 2)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 3.0])
def test_rounding_below_0_gives_no_nan(exponent: float):
    x = of(-1e-12).requires_grad_()
    value = safe_power(x, exponent)
    assert abs(value.item()) < 1e-6
    assert torch.autograd.grad(value.sum(), x)[0].isfinite().all()


def test_a_power_of_0_is_1():
    assert safe_power(of(0, 0.5), 0).tolist() == [1, 1]
