"""What each metric is: name, unit, direction, range, and what a value that is not defined means. Plain data.

Tables, statistics and reports ask the metric and guess nothing from its name or unit.
"""

import re
from dataclasses import replace

from nnunet_losses.base.metrics.calibration import CALIBRATION_METRICS
from nnunet_losses.base.metrics.challenges import CHALLENGE_METRICS
from nnunet_losses.base.metrics.derived import DERIVED_METRICS
from nnunet_losses.base.metrics.lesion import LESION_METRICS, of_stratum
from nnunet_losses.base.metrics.metric import Metric
from nnunet_losses.base.metrics.surface import SURFACE_METRICS
from nnunet_losses.base.metrics.voxel import VOXEL_METRICS, f_beta

__all__ = ["IMAGE_DIAGONAL", "METRICS", "Metric", "metric_named"]

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *(metric for metric, _ in VOXEL_METRICS),
        *SURFACE_METRICS,
        *LESION_METRICS,
        *CALIBRATION_METRICS,
    )
}

# Not a measure of quality: a row in the table of cases that says how large a distance can be there at most, for
# statistics that must give an undefined distance a value.
IMAGE_DIAGONAL = Metric("image_diagonal", "Image diagonal", "mm", False, "Largest distance between two voxels.")


def metric_named(name: str) -> Metric:
    """The metric of any name that an evaluation can write, also of those that settings create.

    A metric that settings create inherits all facts of the one it comes from.

    Raises:
        KeyError: there is no such metric.

    >>> metric_named("nsd_3mm").long_name
    'NSD at 3 mm'
    >>> metric_named("lesion_recall_tiny").needs_reference
    True
    >>> metric_named("lesion_f1_iou0.1").long_name
    'Lesion F1 (IoU > 0.1)'
    """
    if name in METRICS:
        return METRICS[name]
    for metric in (IMAGE_DIAGONAL, *DERIVED_METRICS):
        if metric.name == name:
            return metric
    if found := re.fullmatch(r"(nsd|nsd_surfel)_([\d.e+-]+)mm", name):
        base = METRICS[found[1]]
        return replace(base, name=name, long_name=f"{base.long_name} at {found[2]} mm", alternatives=())
    if name in CHALLENGE_METRICS:
        return CHALLENGE_METRICS[name]
    if found := re.fullmatch(r"lesion_(recall|precision|f1|sq|pq)_iou(\d(?:\.\d+)?(?:e-\d+)?)", name):
        stem = f"lesion_{found[1]}"
        base = METRICS[stem if found[1] in ("sq", "pq") else f"{stem}_iou"]
        long_name = f"{base.long_name.removesuffix(' (IoU > 0.5)')} (IoU > {found[2]})"
        return replace(base, name=name, long_name=long_name, alternatives=())
    if found := re.fullmatch(r"f(\d+(?:\.\d+)?(?:e[+-]?\d+)?)", name):
        return f_beta(float(found[1]))[0]
    if found := re.fullmatch(r"lesion_(?:recall|precision|f1)_(\w+)", name):
        return {metric.name: metric for metric in of_stratum(found[1])}[name]
    raise KeyError(name)
