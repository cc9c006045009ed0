"""Metrics of the borders; computed in `nnunet_losses.evaluation.surface`."""

from nnunet_losses.base.metrics.metric import Metric, distance, score

SURFACE_METRICS: list[Metric] = [
    distance("hd", "Hausdorff distance", "Largest distance between the two borders."),
    distance(
        "hd95", "HD95", "Larger of the two directed 95th percentiles of border distances.",
        alternatives=("hd95_pooled",),
    ),
    distance("hd95_pooled", "HD95 (pooled)", "95th percentile of the border distances of both directions."),
    distance(
        "assd", "ASSD", "Average symmetric surface distance: mean of all border distances.", margin=0.2,
        alternatives=("masd",),
    ),
    distance("masd", "MASD", "Mean average surface distance: mean of the two directed means.", margin=0.2),
    score(
        "nsd", "NSD", "Normalised surface distance: share of border voxels within the tolerance.",
        alternatives=("nsd_surfel",),
    ),
    score(
        "nsd_surfel",
        "NSD (surfels)",
        "Normalised surface distance weighted by surface area: share of the surface within the tolerance.",
    ),
]  # fmt: skip


def at_tolerance(name: str, tolerance_mm: float) -> str:
    """The name of a metric at a further tolerance; at the first one it keeps its own.

    >>> at_tolerance("nsd", 3.0)
    'nsd_3mm'
    """
    return f"{name}_{tolerance_mm:g}mm"
