"""The fully convolutional DenseNet of Jégou et al. 2017 (arXiv 1611.09326) in the place of nnU-Net's network."""

from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.changes.parts import OwnNetwork
from nnunet_losses.nnunet.training.networks import FCDenseNet

CHOICES = (
    Choice("network", "3D FC-DenseNet", "paper", "Hashemi et al. 2018, abstract"),
    Choice("size", "FC-DenseNet56: blocks of 4 layers, growth rate 12, 48 channels first, dropout 0.2", "assumed",
           "not found; the smallest that Jégou et al. 2017 publish"),
    Choice("depth", "the poolings of nnU-Net's plans: 5 for a patch of 128³", "assumed",
           "five in FC-DenseNet56"),
    Choice("kernels", "3³, also in upsampling; 1³ in transitions and at the end", "assumed", "3² in Jégou et al. 2017"),
    Choice("first weights", "He, normal", "assumed", "He, uniform, in Jégou et al. 2017"),
    Choice("deep supervision", "none", "assumed", "a single output in Jégou et al. 2017"),
)  # fmt: skip


class DenseNetTrainer(OwnNetwork):
    """Trains an FC-DenseNet."""

    network_class = FCDenseNet


CHANGE = DenseNetTrainer
