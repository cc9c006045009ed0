"""Layers for two or three dimensions."""

from collections.abc import Callable
from typing import Any, NamedTuple

from dynamic_network_architectures.building_blocks.helper import (
    convert_dim_to_conv_op,
    get_matching_batchnorm,
    get_matching_convtransp,
    get_matching_dropout,
    get_matching_pool_op,
)
from torch import nn

Stride = tuple[int, ...]


class Layers(NamedTuple):
    """PyTorch's classes for a number of dimensions."""

    convolution: Callable[..., nn.Module]
    transposed: Callable[..., nn.Module]
    max_pool: Callable[..., nn.Module]
    batch_norm: Callable[..., nn.Module]
    dropout: Callable[..., nn.Module]
    interpolation: str


def layers_for(dimension: int) -> Layers:
    """The layers for 2 or 3 dimensions."""
    return Layers(
        convert_dim_to_conv_op(dimension),
        get_matching_convtransp(dimension=dimension),
        get_matching_pool_op(dimension=dimension, adaptive=False, pool_type="max"),
        get_matching_batchnorm(dimension=dimension),
        get_matching_dropout(dimension=dimension),
        {2: "bilinear", 3: "trilinear"}[dimension],
    )


def pooling_of(configuration: Any) -> list[Stride]:
    """The stride of each pooling in a configuration of nnU-Net's plans, from fine to coarse."""
    return [tuple(map(int, stride)) for stride in configuration.pool_op_kernel_sizes[1:]]


def he_initialised(network: nn.Module) -> None:
    """Draw the weights of all convolutions for ReLU (He et al. 2015, arXiv 1502.01852); biases become 0."""
    for module in network.modules():
        if isinstance(module, nn.modules.conv._ConvNd):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
