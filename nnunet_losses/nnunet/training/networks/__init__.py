"""The papers' networks, in 2D and 3D. They pool where nnU-Net's plans pool; widths are the papers'."""

from nnunet_losses.nnunet.training.networks.auto import AutoNet
from nnunet_losses.nnunet.training.networks.dense import FCDenseNet
from nnunet_losses.nnunet.training.networks.pyramid import PyramidResUNet

__all__ = ["AutoNet", "FCDenseNet", "PyramidResUNet"]
