"""From nnU-Net's (output, target) to a loss's (logits, target, voxel weight)."""

import torch
from torch import Tensor, nn
from typing_extensions import override

from nnunet_losses.losses.base import Loss
from nnunet_losses.losses.weighting import inverse_weights
from nnunet_losses.nnunet.target import TargetFormat


class LossAdapter(nn.Module):
    """A loss as nnU-Net calls it, at one resolution; deep supervision is nnU-Net's own wrapper around it.

    Ignored voxels get weight 0; a weighting turns instance ids into weights, at every resolution anew.
    """

    def __init__(self, loss: Loss, target_format: TargetFormat, weighting: str | None = None) -> None:
        super().__init__()
        self.loss = loss
        self.target_format = target_format
        self.weighting = weighting

    @override
    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        reference, valid, instances = self.target_format.split(target)
        voxel_weight = None if valid is None else valid.to(torch.float32)
        if self.weighting is not None and instances is not None:
            voxel_weight = inverse_weights(instances, valid, definition=self.weighting)
        return self.loss(output, reference, voxel_weight)

    @override
    def extra_repr(self) -> str:
        return f"target_format={self.target_format}, weighting={self.weighting!r}"
