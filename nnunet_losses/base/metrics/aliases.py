"""The names that other software gives to metrics, and the metrics of ours that they mean.

Only names with one meaning in the field are listed: "F1" may be of voxels or of lesions, "ASD" one-sided or symmetric,
so a table that uses them has to say which it is.
"""

import re

from nnunet_losses.base.metrics import METRICS, Metric, metric_named

_ALIASES = {
    "dice": (
        "dsc", "dice score", "dice coefficient", "dice similarity", "dice similarity coefficient", "mean dice",
        "volumetric dice", "dice metric", "val mean dice",
    ),
    "iou": ("jaccard", "jaccard index", "jaccard score", "jaccard coefficient", "intersection over union", "mean iou"),
    "precision": ("ppv", "positive predictive value"),
    "recall": ("sensitivity", "tpr", "true positive rate"),
    "specificity": ("tnr", "true negative rate"),
    "hd": ("hausdorff", "hausdorff distance", "hd100"),
    "hd95": (
        "hausdorff95", "hausdorff distance 95", "95hd", "haus95", "95 hausdorff distance", "hausdorff distance95",
        "95th percentile hausdorff distance", "hdrfdst95",
    ),
    "assd": ("average symmetric surface distance",),
    "masd": ("mean average surface distance",),
    "nsd": ("surface dice", "surf dice", "normalized surface dice", "normalised surface dice",
            "normalized surface distance", "normalised surface distance"),
    "lesion_f1": ("lesionwise f1", "lesion f1 score"),
    "lesion_recall": ("ltpr", "lesion sensitivity", "lesion detection rate", "lesion tpr"),
    "lesion_precision": ("lesion ppv",),
    "lesion_fdr": ("lfpr", "lesion false discovery rate"),
    "lesion_pq": ("pq", "panoptic quality"),
    "lesion_sq": ("sq", "segmentation quality"),
    "false_positive_count": ("false positive lesions", "number of false positives"),
    "ece": ("expected calibration error",),
    "brier": ("brier score",),
    "nll": ("negative log likelihood",),
}  # fmt: skip
_NO_LABELS = {
    "std", "sd", "var", "se", "sem", "ci", "low", "high", "lower", "upper", "median", "min", "max", "count", "n",
    "rank", "loss", "p", "time", "weight", "threshold", "iqr", "delta", "diff", "difference",
}  # fmt: skip
_SEPARATORS = re.compile(r"[\s_\-./:|]+")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


_BY_NAME = {_plain(name): name for name in METRICS} | {
    _plain(alias): name for name, aliases in _ALIASES.items() for alias in aliases
}


def metric_from(text: str) -> Metric | None:
    """The metric that a name from elsewhere means; None if it is unknown or has several meanings.

    >>> metric_from("DSC").name, metric_from("Hausdorff_Distance_95").name
    ('dice', 'hd95')
    >>> metric_from("F1") is None
    True
    """
    if (name := _BY_NAME.get(_plain(text))) is not None:
        return METRICS[name]
    lowered = text.strip().casefold()
    if lowered == "f1":
        return None
    try:
        return metric_named(lowered)
    except KeyError:
        return None


def metric_and_label_from(text: str) -> tuple[Metric, str] | None:
    """Metric and label of a name such as ``dice_liver`` or ``WT-HD95``; the label is empty if there is none.

    >>> metric, label = metric_and_label_from("WT_haus95")
    >>> metric.name, label
    ('hd95', 'WT')
    """
    if (metric := metric_from(text)) is not None:
        return metric, ""
    words = [word for word in _SEPARATORS.split(text.strip()) if word]
    for length in range(len(words) - 1, 0, -1):
        for metric_words, label_words in ((words[:length], words[length:]), (words[-length:], words[:-length])):
            metric = metric_from(" ".join(metric_words))
            if metric is not None and not _NO_LABELS & {word.casefold() for word in label_words}:
                return metric, " ".join(label_words)
    return None
