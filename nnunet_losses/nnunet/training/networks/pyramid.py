"""The network of the paper on inverse weighting (Shirokikh et al. 2020, arXiv 2007.10033), as its code builds it."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from typing_extensions import override

from nnunet_losses.nnunet.training.networks.layers import Layers, Stride, layers_for

WIDTHS = (16, 64, 128, 256)


class PyramidResUNet(nn.Module):
    """A U-Net of pre-activation residual blocks, whose skip connections are added, with a batch-normed logit.

    There is no logit of the background: it is 0, so that softmax over the outputs is the sigmoid of the logit.

    Args:
        inputs: channels of the image.
        outputs: channels of the logits; the first of several is the background's.
        pooling: stride of each pooling, from fine to coarse; those beyond the third are not used.
    """

    def __init__(self, inputs: int, outputs: int, pooling: Sequence[Stride]) -> None:
        super().__init__()
        pooling = list(pooling)[: len(WIDTHS) - 1]
        layers = layers_for(len(pooling[0]))
        widths = WIDTHS[: len(pooling) + 1]
        before = [widths[0], *widths[:-1]]
        self.mode = layers.interpolation
        self.first = nn.Sequential(
            layers.convolution(inputs, widths[0], 3, padding=1, bias=False), _pre_activation(layers, 16, 16, 3)
        )
        sides = list(zip(before, widths, strict=True))[:-1]
        self.down = nn.ModuleList(_blocks(layers, [outer, width, width]) for outer, width in sides)
        self.skip = nn.ModuleList(_pre_activation(layers, width, width, 1) for _, width in sides)
        self.pool = nn.ModuleList(layers.max_pool(stride, stride) for stride in pooling)
        self.bottom = _blocks(layers, [before[-1], widths[-1], widths[-1], before[-1]])
        self.up = nn.ModuleList(_blocks(layers, [width, width, outer]) for outer, width in sides)
        self.implied_background = outputs > 1
        logits = outputs - self.implied_background
        self.head = nn.Sequential(
            _Residual(layers, 16, 16, 1), _pre_activation(layers, 16, logits, 1, bias=False), layers.batch_norm(logits)
        )

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, outputs, *S) of an image (B, inputs, *S) whose sides the strides divide."""
        x = self.first(x)
        skips = []
        for block, skip, pool in zip(self.down, self.skip, self.pool, strict=True):
            x = block(x)
            skips.append(skip(x))
            x = pool(x)
        x = self.bottom(x)
        for block, side in reversed(list(zip(self.up, skips, strict=True))):
            x = block(side + interpolate(x, side.shape[2:], mode=self.mode, align_corners=True))
        logits: Tensor = self.head(x)
        return torch.cat((torch.zeros_like(logits[:, :1]), logits), 1) if self.implied_background else logits


class _Residual(nn.Module):
    def __init__(self, layers: Layers, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            _pre_activation(layers, inputs, outputs, kernel, bias=False),
            _pre_activation(layers, outputs, outputs, kernel, bias=False),
        )
        self.shortcut = nn.Identity() if inputs == outputs else layers.convolution(inputs, outputs, 1, bias=False)

    @override
    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.path(x) + self.shortcut(x)
        return result


def _blocks(layers: Layers, widths: Sequence[int]) -> nn.Sequential:
    return nn.Sequential(*(_Residual(layers, a, b, 3) for a, b in pairwise(widths)))


def _pre_activation(layers: Layers, inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> nn.Sequential:
    return nn.Sequential(
        layers.batch_norm(inputs),
        nn.ReLU(),
        layers.convolution(inputs, outputs, kernel, padding=kernel // 2, bias=bias),
    )
