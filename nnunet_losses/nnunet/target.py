"""What the channels of nnU-Net's target mean."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class TargetFormat:
    """The layout of a target (B, K, *S): one channel of labels or R of regions [+ 1 ignored] [+ instance ids].

    Instance ids (one channel for labels, R for regions) are there if the weighting or the loss needs them.
    """

    regions: int
    """Number of regions R; 0 for labels."""
    ignore_label: int | None
    """Labels: the value that marks an ignored voxel. Regions: not None if a channel marks them."""
    instances: bool
    """Whether instance ids are appended."""

    @property
    def reference_channels(self) -> int:
        """Channels as nnU-Net made them: what comes before the instance ids."""
        if not self.regions:
            return 1
        return self.regions + (self.ignore_label is not None)

    def split(self, target: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Reference (labels or regions), valid voxels (B, 1, *S) or None for all, instance ids or None."""
        channels = self.reference_channels
        instances = target[:, channels:] if self.instances else None
        if self.ignore_label is None:
            return target[:, :channels], None, instances
        if self.regions:
            return target[:, : self.regions], target[:, self.regions : channels] == 0, instances
        return target[:, :1], target[:, :1] != self.ignore_label, instances

    def without_instances(self, target: Tensor) -> Tensor:
        """The target as nnU-Net made it."""
        if not self.instances:
            return target
        reference = target[:, : self.reference_channels]
        return reference.bool() if self.regions else reference
