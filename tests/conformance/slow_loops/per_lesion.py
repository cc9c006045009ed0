"""Slow loops of the losses per lesion: the base's slow loop on each part of the patch."""

import math

import numpy as np
from scipy import ndimage

from nnunet_losses.losses import CATALOGUE

from .problem import SLOW_LOOPS, Problem, mean, slow_loop

Voxel = tuple[int, ...]


def of_base(base: str, problem: Problem) -> float:
    name = next(name for name in CATALOGUE if name.lower() == base)
    return SLOW_LOOPS[name](problem, **CATALOGUE[name].defaults())


def one_against_others(problem: Problem, sample: int, c: int) -> Problem:
    """One sample and class: two logits with the class's probability, or a region alone."""
    space = problem.logits.shape[2:]
    logits, target = problem.logits[sample], problem.target[sample]
    weight = problem.w[sample].reshape(problem.channels, *space)
    if problem.regions:
        logits, target, weight = logits[c : c + 1], target[c : c + 1], weight[c : c + 1].copy()
    else:
        labels, two = target[0], np.zeros((2, *space))
        weights = np.zeros((2, *space))
        for voxel in np.ndindex(*space):
            others = [math.exp(logits[k][voxel]) for k in range(problem.channels) if k != c]
            two[(0, *voxel)], two[(1, *voxel)] = math.log(sum(others)), logits[c][voxel]
            weights[(0, *voxel)] = weight[0 if labels[voxel] == c else int(labels[voxel])][voxel]
            weights[(1, *voxel)] = weight[c][voxel]
        logits, target, weight = two, (labels == c).astype(np.int16)[None], weights
    return Problem(logits[None], target[None], weight[None], problem.regions, problem.include_background, False)


def components(problem: Problem, sample: int, c: int) -> list[set[Voxel]]:
    """Voxels of each component of a class or region, without ignored voxels."""
    space = problem.logits.shape[2:]
    target = problem.target[sample]
    mask = target[c].astype(bool) if problem.regions else target[0] == c
    weight = problem.w[sample].reshape(problem.channels, *space)
    mask = mask & ((weight[c] > 0) if problem.regions else weight.any(0))
    ids, count = ndimage.label(mask, np.ones((3,) * len(space)))
    return [{tuple(v) for v in np.argwhere(ids == k).tolist()} for k in range(1, count + 1)]


def mean_over_parts(problem: Problem, base: str, kind: str) -> float:
    """Kofler 2022, equation 3, and Jaus 2024, section 3, of each sample that has components."""
    means, space = [], problem.logits.shape[2:]
    for sample in range(len(problem.x)):
        values = []
        for c in range(0 if problem.regions else 1, problem.channels):
            lesions = components(problem, sample, c)
            for own in range(len(lesions)):
                part = one_against_others(problem, sample, c)
                for voxel in np.ndindex(*space):
                    if not belongs(voxel, own, lesions, kind, space):
                        part.weight[(0, slice(None), *voxel)] = 0
                part.__post_init__()
                values.append(of_base(base, part))
        if values:
            means.append(mean(values))
    return mean(means)


def belongs(voxel: Voxel, own: int, lesions: list[set[Voxel]], kind: str, space: Voxel) -> bool:
    if kind == "blob":
        return not any(voxel in lesion for k, lesion in enumerate(lesions) if k != own)
    distances = [min(math.dist(voxel, other) for other in lesion) for lesion in lesions]
    return nearest_of_equals(voxel, lesions, distances, space) == own


def nearest_of_equals(voxel: Voxel, lesions: list[set[Voxel]], distances: list[float], space: Voxel) -> int:
    """The nearest lesion; of several equally near, the one that SciPy's transform gives."""
    nearest = [k for k, distance in enumerate(distances) if distance == min(distances)]
    if len(nearest) == 1:
        return nearest[0]
    outside = np.ones(space, bool)
    for lesion in lesions:
        for other in lesion:
            outside[other] = False
    found = ndimage.distance_transform_edt(outside, return_distances=False, return_indices=True)
    return next(k for k in nearest if tuple(found[(slice(None), *voxel)].tolist()) in lesions[k])


def instance_loss(problem: Problem, base: str, global_weight: float, instance_weight: float, kind: str) -> float:
    return global_weight * of_base(base, problem) + instance_weight * mean_over_parts(problem, base, kind)


@slow_loop("Blob")
def blob(problem: Problem, *, base: str, global_weight: float, blob_weight: float) -> float:
    """Kofler 2022, equations 2 and 3."""
    return instance_loss(problem, base, global_weight, blob_weight, "blob")


@slow_loop("ConnectedComponent")
def connected_component(problem: Problem, *, base: str, global_weight: float, component_weight: float) -> float:
    """Bouteille 2025: global and per-component loss, in the cells of Jaus 2024."""
    return instance_loss(problem, base, global_weight, component_weight, "cell")
