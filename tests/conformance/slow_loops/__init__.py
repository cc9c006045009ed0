"""One slow loop a loss, written from the paper voxel by voxel: no tensor operation is shared with the package."""

from . import distances, imbalance, per_lesion, sums_and_voxels  # they fill SLOW_LOOPS
from .problem import SLOW_LOOPS, Problem

__all__ = ["SLOW_LOOPS", "Problem", "distances", "imbalance", "per_lesion", "sums_and_voxels"]
