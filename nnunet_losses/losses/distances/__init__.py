"""Distances inside a patch, and the maps of classes that they are taken of."""

from nnunet_losses.losses.distances.class_maps import ClassMaps, class_maps, sides, valid_voxels
from nnunet_losses.losses.distances.transforms import (
    Spacing,
    distances_to,
    distances_to_others,
    largest_of_label,
    nearest_along,
    signed_distances,
)

__all__ = [
    "ClassMaps",
    "Spacing",
    "class_maps",
    "distances_to",
    "distances_to_others",
    "largest_of_label",
    "nearest_along",
    "sides",
    "signed_distances",
    "valid_voxels",
]
