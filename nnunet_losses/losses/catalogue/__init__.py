"""What a loss says of itself, and the catalogue from which trainers, commands, tests and documents are made."""

from nnunet_losses.base.parameter import SMOOTH, Parameter
from nnunet_losses.losses.catalogue.loss import CIRCUMSTANCES, Loss
from nnunet_losses.losses.catalogue.plugins import load_plugins
from nnunet_losses.losses.catalogue.registry import CATALOGUE, package_of, register

__all__ = ["CATALOGUE", "CIRCUMSTANCES", "SMOOTH", "Loss", "Parameter", "load_plugins", "package_of", "register"]
