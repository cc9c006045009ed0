"""Parts that several changes share."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar
from unittest import mock

import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as nnunet_module  # noqa: N813
from torch import nn
from typing_extensions import override

from nnunet_losses.nnunet.training.fusion import Fusion, FusionPredictor
from nnunet_losses.nnunet.training.networks.layers import pooling_of
from nnunet_losses.nnunet.training.reproducible import EpochsEnd, ReproducibleTrainer


class WithoutDeepSupervision(ReproducibleTrainer):
    """One output at full resolution."""

    @override
    def change_settings(self) -> None:
        super().change_settings()
        self.enable_deep_supervision = False

    @override
    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """Nothing to do: the network was built with one output."""

    @override
    def describe_changes(self) -> dict[str, Any]:
        return super().describe_changes() | {"deep_supervision": False}


class OwnNetwork(WithoutDeepSupervision):
    """Another network than that of nnU-Net's plans, of which it takes the strides alone."""

    network_class: ClassVar[Any]
    """Takes the channels of image and logits, and the stride of each pooling."""

    @classmethod
    @override
    def build_network_architecture(
        cls,
        plans_manager: Any,
        configuration_manager: Any,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = False,
    ) -> nn.Module:
        return cls.network_class(num_input_channels, num_output_channels, pooling_of(configuration_manager))

    @override
    def describe_changes(self) -> dict[str, Any]:
        return super().describe_changes() | {"network": getattr(self.network_class, "__name__", "")}


class WithoutAugmentation(ReproducibleTrainer):
    """Patches as they are cut from the image, in training and prediction: no mirroring either."""

    @classmethod
    @override
    def get_training_transforms(
        cls,
        patch_size: Any,
        rotation_for_DA: Any,
        deep_supervision_scales: Any,
        mirror_axes: Any,
        do_dummy_2d_data_aug: bool,
        use_mask_for_norm: Any = None,
        **kwargs: Any,
    ) -> BasicTransform:
        return cls.get_validation_transforms(deep_supervision_scales, **kwargs)

    @override
    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> tuple[Any, bool, Any, Any]:
        rotation, *_ = super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        self.inference_allowed_mirroring_axes = None
        return rotation, False, self.configuration_manager.patch_size, None

    @override
    def describe_changes(self) -> dict[str, Any]:
        return super().describe_changes() | {"augmentation": None}


class OwnFusion(ReproducibleTrainer):
    """Another way from overlapping windows to one prediction; nnU-Net's own predictor is left alone."""

    fusion: ClassVar[Fusion]

    @override
    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        with mock.patch.object(nnunet_module, "nnUNetPredictor", partial(FusionPredictor, self.fusion)):
            super().perform_actual_validation(save_probabilities)

    @override
    def describe_changes(self) -> dict[str, Any]:
        return super().describe_changes() | {"fusion": repr(self.fusion)}


class OwnRate(ReproducibleTrainer):
    """Adam, and a learning rate that follows from the epoch and from what was logged; constant unless overridden.

    It holds no state of its own, so that a resumed training has the same rate.
    """

    first_rate: ClassVar[float]
    decay: ClassVar[float] = 0.0
    """Of the weights."""

    @override
    def change_settings(self) -> None:
        super().change_settings()
        self.initial_lr, self.weight_decay = self.first_rate, self.decay

    @override
    def configure_optimizers(self) -> tuple[Any, Any]:
        optimizer = self.make_optimizer(self.network.parameters())
        return optimizer, RateByEpoch(optimizer, self.rate)

    def make_optimizer(self, parameters: Any) -> torch.optim.Optimizer:
        """The optimiser of these parameters, with the first learning rate."""
        return torch.optim.Adam(parameters, self.first_rate, weight_decay=self.decay)

    def rate(self, epoch: int) -> float:  # noqa: ARG002 (for those that override it)
        """The learning rate of an epoch."""
        return self.first_rate

    @override
    def describe_changes(self) -> dict[str, Any]:
        optimizer = self.make_optimizer([torch.nn.Parameter(torch.zeros(1))])
        return super().describe_changes() | {"optimizer": " ".join(repr(optimizer).split())}


class RateByEpoch:
    """A schedule as nnU-Net calls it."""

    def __init__(self, optimizer: torch.optim.Optimizer, rate: Callable[[int], float]) -> None:
        self.optimizer = optimizer
        self.rate = rate

    def step(self, epoch: int) -> None:
        """Set the learning rate of an epoch."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(epoch)


def rate_on_plateau(first: float, values: Sequence[float], epoch: int, lowest: float = 0.0, **settings: Any) -> float:
    """The learning rate of an epoch by PyTorch's plateau schedule, from what was logged before it.

    Args:
        first: learning rate of the first epoch.
        values: what should fall, one for each epoch.
        epoch: whose learning rate is asked for.
        lowest: learning rate that is not left.
        settings: of `torch.optim.lr_scheduler.ReduceLROnPlateau`.
    """
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=first)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, min_lr=lowest, **settings)
    for value in values[:epoch]:
        schedule.step(value)
    return float(optimizer.param_groups[0]["lr"])


class StopsEarly(ReproducibleTrainer):
    """Ends a training that no longer gets better. What decides is logged, so that a resumed training ends there too."""

    patience: ClassVar[int]
    """Epochs without an improvement."""
    improvement: ClassVar[float] = 0.0
    """What counts as one: a fall by more than this."""

    def watched(self) -> Sequence[float]:
        """What should fall, one value for each epoch."""
        return self._logged("train_losses")

    @override
    def on_epoch_start(self) -> None:
        if epochs_since_best(self.watched(), self.improvement) >= self.patience:
            raise EpochsEnd(f"The training ends early: no improvement in {self.patience} epochs.")
        super().on_epoch_start()

    @override
    def describe_changes(self) -> dict[str, Any]:
        return super().describe_changes() | {"patience": self.patience}


def epochs_since_best(values: Sequence[float], improvement: float) -> int:
    """Epochs since a value was lower than all before it by more than ``improvement``; 0 if there is none."""
    best, since = float("inf"), 0
    for value in values:
        since += 1
        if value < best - improvement:
            best, since = value, 0
    return since
