"""What we add to nnU-Net's augmentation. Worker processes unpickle these classes, so the package must hold them."""

import os
from typing import Any

import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform, SegOnlyTransform
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from torch import Tensor
from typing_extensions import override

from nnunet_losses.losses import label_components


class AppendInstanceIds(SegOnlyTransform):
    """Append the connected components of the augmented patch: one int16 channel for labels, or one for each region.

    Ignored voxels count as background: they separate components, and get weight 0 later.
    """

    def __init__(self, regions: int = 0, ignore_label: int | None = None) -> None:
        super().__init__()
        self.regions = regions
        self.ignore_label = ignore_label

    @override
    def _apply_to_segmentation(self, segmentation: Tensor, **params: Any) -> Tensor:
        if self.regions:
            ids = label_components(segmentation[: self.regions].bool().numpy())
        else:
            labels = segmentation[0]
            if self.ignore_label is not None:
                labels = labels.masked_fill(labels == self.ignore_label, 0)
            ids = label_components(labels.numpy())[None]
        return torch.cat((segmentation.to(torch.int16), torch.from_numpy(ids)))


class TakeWeightsOut(BasicTransform):
    """Move the voxel weights from the image's last channel to where only spatial transforms change them."""

    @override
    def apply(self, data_dict: dict[str, Any], **params: Any) -> dict[str, Any]:
        image = data_dict["image"]
        return data_dict | {"image": image[:-1], "regression_target": image[-1:]}


class AppendWeights(BasicTransform):
    """Append the voxel weights to the segmentation, which becomes float32."""

    @override
    def apply(self, data_dict: dict[str, Any], **params: Any) -> dict[str, Any]:
        # stored minus 1, so that voxels beyond the image, which are 0, weigh 1
        weights = 1 + data_dict.pop("regression_target")
        return data_dict | {"segmentation": torch.cat((data_dict["segmentation"].float(), weights))}


class OwnRandomStream(BasicTransform):
    """Give each worker process its own stream of torch's random numbers.

    nnU-Net seeds NumPy in forked workers but not torch, so that all of them would draw the same augmentations.
    """

    def __init__(self) -> None:
        super().__init__()
        self.process = os.getpid()

    @override
    def apply(self, data_dict: dict[str, Any], **params: Any) -> dict[str, Any]:
        if os.getpid() != self.process:
            torch.manual_seed(int(np.random.randint(2**31)))  # noqa: NPY002  # the stream that nnU-Net seeds
            self.process = os.getpid()
        return data_dict


def insert_instance_ids(pipeline: ComposeTransforms, regions: int, ignore_label: int | None) -> None:
    """Append instance ids after all other transforms, but before deep supervision downsamples the segmentation."""
    _insert_last(pipeline, AppendInstanceIds(regions, ignore_label))


def insert_weights(pipeline: ComposeTransforms) -> None:
    """Let the weights in the image's last channel follow all spatial transforms and end in the segmentation."""
    pipeline.transforms.insert(0, TakeWeightsOut())
    _insert_last(pipeline, AppendWeights())


def _insert_last(pipeline: ComposeTransforms, transform: BasicTransform) -> None:
    last = len(pipeline.transforms)
    if last and isinstance(pipeline.transforms[-1], DownsampleSegForDSTransform):
        last -= 1
    pipeline.transforms.insert(last, transform)


def make_reproducible(pipeline: ComposeTransforms) -> None:
    """Keep blurring from timing its algorithms to choose one, because their results differ in the last digits."""
    for transform in pipeline.transforms:
        inner = transform.transform if isinstance(transform, RandomTransform) else transform
        if isinstance(inner, GaussianBlurTransform):
            inner.benchmark = False
