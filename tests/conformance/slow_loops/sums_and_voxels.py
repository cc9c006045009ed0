"""Slow loops of the losses that are formulas of sums, or of the probability at each voxel, or of both."""

import math

from .problem import Problem, mean, slow_loop


@slow_loop("CrossEntropy")
def cross_entropy(problem: Problem) -> float:
    return mean([-w * math.log(p) for p, _, w in problem.truths()])


@slow_loop("Focal")
def focal(problem: Problem, *, gamma: float, alpha: float | None) -> float:
    """Lin 2017, equation 5."""
    values = []
    for p, truth, w in problem.truths():
        alpha_t = 1.0 if alpha is None else alpha if truth > 0 else 1 - alpha
        values.append(-w * alpha_t * (1 - p) ** gamma * math.log(p))
    return mean(values)


@slow_loop("Dice")
def dice(problem: Problem, *, squared: bool, smooth: float) -> float:
    """Milletari 2016, section 3, and Drozdzal 2016, equation 2 (each class by itself)."""
    scores = []
    for group in problem.groups():
        for c in problem.classes():
            above = below = 0.0
            for p, g, w in problem.voxels(group, c):
                above += 2 * w * p * g
                below += w * (p * p + g * g) if squared else w * (p + g)
            scores.append((above + smooth) / (below + smooth))
    return 1 - mean(scores)


@slow_loop("DiceCrossEntropy")
def dice_cross_entropy(problem: Problem, *, smooth: float) -> float:
    return cross_entropy(problem) + dice(problem, squared=False, smooth=smooth) - 1


def tversky_indices(problem: Problem, fp_weight: float, fn_weight: float, smooth: float) -> list[float]:
    """Salehi 2017, equation 3, of every group and class."""
    indices = []
    for group in problem.groups():
        for c in problem.classes():
            tp = fp = fn = 0.0
            for p, g, w in problem.voxels(group, c):
                tp += w * p * g
                fp += w * p * (1 - g)
                fn += w * (1 - p) * g
            indices.append((tp + smooth) / (tp + fp_weight * fp + fn_weight * fn + smooth))
    return indices


@slow_loop("Tversky")
def tversky(problem: Problem, *, fp_weight: float, fn_weight: float, smooth: float) -> float:
    return 1 - mean(tversky_indices(problem, fp_weight, fn_weight, smooth))


@slow_loop("FocalTversky")
def focal_tversky(problem: Problem, *, fp_weight: float, fn_weight: float, gamma: float, smooth: float) -> float:
    """Abraham 2018, equation 4."""
    indices = tversky_indices(problem, fp_weight, fn_weight, smooth)
    return mean([(1 - index) ** (1 / gamma) for index in indices])


@slow_loop("AsymmetricSimilarity")
def asymmetric_similarity(problem: Problem, *, beta: float, smooth: float) -> float:
    """Hashemi 2018: (1 + β²) TP / ((1 + β²) TP + β² FN + FP)."""
    scores = []
    for group in problem.groups():
        for c in problem.classes():
            tp = fp = fn = 0.0
            for p, g, w in problem.voxels(group, c):
                tp += w * p * g
                fp += w * p * (1 - g)
                fn += w * (1 - p) * g
            k = 1 + beta**2
            scores.append((k * tp + k * smooth) / (k * tp + beta**2 * fn + fp + k * smooth))
    return 1 - mean(scores)


def generalized_dice_of_group(problem: Problem, group: list[int], smooth: float, *, fold: bool = False) -> float:
    """Sudre 2017; absent classes get the largest finite weight; weights scaled to a largest of 1."""
    volumes = [sum(w * g for _, g, w in problem.voxels(group, c)) for c in problem.classes()]
    if fold:
        volumes = [problem.frequency(c) for c in problem.classes()]
    finite = [1 / volume**2 for volume in volumes if volume > 0]
    largest = max(finite, default=1.0)
    weights = [(1 / volume**2 if volume > 0 else largest) / largest for volume in volumes]
    above = below = 0.0
    for weight, c in zip(weights, problem.classes(), strict=True):
        for p, g, w in problem.voxels(group, c):
            above += 2 * weight * w * p * g
            below += weight * w * (p + g)
    return 1 - (above + smooth) / (below + smooth)


@slow_loop("GeneralizedDice")
def generalized_dice(problem: Problem, *, fold: bool, smooth: float) -> float:
    return mean([generalized_dice_of_group(problem, group, smooth, fold=fold) for group in problem.groups()])


@slow_loop("IoU")
def iou(problem: Problem, *, smooth: float) -> float:
    """Intersection over union."""
    scores = []
    for group in problem.groups():
        for c in problem.classes():
            intersection = union = 0.0
            for p, g, w in problem.voxels(group, c):
                intersection += w * p * g
                union += w * (p + g - p * g)
            scores.append((intersection + smooth) / (union + smooth))
    return 1 - mean(scores)


@slow_loop("SensitivitySpecificity")
def sensitivity_specificity(problem: Problem, *, sensitivity_weight: float) -> float:
    """Brosch 2015, equation 2."""
    r = sensitivity_weight
    losses = []
    for group in problem.groups():
        for c in problem.classes():
            on = off = lesion = rest = 0.0
            for p, g, w in problem.voxels(group, c):
                on += w * (g - p) ** 2 * g
                off += w * (g - p) ** 2 * (1 - g)
                lesion += w * g
                rest += w * (1 - g)
            losses.append(r * (on / lesion if lesion else 0) + (1 - r) * (off / rest if rest else 0))
    return mean(losses)


@slow_loop("PenaltyGeneralizedDice")
def penalty_generalized_dice(problem: Problem, *, penalty: float, smooth: float) -> float:
    """Yang 2019, for each group."""
    losses = []
    for group in problem.groups():
        loss = generalized_dice_of_group(problem, group, smooth)
        losses.append(loss / (1 + penalty * (1 - loss)))
    return mean(losses)


@slow_loop("DiceFocal")
def dice_focal(problem: Problem, *, gamma: float, alpha: float | None, smooth: float) -> float:
    return dice(problem, squared=False, smooth=smooth) + focal(problem, gamma=gamma, alpha=alpha)


@slow_loop("MixedFocal")
def mixed_focal(
    problem: Problem,
    *,
    balance: float | None,
    delta: float,
    focal_gamma: float,
    dice_gamma: float,
    smooth: float,
) -> float:
    """Yeung 2021, version 1: both parts as in the authors' code."""
    overlap = mean([(1 - index) ** dice_gamma for index in tversky_indices(problem, 1 - delta, delta, smooth)])
    entropy = mean([-w * (1 - p) ** focal_gamma * math.log(p) for p, _, w in problem.truths()])
    return overlap + entropy if balance is None else balance * overlap + (1 - balance) * entropy


@slow_loop("UnifiedFocal")
def unified_focal(problem: Problem, *, form: str, balance: float, delta: float, gamma: float, smooth: float) -> float:
    """Yeung 2022, equations of the symmetric and asymmetric forms."""
    indices = tversky_indices(problem, 1 - delta, delta, smooth)
    overlap = []
    for position, index in enumerate(indices):
        background = not problem.regions and problem.classes()[position % len(problem.classes())] == 0
        overlap.append(1 - index if background and form == "asymmetric" else (1 - index) ** (1 - gamma))
    entropy = []
    for p, truth, w in problem.truths():
        if truth > 0:
            focus = 1.0 if form == "asymmetric" else (1 - p) ** gamma
            entropy.append(-w * delta * focus * math.log(p))
        else:
            entropy.append(-w * (1 - delta) * (1 - p) ** gamma * math.log(p))
    return balance * mean(overlap) + (1 - balance) * mean(entropy)
