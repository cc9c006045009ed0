"""Lesion-wise metrics: which component was found by which.

One contingency table, of the voxels that reference and predicted components share, answers every matching rule.
"""

import dataclasses
import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from nnunet_losses.base.metrics.lesion import Strata, at_iou
from nnunet_losses.base.metrics.voxel import ratio
from nnunet_losses.evaluation.settings import EvaluationSettings
from nnunet_losses.evaluation.structure import Structure

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Side:
    """What each component of one side meets on the other, (n,) each.

    matches: components of the other side that it overlaps.
    dice, iou: the best of any of them.
    overlap_fraction: share of its voxels that the other side covers.
    partner: 0-based number of the component with the best Dice; -1 without overlap.
    """

    matches: Integers
    dice: Floats
    iou: Floats
    overlap_fraction: Floats
    partner: Integers


class Matching:
    """All pairs of overlapping components: 0-based `first` (reference) and `second` (prediction), shared `voxels`."""

    def __init__(self, reference: Structure, prediction: Structure) -> None:
        # The voxels of both sides ascend, so the shared ones come in the same order on either.
        left = reference.components.ids[prediction.mask[reference.voxels]].astype(np.int64)
        right = prediction.components.ids[reference.mask[prediction.voxels]].astype(np.int64)
        columns = len(prediction.components)
        pair = (left - 1) * columns + right - 1
        pairs, self.voxels = np.unique(pair, return_counts=True)
        self.first, self.second = np.divmod(pairs, max(columns, 1))
        self._reference, self._prediction = reference, prediction

    @cached_property
    def dice(self) -> Floats:
        """2|R∩P| / (|R| + |P|) of each pair."""
        return 2 * self.voxels / self._sizes

    @cached_property
    def iou(self) -> Floats:
        """|R∩P| / |R∪P| of each pair."""
        return self.voxels / (self._sizes - self.voxels)

    @cached_property
    def reference(self) -> Side:
        """The pairs seen from each reference lesion."""
        return self._side(self.first, self.second, self._reference.components.sizes)

    @cached_property
    def prediction(self) -> Side:
        """The pairs seen from each predicted component."""
        return self._side(self.second, self.first, self._prediction.components.sizes)

    def above(self, iou: float) -> Integers:
        """Positions of pairs with an IoU above a threshold, one to one: as many as possible, of the largest total IoU.

        From 0.5 on, no component can be in two such pairs.
        """
        good = np.flatnonzero(self.iou > iou)
        if iou >= 0.5 or not len(good):
            return good
        rows, row = np.unique(self.first[good], return_inverse=True)
        columns, column = np.unique(self.second[good], return_inverse=True)
        weight = np.zeros((len(rows), len(columns)))
        # each pair weighs more than all IoUs together can
        weight[row, column] = min(weight.shape) + 1 + self.iou[good]
        position = np.full(weight.shape, -1)
        position[row, column] = good
        found = position[linear_sum_assignment(weight, maximize=True)]
        return np.sort(found[found >= 0])

    def greedy(self, iou: float) -> Integers:
        """Positions of pairs with an IoU of at least a threshold, one to one, the largest IoU first."""
        taken = np.zeros(len(self._reference.components), bool), np.zeros(len(self._prediction.components), bool)
        found = []
        for pair in np.argsort(-self.iou, kind="stable"):
            first, second = self.first[pair], self.second[pair]
            if self.iou[pair] >= iou and not taken[0][first] and not taken[1][second]:
                taken[0][first] = taken[1][second] = True
                found.append(pair)
        return np.sort(np.array(found, np.int64))

    @property
    def _sizes(self) -> Integers:
        return self._reference.components.sizes[self.first] + self._prediction.components.sizes[self.second]

    def _side(self, own: Integers, other: Integers, sizes: Integers) -> Side:
        dice, iou = np.zeros(len(sizes)), np.zeros(len(sizes))
        np.maximum.at(dice, own, self.dice)
        np.maximum.at(iou, own, self.iou)
        covered = np.bincount(own, weights=self.voxels, minlength=len(sizes))
        partner = np.full(len(sizes), -1)
        best = np.argsort(self.dice, kind="stable")  # ascending: the best pair is written last
        partner[own[best]] = other[best]
        return Side(np.bincount(own, minlength=len(sizes)), dice, iou, covered / sizes, partner)


def lesion_metrics(
    reference: Structure, prediction: Structure, matching: Matching, settings: EvaluationSettings
) -> dict[str, float]:
    """Every lesion-wise metric of a case; NaN where a ratio has nothing to count.

    lesion_recall (LTPR), lesion_precision (PPV), lesion_fdr (a false-discovery rate, called LFPR in the literature) and
    lesion_f1 count any overlap. The stricter rules are `_iou` (one-to-one pairs with IoU > iou_threshold; the name ends
    in the threshold if that is not 0.5), `_fraction` (at least overlap_fraction of the component is covered) and
    `_centre` (it holds the centre of one of the other side).
    lesion_pq = lesion_sq (mean IoU of the pairs) x lesion_f1_iou (Kirillov et al. 2019, arXiv 1801.00868).
    """
    mine, theirs = matching.reference, matching.prediction
    found, true = mine.matches > 0, theirs.matches > 0
    good = matching.above(settings.iou_threshold)
    paired = np.zeros(len(found), bool), np.zeros(len(true), bool)
    paired[0][matching.first[good]] = paired[1][matching.second[good]] = True
    volume = prediction.grid.voxel_ml
    metrics = {
        **_detection("", found, true),
        "lesion_fdr": 1 - _mean(true),
        **{at_iou(name, settings.iou_threshold): value for name, value in _detection("_iou", *paired).items()},
        **_detection(
            "_fraction",
            mine.overlap_fraction >= settings.overlap_fraction,
            theirs.overlap_fraction >= settings.overlap_fraction,
        ),
        **_detection("_centre", *_centre_hits(reference, prediction)),
        at_iou("lesion_sq", settings.iou_threshold): _mean(matching.iou[good]),
        "lesion_dice": _mean(mine.dice),
        "lesion_dice_found": _mean(mine.dice[found]),
        "lesion_merges": float(np.count_nonzero(theirs.matches > 1)),
        "lesion_splits": float(np.count_nonzero(mine.matches > 1)),
        "false_positive_count": float(np.count_nonzero(~true)),
        "false_positive_volume_ml": float(prediction.components.sizes[~true].sum() * volume),
    }
    metrics[at_iou("lesion_pq", settings.iou_threshold)] = ratio(2 * matching.iou[good].sum(), len(found) + len(true))
    if not reference.size:
        metrics["negative_false_positive_count"] = metrics["false_positive_count"]
        metrics["negative_false_positive_volume_ml"] = metrics["false_positive_volume_ml"]
    return metrics


@dataclasses.dataclass(frozen=True)
class Stratum:
    """Detection among the components of one size: their number on each side, and the metrics."""

    reference: int
    predicted: int
    metrics: dict[str, float]


def stratified_metrics(
    reference: Structure, prediction: Structure, matching: Matching, strata: Strata
) -> list[Stratum]:
    """lesion_recall_<stratum>, lesion_precision_<stratum> and lesion_f1_<stratum> by any overlap, for each stratum.

    Recall goes by the size of the reference lesion, precision by that of the predicted component.
    """
    found, true = matching.reference.matches > 0, matching.prediction.matches > 0
    left = stratum_of(reference.grid.diameter(reference.components.sizes), strata)
    right = stratum_of(prediction.grid.diameter(prediction.components.sizes), strata)
    result = []
    for index, (name, _) in enumerate(strata):
        mine, theirs = found[left == index], true[right == index]
        result.append(Stratum(len(mine), len(theirs), _detection(f"_{name}", mine, theirs)))
    return result


def stratum_of(diameter: Floats, strata: Strata) -> Integers:
    """Index of the stratum of each diameter: the first whose upper bound is larger."""
    return np.searchsorted([bound for _, bound in strata], diameter, side="right")


def _detection(suffix: str, found: Booleans, true: Booleans) -> dict[str, float]:
    """Recall, precision and their harmonic mean; F1 is 0, not undefined, as soon as one side has a component."""
    recall, precision = _mean(found), _mean(true)
    if not len(found) and not len(true):
        f1 = math.nan
    elif found.any() and true.any():
        f1 = 2 * recall * precision / (recall + precision)
    else:
        f1 = 0.0
    return {
        f"lesion_recall{suffix}": recall,
        f"lesion_precision{suffix}": precision,
        f"lesion_f1{suffix}": f1,
    }


def _centre_hits(reference: Structure, prediction: Structure) -> tuple[Booleans, Booleans]:
    """Lesions that hold the centre of a predicted component, and predicted components whose centre lies in a lesion."""
    hit = reference.component_at(prediction.centres)
    found = np.zeros(len(reference.components), bool)
    found[hit[hit > 0] - 1] = True
    return found, hit > 0


def _mean(values: NDArray) -> float:
    return float(values.mean()) if len(values) else math.nan
