"""The scores of challenges, by the definitions that `nnunet_losses.base.metrics.challenges` cites.

All of them are written from the stated definitions; no code is taken over.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nnunet_losses.base.components import connected_components
from nnunet_losses.base.metrics.challenges import BRATS_PENALTY_MM, CHALLENGES
from nnunet_losses.base.metrics.voxel import Counts, ratio
from nnunet_losses.evaluation.lesions import Matching
from nnunet_losses.evaluation.structure import Structure
from nnunet_losses.evaluation.surface import Surfels

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """Both sides of one label of one case, their components connected as the challenge has it.

    counts: of voxels. position: of the label among those of the data set, from 0.
    """

    reference: Structure
    prediction: Structure
    counts: Counts
    position: int = 0

    @property
    def dice(self) -> float:
        """2|R∩P| / (|R| + |P|), NaN if both are empty."""
        return ratio(2 * self.counts.tp, 2 * self.counts.tp + self.counts.fp + self.counts.fn)

    @property
    def both_empty(self) -> bool:
        """Whether there is nothing on either side."""
        return not self.reference.size and not self.prediction.size

    def volume_ml(self, voxels: float) -> float:
        """The volume of a number of voxels."""
        return float(voxels) * self.counts.voxel_ml

    @property
    def numbers(self) -> tuple[int, int]:
        """How many components there are of reference and prediction."""
        return len(self.reference.components), len(self.prediction.components)


def _f1(tp: float, fp: float, fn: float, empty: float) -> float:
    return tp / (tp + (fp + fn) / 2) if tp + fp + fn else empty


def _hits(pair: Pair) -> tuple[Booleans, Booleans]:
    """Which lesions any voxel of the prediction hits, and which components hit the reference."""
    matching = Matching(pair.reference, pair.prediction)
    return matching.reference.matches > 0, matching.prediction.matches > 0


def isles(pair: Pair, threshold: float | None) -> dict[str, float]:
    """Dice, lesion F1, and the differences of volume and count; the threshold of IoU, or None for any overlap."""
    references, predictions = pair.numbers
    if threshold is None:
        found, true = _hits(pair)
        tp, fp = int(found.sum()), int((~true).sum())
    else:
        tp = len(Matching(pair.reference, pair.prediction).greedy(threshold))
        fp = predictions - tp
    return {
        "dice": 1.0 if pair.both_empty else pair.dice,
        "lesion_f1": _f1(tp, fp, references - tp, 1.0),
        "volume_difference_ml": pair.volume_ml(abs(pair.reference.size - pair.prediction.size)),
        "count_difference": float(abs(references - predictions)),
    }


def brats(pair: Pair, dilations: int, minimum_mm3: float) -> dict[str, float]:
    """Lesion-wise and plain Dice and HD95.

    Reference lesions that a dilation joins are one lesion, of undilated voxels. A component that its dilation hits
    belongs to it, whole; one may belong to several lesions. A component that belongs to none is a false positive.
    """
    reference, prediction = pair.reference, pair.prediction
    voxel_mm3 = math.prod(reference.grid.spacing)
    dice, hd95, kept = 0.0, 0.0, 0
    used = np.zeros(len(prediction.components) + 1, bool)
    truth = _image(reference)
    numbers = np.zeros(truth.shape, np.uint32)
    numbers[truth] = connected_components(_dilated(truth, dilations), 26)[0][truth]
    components = np.zeros(truth.shape, np.int64)
    components[_image(prediction)] = prediction.components.ids
    places = ndimage.find_objects(components)
    for lesion, box in enumerate(ndimage.find_objects(numbers.astype(np.int64)), start=1):
        if box is None:
            continue
        wide = tuple(slice(max(axis.start - dilations, 0), axis.stop + dilations) for axis in box)
        own = _dilated(numbers[wide] == lesion, dilations)
        hit = np.unique(components[wide][own])
        hit = hit[hit > 0]
        used[hit] = True
        size = int((numbers[box] == lesion).sum())
        if size * voxel_mm3 <= minimum_mm3:
            continue
        kept += 1
        if not len(hit):
            hd95 += BRATS_PENALTY_MM
            continue
        around = _around([box, *(places[number - 1] for number in hit)])
        mine, theirs = numbers[around] == lesion, np.isin(components[around], hit)
        dice += 2 * int((mine & theirs).sum()) / (size + int(theirs.sum()))
        hd95 += _hd95(_cut(reference, mine), _cut(reference, theirs))
    false = len(prediction.components) - int(used[1:].sum())
    total = kept + false
    one_empty = BRATS_PENALTY_MM if reference.size or prediction.size else 0.0
    return {
        "lesion_dice": dice / total if total else 1.0,
        "lesion_hd95": (hd95 + BRATS_PENALTY_MM * false) / total if total else 0.0,
        "dice": 1.0 if pair.both_empty else pair.dice,
        "hd95": _hd95(reference, prediction) if reference.size and prediction.size else one_empty,
    }


def autopet(pair: Pair, *, needs_reference: bool) -> dict[str, float]:
    """Dice, and the volumes of components without any overlap; III: Dice and missed volume need a reference."""
    found, true = _hits(pair)
    undefined = needs_reference and not pair.reference.size
    missed = pair.volume_ml(pair.reference.components.sizes[~found].sum())
    return {
        "dice": math.nan if undefined else pair.dice,
        "false_positive_volume_ml": pair.volume_ml(pair.prediction.components.sizes[~true].sum()),
        "false_negative_volume_ml": math.nan if undefined else missed,
    }


def msseg(pair: Pair) -> dict[str, float]:
    """Recall, precision and F1 of the lesions by Anima's rule; without reference, what was predicted."""
    reference, prediction = (_above(side, 3.0) for side in (pair.reference, pair.prediction))
    if not reference.size:
        nothing = dict.fromkeys(("lesion_recall", "lesion_precision", "lesion_f1"), math.nan)
        return nothing | {
            "negative_count": float(len(prediction.components)),
            "negative_volume_ml": pair.volume_ml(prediction.size),
        }
    recall = float(_anima(reference, prediction).mean())
    detected = _anima(prediction, reference)
    precision = float(detected.mean()) if len(detected) else 0.0
    f1 = 2 * recall * precision / (recall + precision) if recall + precision else 0.0
    return {"lesion_recall": recall, "lesion_precision": precision, "lesion_f1": f1}


def _anima(
    reference: Structure, test: Structure, alpha: float = 0.10, beta: float = 0.70, gamma: float = 0.65
) -> Booleans:
    """Which components of one side the other one detects.

    One is detected if more than `alpha` of it is covered, and if none of the components that cover it, largest overlap
    first until they make up `gamma` of what is covered, lies outside by more than `beta` of itself.
    """
    matching = Matching(reference, test)
    outside = 1 - matching.prediction.overlap_fraction
    found = matching.reference.overlap_fraction > alpha
    covered = np.bincount(matching.first, weights=matching.voxels, minlength=len(found))
    for component in np.flatnonzero(found):
        own = np.flatnonzero(matching.first == component)
        own = own[np.argsort(-matching.voxels[own], kind="stable")]
        reached = np.cumsum(matching.voxels[own]) / covered[component]
        visited = own[: int(np.searchsorted(reached, gamma)) + 1]
        found[component] = bool((outside[matching.second[visited]] <= beta).all())
    return found


def isbi2015(pair: Pair) -> dict[str, float]:
    """The score without the correlation of volumes; NaN where a side is empty."""
    found, true = _hits(pair)
    if not len(found) or not len(true):
        return {"score": math.nan}
    ppv = pair.counts.tp / pair.prediction.size
    return {"score": float(pair.dice / 8 + ppv / 8 + true.mean() / 4 + found.mean() / 4) * 4 / 3}


def shifts(pair: Pair) -> dict[str, float]:
    """Normalised Dice, and lesion F1 at IoU ≥ 0.25 without a one-to-one matching."""
    counts, share = pair.counts, 0.001
    everything = counts.tp + counts.fp + counts.fn + counts.tn
    positive = pair.reference.size
    weight = (1 - share) * positive / (share * (everything - positive)) if positive and positive < everything else 1.0
    below = 2 * counts.tp + weight * counts.fp + counts.fn
    matching = Matching(pair.reference, pair.prediction)
    tp = int((matching.prediction.iou >= 0.25).sum())
    missed = int((matching.reference.iou < 0.25).sum())
    return {
        "ndsc": 1.0 if pair.both_empty else 2 * counts.tp / below,
        "lesion_f1": _f1(tp, len(pair.prediction.components) - tp, missed, 1.0),
    }


def wmh2017(pair: Pair) -> dict[str, float]:
    """Dice, relative difference of volumes, and lesion recall and F1."""
    found, true = _hits(pair)
    recall = float(found.mean()) if len(found) else 1.0
    precision = float(true.mean()) if len(true) else 1.0
    return {
        "dice": pair.dice,
        "volume_difference": ratio(abs(pair.prediction.size - pair.reference.size), pair.reference.size)
        if pair.reference.size
        else math.nan,
        "lesion_recall": recall,
        "lesion_f1": 2 * recall * precision / (recall + precision) if recall + precision else 0.0,
    }


def lits(pair: Pair) -> dict[str, float]:
    """Dice of a case."""
    return {"dice": 1.0 if pair.both_empty else pair.dice}


KITS_TOLERANCES_MM = (1.0330772532390826, 1.1328796488598762, 1.1498198361434828)
"""Of kidney and masses, masses, and tumour."""


def kits23(pair: Pair) -> dict[str, float]:
    """Dice, and surface Dice at the tolerance of the region."""
    reference, prediction = pair.reference, pair.prediction
    if not reference.size or not prediction.size:
        return dict.fromkeys(("dice", "nsd"), float(pair.both_empty))
    tolerance = KITS_TOLERANCES_MM[pair.position] + 1e-6
    areas = within = 0.0
    for one, other in ((reference.surfels, prediction.surfels), (prediction.surfels, reference.surfels)):
        within += float(np.sum(one.areas, where=other.distances_from(one) <= tolerance))
        areas += float(one.areas.sum())
    return {"dice": pair.dice, "nsd": within / areas}


def hecktor21(pair: Pair) -> dict[str, float]:
    """Dice and HD95, both 0 if nothing is predicted."""
    if not pair.prediction.size:
        return dict.fromkeys(("dice", "hd95"), 0.0)
    if not pair.reference.size:
        return dict.fromkeys(("dice", "hd95"), math.nan)
    return {"dice": pair.dice, "hd95": _hd95(pair.reference, pair.prediction)}


def panoptica(pair: Pair) -> dict[str, float]:
    """Recognition, segmentation and panoptic quality."""
    references, predictions = pair.numbers
    matching = Matching(pair.reference, pair.prediction)
    pairs = matching.greedy(0.5)
    if not references and not predictions:
        return dict.fromkeys(("rq", "sq", "pq"), math.nan)
    rq = _f1(len(pairs), predictions - len(pairs), references - len(pairs), 0.0)
    sq = float(matching.iou[pairs].mean()) if len(pairs) else 0.0
    return {"rq": rq, "sq": sq, "pq": sq * rq}


@dataclass(frozen=True)
class Rule:
    """How a challenge measures: the neighbourhood of components, and the scores of both sides."""

    connectivity: int
    measure: Callable[[Pair], Mapping[str, float]]
    labels: int | None = None
    """How many labels the data set must have; None for any number."""


RULES: dict[str, Rule] = {
    "isles22": Rule(26, partial(isles, threshold=None)),
    "isles24": Rule(26, partial(isles, threshold=0.5)),
    "isles24_2025": Rule(26, partial(isles, threshold=0.2)),
    "isles26": Rule(26, partial(isles, threshold=0.25)),
    "brats2023": Rule(26, partial(brats, dilations=3, minimum_mm3=50)),
    "brats2023_men": Rule(26, partial(brats, dilations=1, minimum_mm3=50)),
    "brats2023_met": Rule(26, partial(brats, dilations=1, minimum_mm3=2)),
    "autopet": Rule(18, partial(autopet, needs_reference=False)),
    "autopet3": Rule(18, partial(autopet, needs_reference=True)),
    "msseg": Rule(6, msseg),
    "isbi2015": Rule(18, isbi2015),
    "shifts": Rule(6, shifts),
    "wmh2017": Rule(26, wmh2017),
    "lits": Rule(6, lits),
    "kits23": Rule(26, kits23, labels=3),
    "hecktor21": Rule(26, hecktor21),
    "panoptica": Rule(26, panoptica),
}


def challenge_metrics(preset: str, pair: Pair) -> dict[str, float]:
    """The scores of a preset; NaN where one is not defined, and none that do not apply to the case."""
    return {f"{CHALLENGES[preset].name}_{name}": value for name, value in RULES[preset].measure(pair).items()}


def _around(boxes: Sequence[tuple[slice, ...]]) -> tuple[slice, ...]:
    """The smallest box that holds all boxes."""
    return tuple(
        slice(min(side.start for side in sides), max(side.stop for side in sides)) for sides in zip(*boxes, strict=True)
    )


def _image(side: Structure) -> Booleans:
    """The mask without its frame."""
    return side.frame[(slice(1, -1),) * side.frame.ndim]


def _dilated(mask: Booleans, times: int) -> Booleans:
    element = ndimage.generate_binary_structure(mask.ndim, min(2, mask.ndim))
    found: Booleans = ndimage.binary_dilation(mask, element, iterations=times)
    return found


def _cut(side: Structure, mask: Booleans) -> Structure:
    """Part of an image as a structure of its own."""
    return Structure(mask, replace(side.grid, shape=mask.shape), side.connectivity)


def _above(side: Structure, mm3: float) -> Structure:
    """The side without its components of at most a volume."""
    voxel_mm3 = math.prod(side.grid.spacing)
    large = np.append(False, side.components.sizes * voxel_mm3 > mm3)
    if large[1:].all():
        return side
    mask = np.zeros(side.grid.shape, bool)
    mask.reshape(-1)[side.image_index[large[side.components.ids]]] = True
    return Structure(mask, side.grid, side.connectivity)


def _hd95(reference: Structure, prediction: Structure) -> float:
    """Larger of the two directed 95th percentiles over surface elements, each weighted by its area, in mm."""
    sides = reference.surfels, prediction.surfels
    return max(_percentile(sides[0], sides[1]), _percentile(sides[1], sides[0]))


def _percentile(one: Surfels, other: Surfels) -> float:
    """The first distance, ascending, at which the elements of one side make up 95 % of its area."""
    distances = other.distances_from(one)
    order = np.argsort(distances, kind="stable")
    reached = np.cumsum(one.areas[order]) / one.areas.sum()
    return float(distances[order[min(int(np.searchsorted(reached, 0.95)), len(order) - 1)]])
