"""What each metric is: name, unit, direction, range, and what a value that is not defined means. Plain data.

Tables, statistics and reports ask the metric and guess nothing from its name or unit.
"""

import math
import re
from dataclasses import dataclass, replace

Bounds = tuple[float, float]
SHARE: Bounds = (0.0, 1.0)
POSITIVE: Bounds = (0.0, math.inf)


@dataclass(frozen=True)
class Metric:
    """One metric of one case and label.

    name: as in the column `metric` of the table of cases.
    long_name: as in figures and tables of a report.
    unit: "1", "mm", "ml" or "count".
    higher_is_better: the direction.
    description: its definition, a sentence.
    bounds: what a value can be at all.
    margin: the region of practical equivalence; a smaller difference matters to nobody. 0 where the field has no
        convention.
    needs_reference: without a reference it has no meaning, whatever was predicted; such a case is left out, not counted
        as a failure.
    alternatives: other definitions of the same idea, by name, which a ranking is checked against.
    """

    name: str
    long_name: str
    unit: str
    higher_is_better: bool
    description: str
    bounds: Bounds = POSITIVE
    margin: float = 0.0
    needs_reference: bool = False
    alternatives: tuple[str, ...] = ()

    @property
    def worst(self) -> float | None:
        """The worst value there can be; None if there is no end to bad values."""
        end = self.bounds[0] if self.higher_is_better else self.bounds[1]
        return end if math.isfinite(end) else None

    @property
    def best(self) -> float | None:
        """The best value there can be; None if there is no end to good values."""
        end = self.bounds[1] if self.higher_is_better else self.bounds[0]
        return end if math.isfinite(end) else None

    @property
    def is_share(self) -> bool:
        """Whether values lie between 0 and 1."""
        return self.bounds == SHARE


def _score(name: str, long_name: str, description: str, *, higher_is_better: bool = True, **facts: object) -> Metric:
    return Metric(name, long_name, "1", higher_is_better, description, bounds=SHARE, margin=0.01, **facts)  # type: ignore[arg-type]


def _distance(name: str, long_name: str, description: str, **facts: object) -> Metric:
    return Metric(name, long_name, "mm", False, description, margin=0.5, **facts)  # type: ignore[arg-type]


def _volume(name: str, long_name: str, description: str) -> Metric:
    return Metric(name, long_name, "ml", False, description)


def _count(name: str, long_name: str, description: str) -> Metric:
    return Metric(name, long_name, "count", False, description)


_LESION_RULES = {
    "": ("", "any overlap counts"),
    "_iou": (" (IoU > 0.5)", "a pair with IoU above the threshold counts"),
    "_fraction": (" (overlap fraction)", "a component counts if enough of it is covered by the other side"),
    "_centre": (" (centre hit)", "a lesion counts if it holds the centre of a predicted component"),
}


def _lesion_detection(suffix: str, rule: str, what: str) -> list[Metric]:
    def others(stem: str) -> tuple[str, ...]:
        return () if suffix else tuple(f"{stem}{other}" for other in _LESION_RULES if other)

    return [
        _score(
            f"lesion_recall{suffix}",
            f"Lesion recall{rule}",
            f"Share of reference lesions that were found (LTPR, sensitivity); {what}.",
            needs_reference=True,
            alternatives=others("lesion_recall"),
        ),
        _score(
            f"lesion_precision{suffix}",
            f"Lesion precision{rule}",
            f"Share of predicted components that are true (PPV); {what}.",
            alternatives=others("lesion_precision"),
        ),
        _score(
            f"lesion_f1{suffix}",
            f"Lesion F1{rule}",
            f"Harmonic mean of lesion recall and lesion precision; {what}.",
            alternatives=others("lesion_f1"),
        ),
    ]


def _stratum(name: str) -> list[Metric]:
    return _lesion_detection(f"_{name}", f", {name}", f"any overlap counts, {name} components only")


_ALL = [
    _score("dice", "Dice", "Dice similarity coefficient of the voxels, 2TP / (2TP + FP + FN)."),
    _score("iou", "IoU", "Intersection over union of the voxels (Jaccard index), TP / (TP + FP + FN)."),
    _score("precision", "Precision", "Share of predicted voxels that are true, TP / (TP + FP)."),
    _score("recall", "Recall", "Share of reference voxels that were found, TP / (TP + FN).", needs_reference=True),
    _score("specificity", "Specificity", "Share of background voxels left alone, TN / (TN + FP)."),
    _score("f2", "F2 score", "F-beta score of the voxels with beta = 2: recall weighs more than precision."),
    _volume("volume_difference_ml", "Volume difference", "Absolute difference between predicted and reference volume."),
    _distance("hd", "Hausdorff distance", "Largest distance between the two borders."),
    _distance(
        "hd95", "HD95", "Larger of the two directed 95th percentiles of border distances.",
        alternatives=("hd95_pooled",),
    ),
    _distance("hd95_pooled", "HD95 (pooled)", "95th percentile of the border distances of both directions."),
    _distance(
        "assd", "ASSD", "Average symmetric surface distance: mean of all border distances.", alternatives=("masd",)
    ),
    _distance("masd", "MASD", "Mean average surface distance: mean of the two directed means."),
    _score(
        "nsd", "NSD", "Normalised surface distance: share of border voxels within the tolerance.",
        alternatives=("nsd_surfel",),
    ),
    _score(
        "nsd_surfel",
        "NSD (surfels)",
        "Normalised surface distance weighted by surface area: share of the surface within the tolerance.",
    ),
    *_lesion_detection("", *_LESION_RULES[""]),
    _score(
        "lesion_fdr",
        "Lesion false-discovery rate",
        "Share of predicted components without any overlap (called LFPR in the literature).",
        higher_is_better=False,
    ),
    *(
        metric
        for suffix in ("_iou", "_fraction", "_centre")
        for metric in _lesion_detection(suffix, *_LESION_RULES[suffix])
    ),
    _score(
        "lesion_sq", "Segmentation quality", "Mean IoU of the pairs with IoU above the threshold.", needs_reference=True
    ),
    _score("lesion_pq", "Panoptic quality", "Segmentation quality times lesion F1 at the IoU threshold."),
    _score(
        "lesion_dice", "Lesion Dice", "Mean best Dice of each reference lesion; a missed lesion is 0.",
        needs_reference=True,
    ),
    _score(
        "lesion_dice_found", "Dice of found lesions", "Mean best Dice of the reference lesions that were found.",
        needs_reference=True,
    ),
    _count("lesion_merges", "Merges", "Predicted components that touch several reference lesions."),
    _count("lesion_splits", "Splits", "Reference lesions touched by several predicted components."),
    _count("false_positive_count", "False positives", "Predicted components without any overlap."),
    _volume("false_positive_volume_ml", "False positive volume", "Volume of the components without any overlap."),
    _count(
        "negative_false_positive_count",
        "False positives on negative cases",
        "Predicted components in a case without any reference lesion.",
    ),
    _volume(
        "negative_false_positive_volume_ml",
        "False positive volume on negative cases",
        "Predicted volume in a case without any reference lesion.",
    ),
    *(metric for stratum in ("small", "medium", "large") for metric in _stratum(stratum)),
    _score(
        "ece",
        "ECE",
        "Expected calibration error near the lesions: mean gap of confidence and accuracy.",
        higher_is_better=False,
        needs_reference=True,
    ),
    _score(
        "brier",
        "Brier score",
        "Mean squared error of the probabilities near the lesions.",
        higher_is_better=False,
        needs_reference=True,
    ),
    Metric(
        "nll",
        "NLL",
        "1",
        False,
        "Mean negative log-likelihood of the voxels near the lesions, in nats.",
        margin=0.01,
        needs_reference=True,
    ),
]  # fmt: skip

# Not a measure of quality: a row in the table of cases that says how large a distance can be there at most, for
# statistics that must give an undefined distance a value.
IMAGE_DIAGONAL = Metric("image_diagonal", "Image diagonal", "mm", False, "Largest distance between two voxels.")

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}


def metric_named(name: str) -> Metric:
    """The metric of any name that an evaluation can write, also of those that settings create.

    A metric that settings create inherits all facts of the one it comes from.

    Raises:
        KeyError: there is no such metric.

    >>> metric_named("nsd_3mm").long_name
    'NSD at 3 mm'
    >>> metric_named("lesion_recall_tiny").needs_reference
    True
    """
    if name in METRICS:
        return METRICS[name]
    if name == IMAGE_DIAGONAL.name:
        return IMAGE_DIAGONAL
    if found := re.fullmatch(r"(nsd|nsd_surfel)_([\d.e+-]+)mm", name):
        base = METRICS[found[1]]
        return replace(base, name=name, long_name=f"{base.long_name} at {found[2]} mm", alternatives=())
    if found := re.fullmatch(r"f([\d.e+-]+)", name):
        description = f"F-beta score of the voxels with beta = {found[1]}."
        return replace(METRICS["f2"], name=name, long_name=f"F{found[1]} score", description=description)
    if found := re.fullmatch(r"lesion_(?:recall|precision|f1)_(\w+)", name):
        return {metric.name: metric for metric in _stratum(found[1])}[name]
    raise KeyError(name)
