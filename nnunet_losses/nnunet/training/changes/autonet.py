"""The 3D U-Net on Auto-Net of Salehi et al. 2017 (arXiv 1706.05721) in the place of nnU-Net's network."""

from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.changes.parts import OwnNetwork
from nnunet_losses.nnunet.training.networks import AutoNet

CHOICES = (
    Choice("network", "U-Net: two padded 3³ convolutions with ReLU a level, features doubling, 2³ max-pooling, 2³ "
           "transposed convolutions, concatenated skips, 1³ convolution", "paper", "section 2"),
    Choice("normalisation", "none", "assumed", "none is mentioned"),
    Choice("size", "at most 5 levels, 16 channels at the finest", "assumed",
           "table S1 not found; its cost fits the 4 hours that the paper names"),
    Choice("strides", "those of nnU-Net's plans: 2³ unless voxels are anisotropic", "assumed", "as in nnU-Net"),
    Choice("first weights", "He, normal", "assumed", "not found"),
    Choice("deep supervision", "none", "paper", "one output"),
)  # fmt: skip


class AutoNetTrainer(OwnNetwork):
    """Trains the U-Net of Salehi et al."""

    network_class = AutoNet


CHANGE = AutoNetTrainer
