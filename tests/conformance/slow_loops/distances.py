"""Slow loops of the losses on distances: every distance by looking at every pair of voxels, at unit spacing."""

import itertools
import math
from collections.abc import Callable
from functools import cache

from .problem import Problem, mean, slow_loop
from .sums_and_voxels import dice, generalized_dice_of_group


@cache
def lengths(space: tuple[int, ...]) -> list[list[float]]:
    """The distance between each two voxels."""
    places = list(itertools.product(*(range(length) for length in space)))
    return [[math.dist(here, there) for there in places] for here in places]


def distance(problem: Problem, here: int, other: Callable[[int], bool], counts: list[bool]) -> float:
    """From a voxel to the nearest one that counts and is ``other``; 0 if there is none."""
    to = lengths(problem.logits.shape[2:])[here]
    return min((to[there] for there in range(len(to)) if counts[there] and other(there)), default=0)


def counting(problem: Problem, sample: int, channel: int) -> list[bool]:
    """Which voxels count: for labels those with any weight, for regions those with a weight for the region."""
    w = problem.w[sample]
    return [bool(w[channel, i] > 0 if problem.regions else (w[:, i] > 0).any()) for i in range(w.shape[1])]


def to_other_side(problem: Problem, mask: list[bool], counts: list[bool], voxel: int) -> float:
    if not counts[voxel]:
        return 0.0
    return distance(problem, voxel, lambda i: mask[i] != mask[voxel], counts)


def elements(problem: Problem) -> list[tuple[int, int, int, float]]:
    """(sample, class, voxel, weight) of every voxel of every class that counts."""
    return [
        (sample, c, voxel, float(problem.w[sample, c, voxel]))
        for sample in range(len(problem.x))
        for c in problem.classes()
        for voxel in range(problem.x.shape[2])
        if problem.w[sample, c, voxel] > 0
    ]


def reference(problem: Problem, sample: int, c: int) -> list[bool]:
    return [problem.g(sample, c, voxel) > 0.5 for voxel in range(problem.x.shape[2])]


def prediction(problem: Problem, sample: int, c: int) -> list[bool]:
    return [problem.p(sample, c, voxel) > 0.5 for voxel in range(problem.x.shape[2])]


@slow_loop("Boundary")
def boundary(problem: Problem, *, shifted: bool) -> float:
    """Kervadec 2019, equation 5, with the sign of a level set; ``shifted`` as in the authors' one_hot2dist."""
    values = []
    for sample, c, voxel, w in elements(problem):
        mask, counts = reference(problem, sample, c), counting(problem, sample, c)
        d = to_other_side(problem, mask, counts, voxel)
        if mask[voxel] and d > 0:
            d = -(d - 1) if shifted else -d
        values.append(w * d * problem.p(sample, c, voxel))
    return mean(values)


@slow_loop("Hausdorff")
def hausdorff(problem: Problem, *, alpha: float, distances: str) -> float:
    """Karimi & Salcudean 2019, equations 8 and 9, and the released one-sided transforms."""
    values = []
    for sample, c, voxel, w in elements(problem):
        counts = counting(problem, sample, c)
        reach = 0.0
        masks = [reference(problem, sample, c)]
        if distances != "reference":
            masks.append(prediction(problem, sample, c))
        for mask in masks:
            if distances != "inside" or mask[voxel]:
                reach += to_other_side(problem, mask, counts, voxel) ** alpha
        error = problem.p(sample, c, voxel) - problem.g(sample, c, voxel)
        values.append(w * error**2 * reach)
    return mean(values)


def label(problem: Problem, sample: int, c: int, voxel: int) -> int:
    """The label of a voxel, or the side of region c that it is on."""
    return int(problem.t[sample, c if problem.regions else 0, voxel])


def depth(problem: Problem, sample: int, c: int, voxel: int) -> float:
    """Distance of a voxel to the nearest of another label."""
    here = label(problem, sample, c, voxel)
    counts = counting(problem, sample, c)
    return distance(problem, voxel, lambda i: label(problem, sample, c, i) != here, counts)


def depths_of_label(problem: Problem, sample: int, c: int, here: int) -> list[float]:
    """Those distances of all voxels of a label that count."""
    counts = counting(problem, sample, c)
    voxels = [i for i in range(problem.x.shape[2]) if counts[i] and label(problem, sample, c, i) == here]
    return [depth(problem, sample, c, voxel) for voxel in voxels]


@slow_loop("DistancePenalizedCrossEntropy")
def distance_penalized_cross_entropy(problem: Problem, *, normalized: bool) -> float:
    """Caliva 2019, equation 1: (1 + Φ) on the cross-entropy, Φ the reverted distances of each side."""
    values = []
    for sample in range(len(problem.x)):
        for voxel in range(problem.x.shape[2]):
            for c in range(problem.channels if problem.regions else 1):
                if not counting(problem, sample, c)[voxel]:
                    continue
                truth = label(problem, sample, c, voxel)
                w = float(problem.w[sample, c if problem.regions else truth, voxel])
                if w == 0:
                    continue
                p = problem.p(sample, c, voxel) if problem.regions else problem.p(sample, truth, voxel)
                p = 1 - p if problem.regions and not truth else p
                depths = depths_of_label(problem, sample, c, truth)
                penalty = max(depths) - depth(problem, sample, c, voxel)
                if normalized:
                    penalty /= (max(depths) - min(depths)) or 1
                values.append(-w * (1 + penalty) * math.log(p))
    return mean(values)


@slow_loop("RegionWise")
def region_wise(problem: Problem) -> float:
    """Valverde & Tohka 2021, rectified region-wise maps."""
    values = []
    for sample, c, voxel, w in elements(problem):
        z = 1.0
        if problem.g(sample, c, voxel) > 0.5:
            here = 1 if problem.regions else c
            z = -depth(problem, sample, c, voxel) / (max(depths_of_label(problem, sample, c, here)) or 1)
        values.append(w * z * problem.p(sample, c, voxel))
    return mean(values)


@slow_loop("DiceBoundary")
def dice_boundary(
    problem: Problem,
    *,
    overlap: str,
    balance: str,
    start: float,
    growth: float,
    cap: float,
    shifted: bool,
    smooth: float,
    epoch: int = 0,
) -> float:
    """Kervadec 2019, section 2.3, with their generalised Dice over all classes, or Dice as Ma 2021."""
    if overlap == "dice":
        part = dice(problem, squared=False, smooth=smooth)
    else:
        with_background = Problem(problem.logits, problem.target, problem.weight, problem.regions, True, problem.batch)
        groups = with_background.groups()
        part = mean([generalized_dice_of_group(with_background, group, smooth) for group in groups])
    of_overlap, of_boundary = weights(balance, start, growth, cap, epoch)
    return of_overlap * part + of_boundary * boundary(problem, shifted=shifted)


def weights(balance: str, start: float, growth: float, cap: float, epoch: int) -> tuple[float, float]:
    """The weights of the two parts, epoch by epoch as a training would change them."""
    first, second = (1.0 if balance == "steal" else 0.0), start
    for _ in range(epoch):
        first, second = max(0.1, first - growth), second + growth
    if balance == "steal":
        return first, second
    second = min(second, cap)
    return (1 - second if balance == "rebalance" else 1.0), second


@slow_loop("DiceHausdorff")
def dice_hausdorff(
    problem: Problem,
    *,
    balance: str,
    start: float,
    growth: float,
    cap: float,
    alpha: float,
    distances: str,
    smooth: float,
    epoch: int = 0,
) -> float:
    """Karimi & Salcudean 2019, section III; ``ratio`` as in the code of Ma 2021."""
    overlap, far = dice(problem, squared=False, smooth=smooth), hausdorff(problem, alpha=alpha, distances=distances)
    if balance == "ratio":
        return far / (overlap + 1e-5) * overlap + far
    of_overlap, of_far = weights(balance, start, growth, cap, epoch)
    return of_overlap * overlap + of_far * far
