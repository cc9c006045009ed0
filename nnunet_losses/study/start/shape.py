"""Whether objects are thin, such as vessels."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nnunet_losses.base.components import bounding_box, connected_components, equivalent_diameter
from nnunet_losses.base.images import read_geometry, read_segmentation
from nnunet_losses.base.labels import LabelSet, mask_of

MOST_CASES = 20


def typical_length(labels: Mapping[str, Path], label_set: LabelSet) -> float:
    """How long the largest object of a case is, in diameters of the ball (2D: disc) of its size.

    The length is the diagonal of its box: 1.7 for a ball, 1.4 for a disc. The median over up to 20 cases is taken, then
    the largest value of all labels; 0 if there are no objects.

    Args:
        labels: the label map of each case.
        label_set: of the data set.

    Raises:
        UserError: a label map cannot be read.
    """
    names = sorted(labels)
    found: dict[str, list[float]] = {label.name: [] for label in label_set.labels}
    for name in names[:: max(1, len(names) // MOST_CASES)]:
        voxels, spacing = read_segmentation(labels[name]), np.array(read_geometry(labels[name]).spacing_mm)
        for label in label_set.labels:
            mask = mask_of(voxels, label)
            box = bounding_box(mask)
            if box is None:
                continue
            numbers, _ = connected_components(np.ascontiguousarray(mask[box]))
            sizes = np.bincount(numbers.ravel())[1:]
            largest = bounding_box(numbers == sizes.argmax() + 1)
            assert largest is not None
            edges = np.array([part.stop - part.start for part in largest]) * spacing
            diameter = equivalent_diameter(np.array([sizes.max() * spacing.prod()], float), mask.ndim)
            found[label.name].append(float(np.linalg.norm(edges) / diameter[0]))
    return max((float(np.median(lengths)) for lengths in found.values() if lengths), default=0.0)
