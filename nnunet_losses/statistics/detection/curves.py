"""Lesion detection over all thresholds: FROC, CPM, average recall and average precision of resampled cases."""

from dataclasses import dataclass

import numpy as np

from nnunet_losses.statistics.tables.detection import MEASURES

CPM_POINTS = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)  # false positives per case, as LUNA16
AVERAGE_UP_TO = 5.0  # false positives per case

Events = tuple[np.ndarray, np.ndarray, np.ndarray]  # case position, score, weight


@dataclass(frozen=True)
class Detections:
    """One trainer's lesions and false positives, by case and threshold.

    hits, false_positives: (cases, thresholds) how many have a score of at least the threshold, thresholds falling;
    lesions: (cases,) reference lesions. Several seeds of a case share its weight of one.
    """

    hits: np.ndarray
    false_positives: np.ndarray
    lesions: np.ndarray
    thresholds: np.ndarray

    def thinned(self, points: int) -> "Detections":
        """The same with at most about `points` thresholds, evenly spaced in order of score, the lowest among them."""
        count = len(self.thresholds)
        if count <= points:
            return self
        keep = np.unique(np.linspace(0, count - 1, points).round().astype(int))
        return Detections(self.hits[:, keep], self.false_positives[:, keep], self.lesions, self.thresholds[keep])


def detections(cases: int, hit: Events, invented: Events, lesions: tuple[np.ndarray, np.ndarray]) -> Detections:
    """Count events by case and threshold.

    hit, invented: (case position, score, weight) of found reference lesions and of predicted components without any
    overlap; lesions: (case position, weight) of all reference lesions.
    """
    thresholds = np.unique(np.concatenate([hit[1], invented[1]]))[::-1]
    if not len(thresholds):
        thresholds = np.array([np.inf])

    def cumulative(position: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
        table = np.zeros((cases, len(thresholds)))
        np.add.at(table, (position, np.searchsorted(-thresholds, -score)), weight)
        return np.cumsum(table, axis=1)

    return Detections(
        cumulative(*hit),
        cumulative(*invented),
        np.bincount(lesions[0], weights=lesions[1], minlength=cases).astype(float),
        thresholds,
    )


@dataclass(frozen=True)
class Curves:
    """Operating points of several samples of cases: (samples, thresholds), false positives rising."""

    recall: np.ndarray
    precision: np.ndarray
    per_case: np.ndarray


def curves(found: Detections, counts: np.ndarray) -> Curves:
    """The curves of samples of cases, `counts` (samples, cases) saying how often each case was drawn.

    Every case counts in the denominator of false positives, also one without lesion and without prediction.
    Recall of a sample without lesions is NaN.
    """
    counts = counts.astype(np.float32)
    hits = counts @ found.hits.astype(np.float32)
    invented = counts @ found.false_positives.astype(np.float32)
    lesions = (counts @ found.lesions.astype(np.float32))[:, None]
    recall = np.divide(hits, lesions, out=np.full_like(hits, np.nan), where=lesions > 0)
    total = hits + invented
    precision = np.divide(hits, total, out=np.ones_like(hits), where=total > 0)
    return Curves(recall, precision, invented / counts.sum(axis=1, keepdims=True))


def recall_at(points: np.ndarray, curve: Curves) -> np.ndarray:
    """Recall (samples, points) at false positives per case, linear between operating points, from (0, 0) on.

    Beyond the last operating point the recall stays what it is there (LUNA16; MONAI's `compute_froc_score`).
    """
    samples, count = curve.recall.shape
    rows = np.arange(samples)
    result = np.empty((samples, len(points)))
    for k, x in enumerate(points):
        right = (curve.per_case <= np.float32(x)).sum(axis=1)  # first operating point beyond x
        left = right - 1
        x0 = np.where(left >= 0, curve.per_case[rows, left], 0.0)
        y0 = np.where(left >= 0, curve.recall[rows, left], 0.0)
        inside = np.minimum(right, count - 1)
        x1, y1 = curve.per_case[rows, inside], curve.recall[rows, inside]
        share = np.divide(x - x0, x1 - x0, out=np.zeros(samples), where=(right < count) & (x1 > x0))
        result[:, k] = y0 + share * (y1 - y0)
    return result


def average_recall(curve: Curves, *, up_to: float = AVERAGE_UP_TO) -> np.ndarray:
    """Mean recall over 0 … `up_to` false positives per case: the exact area under the piecewise linear curve."""
    end = recall_at(np.array([up_to]), curve)
    inside = curve.per_case <= np.float32(up_to)
    zero = np.zeros((len(end), 1))
    x = np.hstack([zero, np.where(inside, curve.per_case, up_to), zero + up_to])
    y = np.hstack([zero, np.where(inside, curve.recall, end), end])
    return np.trapezoid(y, x, axis=1) / up_to


def average_precision(curve: Curves) -> np.ndarray:
    """Σ (Rₜ − Rₜ₋₁)·Pₜ over falling thresholds: no interpolation, lesions never found count as missed."""
    gained = np.diff(curve.recall, axis=1, prepend=0.0)
    return (gained * curve.precision).sum(axis=1)


def measures(curve: Curves) -> np.ndarray:
    """(samples, len(MEASURES)), in the order of `MEASURES`."""
    points = recall_at(np.array(CPM_POINTS), curve)
    found = {
        "cpm": points.mean(axis=1),
        "average_recall": average_recall(curve),
        "ap": average_precision(curve),
        "recall@0.5": points[:, CPM_POINTS.index(0.5)],
        "recall@1": points[:, CPM_POINTS.index(1.0)],
        "recall@4": points[:, CPM_POINTS.index(4.0)],
        "max_recall": curve.recall[:, -1],
        "false_positives_per_case": curve.per_case[:, -1],
    }
    return np.column_stack([found[name] for name in MEASURES])


def precision_at(points: np.ndarray, curve: Curves) -> np.ndarray:
    """Precision (samples, points) at the highest threshold that reaches each recall; NaN where none does."""
    samples, count = curve.recall.shape
    rows = np.arange(samples)
    result = np.empty((samples, len(points)))
    for k, r in enumerate(points):
        first = (curve.recall < np.float32(r)).sum(axis=1)
        result[:, k] = np.where(first < count, curve.precision[rows, np.minimum(first, count - 1)], np.nan)
    return result
