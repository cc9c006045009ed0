"""The network in bfloat16, which is faster on processors that have instructions for it (AVX-512 BF16, AMX).

nnU-Net trains in float16 on CUDA, whose largest number is 65,504, and in float32 elsewhere.
"""

import platform
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.reproducible import ReproducibleTrainer

CHOICES = (
    Choice("network", "its forward and backward pass in bfloat16, by PyTorch's autocast", "assumed",
           "not from a paper; nnU-Net's own autocast takes float16, on CUDA only"),
    Choice("weights, loss, sums over windows", "in float32", "assumed", "as in nnU-Net"),
)  # fmt: skip


def emulated() -> bool:
    """Whether this is an x86 processor without instructions for bfloat16."""
    return platform.machine() in ("x86_64", "AMD64") and not torch.cpu._is_avx512_bf16_supported()


class BFloat16Trainer(ReproducibleTrainer):
    """Runs the network in bfloat16 on every device, in training, validation and prediction."""

    @classmethod
    @override
    def build_network_architecture(
        cls,
        plans_manager: Any,
        configuration_manager: Any,
        num_input_channels: int,
        num_output_channels: int,
        enable_deep_supervision: bool = True,
    ) -> nn.Module:
        network: nn.Module = super().build_network_architecture(
            plans_manager, configuration_manager, num_input_channels, num_output_channels, enable_deep_supervision
        )
        forward = network.forward

        def forward_in_bfloat16(images: Tensor) -> Tensor | list[Tensor]:
            with torch.autocast(images.device.type, torch.bfloat16):
                output = forward(images)
            # eight mirror images are summed, which eight bits of mantissa would spoil
            return [level.float() for level in output] if isinstance(output, list | tuple) else output.float()

        network.forward = forward_in_bfloat16  # of this object: a module around it would rename its weights
        return network

    @override
    def initialize(self) -> None:
        super().initialize()
        if self.device.type == "cpu" and emulated():
            self.print_to_log_file(
                "This processor has no instructions for bfloat16, so that a step may take ten times as long as in "
                "float32; train without bfloat16 here."
            )

    @override
    def describe_changes(self) -> dict[str, Any]:
        return super().describe_changes() | {"precision": "bfloat16"}


CHANGE = BFloat16Trainer
