"""What the channels of nnU-Net's target mean."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TargetFormat:
    """The layout of a target (B, K, *S): labels or R regions [+ 1 ignored] [+ instance ids] [+ 1 weight].

    Instance ids (one channel for labels, R for regions) are present if the weighting or the loss needs them, the weight
    if the data set has stored ones.
    """

    regions: int
    """Number of regions R; 0 for labels."""
    ignore_label: int | None
    """Labels: the value that marks an ignored voxel. Regions: not None if a channel marks them."""
    instances: bool
    """Whether instance ids are appended."""
    weights: bool = False
    """Whether stored voxel weights are appended; all channels are float32 then."""

    @property
    def reference_channels(self) -> int:
        """Number of channels that nnU-Net made; they come first."""
        if not self.regions:
            return 1
        return self.regions + (self.ignore_label is not None)

    @property
    def has_additions(self) -> bool:
        """Whether there are more channels than nnU-Net made."""
        return self.instances or self.weights

    def split(self, target: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Reference (labels or regions), valid voxels (B, 1, *S) or None for all, instance ids or None."""
        channels = self.reference_channels
        if self.weights:
            target = target[:, :-1].to(torch.int16)
        instances = target[:, channels:] if self.instances else None
        if self.ignore_label is None:
            return target[:, :channels], None, instances
        if self.regions:
            return target[:, : self.regions], target[:, self.regions : channels] == 0, instances
        return target[:, :1], target[:, :1] != self.ignore_label, instances

    def stored_weight(self, target: Tensor) -> Tensor | None:
        """The stored weights (B, 1, *S), or None."""
        return target[:, -1:] if self.weights else None

    def without_additions(self, target: Tensor) -> Tensor:
        """The target as nnU-Net made it."""
        if not self.has_additions:
            return target
        return target[:, : self.reference_channels].to(torch.bool if self.regions else torch.int16)
