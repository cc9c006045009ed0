"""The fully convolutional DenseNet (Jégou, Drozdzal, Vazquez, Romero, Bengio 2017, arXiv 1611.09326), also in 3D."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from typing_extensions import override

from nnunet_losses.nnunet.training.networks.layers import Layers, Stride, he_initialised, layers_for


class FCDenseNet(nn.Module):
    """Dense blocks on the way down, at the bottom, and on the way up, where only new features are upsampled.

    With five poolings, blocks of 4 layers and growth rate 12, this is the authors' FC-DenseNet56.

    Args:
        inputs: channels of the image.
        outputs: channels of the logits.
        pooling: stride of each pooling, from fine to coarse.
        layers: in each dense block; one number, or one for each pooling and the bottom.
        growth: channels that a layer adds.
        first: channels of the first convolution.
        dropout: probability with which each layer's channels are set to 0, as voxels in 2D and 3D alike.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        pooling: Sequence[Stride],
        *,
        layers: int | Sequence[int] = 4,
        growth: int = 12,
        first: int = 48,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        kinds = layers_for(len(pooling[0]))
        *down, bottom = [layers] * (len(pooling) + 1) if isinstance(layers, int) else layers
        self.first = kinds.convolution(inputs, first, 3, padding=1)
        self.down, self.pool = nn.ModuleList(), nn.ModuleList()
        self.up, self.merge = nn.ModuleList(), nn.ModuleList()
        width, skips = first, []
        for depth, stride in zip(down, pooling, strict=True):
            self.down.append(_DenseBlock(kinds, width, depth, growth, dropout))
            width += depth * growth
            skips.append(width)
            self.pool.append(_transition_down(kinds, width, stride, dropout))
        self.bottom = _DenseBlock(kinds, width, bottom, growth, dropout)
        new = bottom * growth
        for depth, stride, skip in reversed(list(zip(down, pooling, skips, strict=True))):
            self.up.append(_transition_up(kinds, new, stride))
            width = skip + new
            self.merge.append(_DenseBlock(kinds, width, depth, growth, dropout))
            width, new = width + depth * growth, depth * growth
        self.head = kinds.convolution(width, outputs, 1)
        he_initialised(self)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, outputs, *S) of an image (B, inputs, *S) whose sides the strides divide."""
        x = self.first(x)
        skips = []
        for block, pool in zip(self.down, self.pool, strict=True):
            x = torch.cat((x, block(x)), 1)
            skips.append(x)
            x = pool(x)
        new = self.bottom(x)
        for up, block, skip in zip(self.up, self.merge, reversed(skips), strict=True):
            x = torch.cat((skip, up(new)), 1)
            new = block(x)
        logits: Tensor = self.head(torch.cat((x, new), 1))
        return logits


class _DenseBlock(nn.Module):
    """Layers that each see the block's input and all layers before them; gives what they add."""

    def __init__(self, kinds: Layers, inputs: int, depth: int, growth: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                kinds.batch_norm(inputs + layer * growth),
                nn.ReLU(),
                kinds.convolution(inputs + layer * growth, growth, 3, padding=1),
                nn.Dropout(dropout),
            )
            for layer in range(depth)
        )

    @override
    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1)))
        return torch.cat(features[1:], 1)


def _transition_down(kinds: Layers, width: int, stride: Stride, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        kinds.batch_norm(width),
        nn.ReLU(),
        kinds.convolution(width, width, 1),
        nn.Dropout(dropout),
        kinds.max_pool(stride, stride),
    )


def _transition_up(kinds: Layers, width: int, stride: Stride) -> nn.Module:
    # with this padding, a side is multiplied by its stride, 1 included
    return kinds.transposed(width, width, 3, stride, padding=1, output_padding=[step - 1 for step in stride])
