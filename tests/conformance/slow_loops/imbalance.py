"""Slow loops of the losses for unequal classes and hard voxels: class weights, selection, powers, sorted errors."""

import itertools
import math

from .problem import Problem, mean, slow_loop
from .sums_and_voxels import dice, tversky_indices


@slow_loop("TopK")
def topk(problem: Problem, *, fraction: float, threshold: float | None) -> float:
    """Wu 2016: the voxels with p < t, or the hardest share of all that count."""
    truths = [(p, w) for p, _, w in problem.truths()]
    if threshold is not None:
        return mean([-w * math.log(p) for p, w in truths if p < threshold])
    hardest = sorted(truths)[: max(1, int(fraction * len(truths)))]
    return mean([-w * math.log(p) for p, w in hardest])


@slow_loop("DiceTopK")
def dice_topk(problem: Problem, *, fraction: float, smooth: float) -> float:
    return dice(problem, squared=False, smooth=smooth) + topk(problem, fraction=fraction, threshold=None)


def class_weights(problem: Problem, power: float) -> tuple[list[dict[int, float]], list[float]]:
    """f^(−power) of each truth a voxel can have, for each region (one entry for labels), and their mean over voxels."""
    if not problem.regions:
        shares = [{c: problem.frequency(c) for c in range(problem.channels)}]
    else:
        shares = [{1: (f := problem.frequency(c)), 0: 1 - f} for c in range(problem.channels)]
    weights = [{truth: f**-power for truth, f in share.items() if f > 0} for share in shares]
    means = [sum(share[truth] * w for truth, w in of.items()) for share, of in zip(shares, weights, strict=True)]
    return weights, means


def truths_by_channel(problem: Problem) -> list[tuple[float, int, float, int]]:
    """`Problem.truths` with the place of its class weights: the region, or 0 for labels."""
    truths = list(problem.truths())
    if not problem.regions:
        return [(*truth, 0) for truth in truths]
    found = []
    for sample in range(len(problem.x)):
        for voxel in range(problem.x.shape[2]):
            found += [channel for channel in range(problem.channels) if problem.w[sample, channel, voxel] > 0]
    return [(*truth, channel) for truth, channel in zip(truths, found, strict=True)]


@slow_loop("WeightedCrossEntropy")
def weighted_cross_entropy(problem: Problem, *, power: float, normalised: bool) -> float:
    """Weights of inverse frequency, scaled to a mean of 1 over the voxels of the batch."""
    weights, means = class_weights(problem, power)
    terms, used = [], []
    for p, truth, w, channel in truths_by_channel(problem):
        omega = weights[channel][truth] / means[channel]
        terms.append(-w * omega * math.log(p))
        used.append(omega)
    return sum(terms) / sum(used) if normalised else mean(terms)


@slow_loop("ExponentialLogarithmic")
def exponential_logarithmic(
    problem: Problem, *, dice_weight: float, dice_gamma: float, ce_gamma: float, power: float, smooth: float
) -> float:
    """Wong 2018, equations 1 to 3."""
    overlap = []
    for group in problem.groups():
        for c in problem.classes():
            above = below = smooth
            for p, g, w in problem.voxels(group, c):
                above += 2 * w * p * g
                below += w * (p + g)
            overlap.append((-math.log(above / below)) ** dice_gamma)
    weights, _ = class_weights(problem, power)
    entropy = [
        w * weights[channel][truth] * (-math.log(p)) ** ce_gamma for p, truth, w, channel in truths_by_channel(problem)
    ]
    return dice_weight * mean(overlap) + (1 - dice_weight) * mean(entropy)


@slow_loop("Combo")
def combo(problem: Problem, *, alpha: float, beta: float, per_class: bool, smooth: float) -> float:
    """Taghanaki 2018: a binary cross-entropy for each class, and Dice of all classes in one row."""
    entropy, scores = [], []
    for group in problem.groups():
        sums = []
        for c in problem.classes():
            above = below = 0.0
            for p, g, w in problem.voxels(group, c):
                above += 2 * w * p * g
                below += w * (p + g)
                entropy.append(-w * (beta * math.log(p) if g else (1 - beta) * math.log(1 - p)))
            sums.append((above, below))
        if not per_class:
            sums = [tuple(map(sum, zip(*sums, strict=True)))]
        scores += [(above + smooth) / (below + smooth) for above, below in sums]
    return alpha * mean(entropy) - (1 - alpha) * mean(scores)


@slow_loop("CosineTversky")
def cosine_tversky(problem: Problem, *, delta: float, gamma: float, smooth: float) -> float:
    """Yeung 2021, version 1, with the sign that makes a perfect overlap the best."""
    indices = tversky_indices(problem, 1 - delta, delta, smooth)
    return mean([2 * ((1 + math.cos(math.pi * index)) / 2) ** gamma for index in indices])


@slow_loop("LovaszSoftmax")
def lovasz_softmax(problem: Problem, *, all_classes: bool) -> float:
    """Berman 2018, definition 2, as an integral: the mean Jaccard loss of the sets of voxels whose error is over t."""
    losses = []
    for group in problem.groups():
        of_classes = []
        for c in problem.classes():
            voxels = [(abs(g - p), g, w) for p, g, w in problem.voxels(group, c)]
            size = sum(w for _, g, w in voxels if g)
            if not (size or all_classes or problem.regions):
                continue
            levels = sorted({0.0, *(error for error, _, _ in voxels)})
            loss = 0.0
            for low, high in itertools.pairwise(levels):
                missed = sum(w for error, g, w in voxels if g and error > low)
                false = sum(w for error, g, w in voxels if not g and error > low)
                loss += (high - low) * (1 - (size - missed) / (size + false))
            of_classes.append(loss)
        losses.append(mean(of_classes))
    return mean(losses)
