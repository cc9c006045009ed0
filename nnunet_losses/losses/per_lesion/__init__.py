"""What the losses per lesion share: the loss inside, and its mean over parts of the patch."""

from nnunet_losses.losses.per_lesion.base_loss import BASE, InstanceLoss
from nnunet_losses.losses.per_lesion.cells import nearest_component
from nnunet_losses.losses.per_lesion.components import label_components
from nnunet_losses.losses.per_lesion.instance_loss import instance_loss

__all__ = ["BASE", "InstanceLoss", "instance_loss", "label_components", "nearest_component"]
