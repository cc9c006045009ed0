"""Ratios and powers that stay finite, with finite slopes, at 0."""

import torch
from torch import Tensor


def ratio(numerator: Tensor, denominator: Tensor, smooth: float) -> Tensor:
    """(numerator + smooth) / (denominator + smooth); 0 instead of 0/0 where ``smooth`` is 0, as in nnU-Net."""
    return (numerator + smooth) / (denominator + smooth).clamp_min(1e-8)


def safe_power(x: Tensor, exponent: float) -> Tensor:
    """The power of x ≥ 0 with a finite slope: below 1e-6, a power with an exponent under 1 is replaced by its chord."""
    if exponent >= 1 or exponent == 0:
        return x.clamp_min(0) ** exponent
    edge = 1e-6
    return torch.where(x < edge, x * edge ** (exponent - 1), x.clamp_min(edge) ** exponent)
