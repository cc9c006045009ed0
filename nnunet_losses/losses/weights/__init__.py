"""Weights: of a voxel by the size of its component, of a class by its frequency, of a term by the epoch."""

from nnunet_losses.losses.weights.classes import frequencies, inverse_power, weight_of_class
from nnunet_losses.losses.weights.inverse import WEIGHTINGS, inverse_weights
from nnunet_losses.losses.weights.schedules import scheduled_weights

__all__ = ["WEIGHTINGS", "frequencies", "inverse_power", "inverse_weights", "scheduled_weights", "weight_of_class"]
