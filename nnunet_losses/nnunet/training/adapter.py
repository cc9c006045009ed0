"""From nnU-Net's (output, target) to a loss's (logits, target, voxel weight, circumstances)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from typing_extensions import override

from nnunet_losses.losses import Loss, inverse_weights
from nnunet_losses.nnunet.training.errors import StopTraining
from nnunet_losses.nnunet.training.target import TargetFormat

VoxelWeight = Callable[[Tensor, Tensor], Tensor]
"""(reference, instances) -> weights (B, 1, *S) or (B, C, *S), see `LossTrainer.voxel_weight`."""


class LossAdapter(nn.Module):
    """A loss as nnU-Net calls it, at one resolution; nnU-Net's own wrapper for deep supervision goes around it.

    Ignored voxels get weight 0. A weighting turns the instance ids of this resolution into weights. The user's own
    weights, stored or computed, are multiplied with them.

    Args:
        loss: what is computed.
        target_format: what the channels of the target mean.
        weighting: ``iw`` or ``iwpos``; None weights all voxels alike.
        voxel_weight: computes the user's own weights.
        patch_size: shape of a patch at full resolution.
        spacing: size of a voxel along each axis of such a patch; None if the loss is to assume unit voxels.
        class_frequencies: (C,) shares of the training cases' voxels, for a loss that needs them.
    """

    epoch: int = 0
    """The epoch of the training, which the trainer updates."""

    def __init__(
        self,
        loss: Loss,
        target_format: TargetFormat,
        weighting: str | None = None,
        *,
        voxel_weight: VoxelWeight | None = None,
        patch_size: Sequence[int] = (),
        spacing: Sequence[float] | None = None,
        class_frequencies: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.loss = loss
        self.target_format = target_format
        self.weighting = weighting
        self.voxel_weight = voxel_weight
        self.patch_size = tuple(patch_size)
        self.spacing = None if spacing is None else tuple(spacing)
        self.class_frequencies = class_frequencies

    @override
    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        reference, valid, instances = self.target_format.split(target)
        weight = None if valid is None else valid.to(torch.float32)
        if instances is not None:
            if self.weighting is not None:
                weight = inverse_weights(instances, valid, definition=self.weighting)
            if self.voxel_weight is not None:
                own = _checked(self.voxel_weight(reference, instances), output)
                weight = own if weight is None else weight * own
        if (stored := self.target_format.stored_weight(target)) is not None:
            weight = stored if weight is None else weight * stored
        return self.loss(
            output,
            reference,
            weight,
            spacing=self.spacing_of(output.shape[2:]),
            epoch=self.epoch,
            instances=instances,
            class_frequencies=self.class_frequencies,
        )

    def spacing_of(self, shape: Sequence[int]) -> tuple[float, ...] | None:
        """Size of a voxel at the resolution where a patch has this shape."""
        if self.spacing is None:
            return None
        return tuple(mm * full / size for mm, full, size in zip(self.spacing, self.patch_size, shape, strict=True))

    @override
    def extra_repr(self) -> str:
        return f"target_format={self.target_format}, weighting={self.weighting!r}"


def _checked(weight: Tensor, output: Tensor) -> Tensor:
    batch, classes, *space = output.shape
    shapes = (batch, 1, *space), (batch, classes, *space)
    if not isinstance(weight, Tensor) or tuple(weight.shape) not in shapes:
        got = tuple(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
        raise StopTraining(
            f"voxel_weight must return a tensor of shape {shapes[0]} or {shapes[1]}, but returned {got}."
        )
    weight = weight.to(output.device, torch.float32)
    lowest, highest = weight.aminmax()
    if not (lowest >= 0 and highest < torch.inf):
        raise StopTraining(
            f"voxel_weight must return finite weights ≥ 0, but returned {float(lowest):g} to {float(highest):g}."
        )
    return weight
