"""What each metric is called, measured in, and which way is better: plain data for tables, statistics and reports."""

import re
from typing import NamedTuple


class Metric(NamedTuple):
    """One metric. unit: "1", "mm", "ml" or "count"."""

    name: str
    long_name: str
    unit: str
    higher_is_better: bool
    description: str


_LESION_RULES = {
    "": ("", "any overlap counts"),
    "_iou": (" (IoU > 0.5)", "a pair with IoU above the threshold counts"),
    "_fraction": (" (overlap fraction)", "a component counts if enough of it is covered by the other side"),
    "_centre": (" (centre hit)", "a lesion counts if it holds the centre of a predicted component"),
}


def _lesion_detection(suffix: str, rule: str, what: str) -> list[Metric]:
    return [
        Metric(
            f"lesion_recall{suffix}",
            f"Lesion recall{rule}",
            "1",
            True,
            f"Share of reference lesions that were found (LTPR, sensitivity); {what}.",
        ),
        Metric(
            f"lesion_precision{suffix}",
            f"Lesion precision{rule}",
            "1",
            True,
            f"Share of predicted components that are true (PPV); {what}.",
        ),
        Metric(
            f"lesion_f1{suffix}",
            f"Lesion F1{rule}",
            "1",
            True,
            f"Harmonic mean of lesion recall and lesion precision; {what}.",
        ),
    ]


_ALL = [
    Metric("dice", "Dice", "1", True, "Dice similarity coefficient of the voxels, 2TP / (2TP + FP + FN)."),
    Metric("iou", "IoU", "1", True, "Intersection over union of the voxels (Jaccard index), TP / (TP + FP + FN)."),
    Metric("precision", "Precision", "1", True, "Share of predicted voxels that are true, TP / (TP + FP)."),
    Metric("recall", "Recall", "1", True, "Share of reference voxels that were found, TP / (TP + FN)."),
    Metric("specificity", "Specificity", "1", True, "Share of background voxels left alone, TN / (TN + FP)."),
    Metric(
        "f2",
        "F2 score",
        "1",
        True,
        "F-beta score of the voxels with beta = 2: recall weighs more than precision.",
    ),
    Metric(
        "volume_difference_ml",
        "Volume difference",
        "ml",
        False,
        "Absolute difference between predicted and reference volume.",
    ),
    Metric("hd", "Hausdorff distance", "mm", False, "Largest distance between the two borders."),
    Metric("hd95", "HD95", "mm", False, "Larger of the two directed 95th percentiles of border distances."),
    Metric(
        "hd95_pooled",
        "HD95 (pooled)",
        "mm",
        False,
        "95th percentile of the border distances of both directions.",
    ),
    Metric("assd", "ASSD", "mm", False, "Average symmetric surface distance: mean of all border distances."),
    Metric("masd", "MASD", "mm", False, "Mean average surface distance: mean of the two directed means."),
    Metric("nsd", "NSD", "1", True, "Normalised surface distance: share of border voxels within the tolerance."),
    Metric(
        "nsd_surfel",
        "NSD (surfels)",
        "1",
        True,
        "Normalised surface distance weighted by surface area: share of the surface within the tolerance.",
    ),
    *_lesion_detection("", *_LESION_RULES[""]),
    Metric(
        "lesion_fdr",
        "Lesion false-discovery rate",
        "1",
        False,
        "Share of predicted components without any overlap (called LFPR in the literature).",
    ),
    *(
        metric
        for suffix in ("_iou", "_fraction", "_centre")
        for metric in _lesion_detection(suffix, *_LESION_RULES[suffix])
    ),
    Metric("lesion_sq", "Segmentation quality", "1", True, "Mean IoU of the pairs with IoU above the threshold."),
    Metric(
        "lesion_pq",
        "Panoptic quality",
        "1",
        True,
        "Segmentation quality times lesion F1 at the IoU threshold.",
    ),
    Metric(
        "lesion_dice",
        "Lesion Dice",
        "1",
        True,
        "Mean best Dice of each reference lesion; a missed lesion is 0.",
    ),
    Metric(
        "lesion_dice_found",
        "Dice of found lesions",
        "1",
        True,
        "Mean best Dice of the reference lesions that were found.",
    ),
    Metric(
        "lesion_merges",
        "Merges",
        "count",
        False,
        "Predicted components that touch several reference lesions.",
    ),
    Metric(
        "lesion_splits",
        "Splits",
        "count",
        False,
        "Reference lesions touched by several predicted components.",
    ),
    Metric("false_positive_count", "False positives", "count", False, "Predicted components without any overlap."),
    Metric(
        "false_positive_volume_ml",
        "False positive volume",
        "ml",
        False,
        "Volume of the components without any overlap.",
    ),
    Metric(
        "negative_false_positive_count",
        "False positives on negative cases",
        "count",
        False,
        "Predicted components in a case without any reference lesion.",
    ),
    Metric(
        "negative_false_positive_volume_ml",
        "False positive volume on negative cases",
        "ml",
        False,
        "Predicted volume in a case without any reference lesion.",
    ),
    *(
        metric
        for stratum in ("small", "medium", "large")
        for metric in _lesion_detection(f"_{stratum}", f", {stratum}", f"any overlap counts, {stratum} components only")
    ),
    Metric(
        "ece",
        "ECE",
        "1",
        False,
        "Expected calibration error near the lesions: mean gap of confidence and accuracy.",
    ),
    Metric("brier", "Brier score", "1", False, "Mean squared error of the probabilities near the lesions."),
    Metric("nll", "NLL", "1", False, "Mean negative log-likelihood of the voxels near the lesions, in nats."),
]

# Not a measure of quality: a row in the table of cases that says how large a distance can be there at most, for
# statistics that must give an undefined distance a value.
IMAGE_DIAGONAL = Metric("image_diagonal", "Image diagonal", "mm", False, "Largest distance between two voxels.")

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}


def metric_named(name: str) -> Metric:
    """The metric of any name an evaluation can write, also those that settings create; `KeyError` if there is none.

    >>> metric_named("nsd_3mm").long_name
    'NSD at 3 mm'
    >>> metric_named("lesion_recall_tiny").long_name
    'Lesion recall, tiny'
    """
    if name in METRICS:
        return METRICS[name]
    if name == IMAGE_DIAGONAL.name:
        return IMAGE_DIAGONAL
    if found := re.fullmatch(r"(nsd|nsd_surfel)_([\d.e+-]+)mm", name):
        base = METRICS[found[1]]
        return base._replace(name=name, long_name=f"{base.long_name} at {found[2]} mm")
    if found := re.fullmatch(r"f([\d.e+-]+)", name):
        description = f"F-beta score of the voxels with beta = {found[1]}."
        return METRICS["f2"]._replace(name=name, long_name=f"F{found[1]} score", description=description)
    if found := re.fullmatch(r"(lesion_(?:recall|precision|f1))_(\w+)", name):
        what = f"any overlap counts, {found[2]} components only"
        return {m.name: m for m in _lesion_detection(f"_{found[2]}", f", {found[2]}", what)}[name]
    raise KeyError(name)
