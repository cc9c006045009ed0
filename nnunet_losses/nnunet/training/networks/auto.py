"""The 3D U-Net of the paper on the Tversky loss (Salehi et al. 2017, arXiv 1706.05721)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from typing_extensions import override

from nnunet_losses.nnunet.training.networks.layers import Layers, Stride, he_initialised, layers_for

LEVELS = 5


class AutoNet(nn.Module):
    """A U-Net without normalisation: two padded convolutions of 3³ with ReLU at each level, features doubling.

    Args:
        inputs: channels of the image.
        outputs: channels of the logits.
        pooling: stride of each pooling, from fine to coarse; those beyond the fourth are not used.
        features: channels of the finest level.
    """

    def __init__(self, inputs: int, outputs: int, pooling: Sequence[Stride], features: int = 16) -> None:
        super().__init__()
        pooling = list(pooling)[: LEVELS - 1]
        layers = layers_for(len(pooling[0]))
        widths = [features * 2**level for level in range(len(pooling) + 1)]
        before = [inputs, *widths]
        self.down = nn.ModuleList(_level(layers, before[level], width) for level, width in enumerate(widths))
        self.pool = nn.ModuleList(layers.max_pool(stride, stride) for stride in pooling)
        self.up = nn.ModuleList(
            layers.transposed(widths[level + 1], widths[level], stride, stride) for level, stride in enumerate(pooling)
        )
        self.merge = nn.ModuleList(_level(layers, 2 * width, width) for width in widths[:-1])
        self.head = layers.convolution(features, outputs, 1)
        he_initialised(self)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, outputs, *S) of an image (B, inputs, *S) whose sides the strides divide."""
        skips = []
        for level, pool in zip(self.down, self.pool, strict=False):
            skips.append(level(x))
            x = pool(skips[-1])
        x = self.down[-1](x)
        for up, merge, skip in reversed(list(zip(self.up, self.merge, skips, strict=True))):
            x = merge(torch.cat((skip, up(x)), 1))
        logits: Tensor = self.head(x)
        return logits


def _level(layers: Layers, inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        layers.convolution(inputs, outputs, 3, padding=1),
        nn.ReLU(),
        layers.convolution(outputs, outputs, 3, padding=1),
        nn.ReLU(),
    )
