"""The network of Shirokikh et al. 2020 (arXiv 2007.10033) in the place of nnU-Net's."""

from typing_extensions import override

from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.changes.parts import OwnNetwork
from nnunet_losses.nnunet.training.errors import StopTraining
from nnunet_losses.nnunet.training.networks import PyramidResUNet

CHOICES = (
    Choice("network", "pre-activation residual blocks with batch normalisation; 16, 64, 128 and 256 channels; two "
           "blocks a side, three at the bottom; skips through 1³ convolutions, added", "code", "iw/model/unet.py"),
    Choice("up and down", "max-pooling; trilinear upsampling with aligned corners", "code", "iw/model/unet.py"),
    Choice("output", "one logit, batch-normed, and its sigmoid", "code", "iw/model/unet.py"),
    Choice("classes", "one logit for each label but background, whose logit is 0", "assumed", "one label in the paper"),
    Choice("strides", "those of the first three poolings of nnU-Net's plans", "assumed",
           "as in nnU-Net"),
    Choice("first weights", "PyTorch's", "code", "iw/model/unet.py sets none"),
    Choice("deep supervision", "none", "code", "iw/model/unet.py"),
)  # fmt: skip


class PyramidTrainer(OwnNetwork):
    """Trains the FPN-like residual U-Net."""

    network_class = PyramidResUNet

    @override
    def initialize(self) -> None:
        regions = self.label_manager.foreground_regions if self.label_manager.has_regions else ()
        if len(regions) > 1:
            raise StopTraining(
                f"{self.name} cannot be trained on {self.plans_manager.dataset_name}: its network needs labels that "
                f"exclude each other, or a single region, not {len(regions)} regions."
            )
        super().initialize()


CHANGE = PyramidTrainer
