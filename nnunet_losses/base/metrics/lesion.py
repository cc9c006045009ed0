"""Metrics of the lesions, connected components; computed in `nnunet_losses.evaluation.lesions`."""

import math

from nnunet_losses.base.metrics.metric import Metric, count, score, volume

Strata = tuple[tuple[str, float], ...]
STRATA_MM: Strata = (("small", 5.0), ("medium", 10.0), ("large", math.inf))
"""Lesion sizes: name and upper bound of the equivalent diameter in mm, unless settings say otherwise."""

_LESION_RULES = {
    "": ("", "any overlap counts"),
    "_iou": (" (IoU > 0.5)", "a pair with IoU above the threshold counts"),
    "_fraction": (" (overlap fraction)", "a component counts if enough of it is covered by the other side"),
    "_centre": (" (centre hit)", "a lesion counts if it contains the centre of a predicted component"),
}


def _lesion_detection(suffix: str, rule: str, what: str) -> list[Metric]:
    def others(stem: str) -> tuple[str, ...]:
        return () if suffix else tuple(f"{stem}{other}" for other in _LESION_RULES if other)

    return [
        score(
            f"lesion_recall{suffix}",
            f"Lesion recall{rule}",
            f"Share of reference lesions that were found (LTPR, sensitivity); {what}.",
            needs_reference=True,
            alternatives=others("lesion_recall"),
        ),
        score(
            f"lesion_precision{suffix}",
            f"Lesion precision{rule}",
            f"Share of predicted components that are true (PPV); {what}.",
            alternatives=others("lesion_precision"),
        ),
        score(
            f"lesion_f1{suffix}",
            f"Lesion F1{rule}",
            f"Harmonic mean of lesion recall and lesion precision; {what}.",
            alternatives=others("lesion_f1"),
        ),
    ]


def of_stratum(name: str) -> list[Metric]:
    """The metrics of the lesions of one size."""
    return _lesion_detection(f"_{name}", f", {name}", f"any overlap counts, {name} components only")


def at_iou(name: str, threshold: float) -> str:
    """The name of a metric of the one-to-one matching at a threshold of IoU; at 0.5 it keeps its own.

    >>> at_iou("lesion_f1_iou", 0.25), at_iou("lesion_pq", 0.25), at_iou("lesion_pq", 0.5)
    ('lesion_f1_iou0.25', 'lesion_pq_iou0.25', 'lesion_pq')
    """
    return name if threshold == 0.5 else f"{name.removesuffix('_iou')}_iou{threshold:g}"


MATCHED = ("lesion_recall_iou", "lesion_precision_iou", "lesion_f1_iou", "lesion_sq", "lesion_pq")
"""The metrics of the one-to-one matching, by their names at the usual threshold."""

LESION_METRICS: list[Metric] = [
    *_lesion_detection("", *_LESION_RULES[""]),
    score(
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
    score(
        "lesion_sq", "Segmentation quality", "Mean IoU of the pairs with IoU above the threshold.", needs_reference=True
    ),
    score("lesion_pq", "Panoptic quality", "Segmentation quality times lesion F1 at the IoU threshold."),
    score(
        "lesion_dice", "Lesion Dice", "Mean best Dice of each reference lesion; a missed lesion is 0.",
        needs_reference=True,
    ),
    score(
        "lesion_dice_found", "Dice of found lesions", "Mean best Dice of the reference lesions that were found.",
        needs_reference=True,
    ),
    count("lesion_merges", "Merges", "Predicted components that touch several reference lesions."),
    count("lesion_splits", "Splits", "Reference lesions touched by several predicted components."),
    count("false_positive_count", "False positives", "Predicted components without any overlap.", margin=0.25,
          rewards_silence=True),
    volume(
        "false_positive_volume_ml", "False positive volume", "Volume of predicted components without any overlap.",
        rewards_silence=True,
    ),
    count(
        "negative_false_positive_count",
        "False positives on negative cases",
        "Predicted components in a case without any reference lesion.",
        margin=0.25,
        rewards_silence=True,
    ),
    volume(
        "negative_false_positive_volume_ml",
        "False positive volume on negative cases",
        "Predicted volume in a case without any reference lesion.",
        rewards_silence=True,
    ),
    *(metric for stratum, _ in STRATA_MM for metric in of_stratum(stratum)),
]  # fmt: skip
