"""One phantom case: a synthetic head, lesions in its white matter, and how a scanner sees them.

Everything is written for any number of dimensions (2 or 3), in millimetres, with one random stream per case.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

Volume = NDArray[np.float32]

AIR, SCALP, CSF, GREY, WHITE, DEEP_GREY = range(6)
# Brightness per tissue (order as above), of a lesion, of a destroyed lesion core, and of vessels and other confounders.
CONTRASTS: dict[str, tuple[tuple[float, ...], float, float, float]] = {
    "FLAIR": ((0.0, 0.45, 0.12, 0.62, 0.50, 0.60), 0.98, 0.80, 0.95),
    "T1": ((0.0, 0.70, 0.15, 0.50, 0.75, 0.58), 0.52, 0.30, 0.95),
    "T2": ((0.0, 0.40, 1.00, 0.60, 0.45, 0.52), 0.85, 1.00, 0.15),
}


class Lesions(NamedTuple):
    """Where lesions are: ``owner`` is 0 or the lesion's number, ``depth`` is 0 at its rim and 1 at its centre."""

    owner: NDArray[np.int32]
    depth: Volume


class Head(NamedTuple):
    """Tissue codes, the distance to the ventricles in mm, and the bright structures that are no lesion (0 to 1)."""

    tissue: NDArray[np.uint8]
    ventricle_distance_mm: Volume
    confounders: Volume


def smooth_field(rng: np.random.Generator, shape: Sequence[int], spacing: Sequence[float], scale_mm: float) -> Volume:
    """Random field of mean 0 and standard deviation 1 that varies over about ``scale_mm``: a cubic B-spline.

    Each axis is four shifted products rather than a matrix product, so that no BLAS decides the last bit.
    """
    knots = np.ceil(np.multiply(shape, spacing) / scale_mm).astype(int) + 4
    field = rng.standard_normal(knots, dtype=np.float32)
    for axis, (n, step) in enumerate(zip(shape, spacing, strict=True)):
        position = rng.random() + np.arange(n) * (step / scale_mm)
        low = position.astype(int)
        t = (position - low).reshape([-1 if a == axis else 1 for a in range(len(shape))]).astype(np.float32)
        basis = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
        field = sum(weight * np.take(field, low + k, axis) for k, weight in enumerate(basis))
    return (field - field.mean()) / max(float(field.std()), 1e-6)


def _radius(grid: Sequence[NDArray[Any]], centre: NDArray[Any], semi_axes: NDArray[Any]) -> Volume:
    """Ellipsoidal distance from ``centre``: 1 on the ellipsoid's surface."""
    return np.sqrt(sum(((g - c) / a) ** 2 for g, c, a in zip(grid, centre, semi_axes, strict=True))).astype(np.float32)


def make_head(rng: np.random.Generator, shape: Sequence[int], spacing: Sequence[float], confounders: float) -> Head:
    """Draw a head: scalp, folded cortex, white matter, deep grey nuclei, ventricles, and bright non-lesions."""
    extent = np.multiply(shape, spacing)
    grid = [g * s - e / 2 for g, s, e in zip(np.ogrid[tuple(slice(n) for n in shape)], spacing, extent, strict=True)]
    size = float(extent.min())

    semi = 0.43 * extent * rng.uniform(0.95, 1.05, len(shape))
    radius = _radius(grid, rng.normal(0, 0.01, len(shape)) * extent, semi)
    radius *= 1 + 0.03 * smooth_field(rng, shape, spacing, size / 4)
    depth_mm = (1 - radius) * float(semi.min())  # about the distance to the surface of the brain
    folds = smooth_field(rng, shape, spacing, 5.0)

    tissue = np.full(shape, AIR, np.uint8)
    tissue[(radius > 1.08) & (radius < 1.15)] = SCALP
    tissue[radius < 1.03] = CSF
    tissue[depth_mm > np.maximum(0.0, 2.5 * (folds - 0.6))] = GREY  # sulci reach into the cortex
    tissue[depth_mm > 2.5 + 1.2 * folds] = WHITE

    warp = 1 + 0.12 * smooth_field(rng, shape, spacing, size / 6)
    ventricles = np.zeros(shape, bool)
    for side in (-1.0, 1.0):
        offset = np.zeros(len(shape))
        offset[-1] = side * 0.075 * extent[-1]
        shape_of = np.full(len(shape), 0.09)
        shape_of[-2], shape_of[-1] = 0.17, 0.045
        ventricles |= _radius(grid, offset, shape_of * extent * rng.uniform(0.8, 1.25)) * warp < 1
        offset[-1] = side * 0.19 * extent[-1]
        nucleus = _radius(grid, offset, np.full(len(shape), 0.07) * extent) * warp < 1
        tissue[nucleus & (tissue == WHITE)] = DEEP_GREY
    tissue[ventricles & (tissue >= GREY)] = CSF

    distance = ndimage.distance_transform_edt(~ventricles, sampling=spacing).astype(np.float32)
    return Head(tissue, distance, _confounders(rng, tissue, spacing, distance, folds, confounders))


def _confounders(
    rng: np.random.Generator,
    tissue: NDArray[np.uint8],
    spacing: Sequence[float],
    ventricle_distance_mm: Volume,
    folds: Volume,
    amount: float,
) -> Volume:
    """Bright structures that are no lesion: vessels, bright cortex, the lining and the plexus of the ventricles."""
    brain = tissue >= GREY
    bright = np.zeros(tissue.shape, np.float32)
    if amount == 0:
        return bright
    # Two smooth fields that are both near zero make a curve in 3D; one makes a curve in 2D.
    scale = 0.22 * float(np.multiply(tissue.shape, spacing).min())
    fields = [smooth_field(rng, tissue.shape, spacing, scale) for _ in range(tissue.ndim - 1)]
    off_axis = sum(field**2 for field in fields)
    steep = sum(g**2 for field in fields for g in np.gradient(field, *spacing)) / (tissue.ndim - 1)
    vessel_mm = np.sqrt(off_axis / np.maximum(steep, 1e-6))
    if tissue.ndim == 2:  # a section meets pieces of vessels
        vessel_mm[smooth_field(rng, tissue.shape, spacing, scale) < 1] = np.inf
    bright = np.where(brain | (tissue == CSF), amount * np.clip(1.6 - vessel_mm, 0, 1), 0).astype(np.float32)

    lining = (ventricle_distance_mm > 0) & (ventricle_distance_mm <= 1.0 + 0.5 * folds)
    bright[lining & brain] = np.maximum(bright[lining & brain], 0.45 * amount)
    plexus = (ventricle_distance_mm == 0) & (tissue == CSF) & (folds > 1.6)
    bright[plexus] = 0.8 * amount
    cortex = (tissue == GREY) & (smooth_field(rng, tissue.shape, spacing, 4.0) > 2.0)
    bright[cortex] = np.maximum(bright[cortex], 0.7 * amount)
    return bright


def place_lesions(rng: np.random.Generator, head: Head, spacing: Sequence[float], voxels: NDArray[np.int64]) -> Lesions:
    """Put lesions of exactly these sizes (voxels) into the white matter, most of them near the ventricles, large first.

    A lesion is irregular, and confluent with a neighbour where the two touch.
    """
    shape = head.tissue.shape
    owner = np.zeros(shape, np.int32)
    depth = np.zeros(shape, np.float32)
    allowed = (head.tissue == WHITE) | (head.tissue == DEEP_GREY)
    white = np.flatnonzero(head.tissue == WHITE)
    likely = np.cumsum(np.exp(-head.ventricle_distance_mm.ravel()[white] / 5.0, dtype=np.float64) + 0.12)
    for number, size in enumerate(np.sort(voxels)[::-1], start=1):
        flat = white[np.searchsorted(likely, rng.random(100) * likely[-1], side="right")]
        free = flat[owner.ravel()[flat] == 0]
        if not free.size:
            break  # the white matter is full
        centre = [int(c) for c in np.unravel_index(free[0], shape)]
        paint(rng, Lesions(owner, depth), number, centre, int(size), allowed, spacing)
    return Lesions(owner, depth)


def paint(
    rng: np.random.Generator,
    lesions: Lesions,
    number: int,
    centre: Sequence[int],
    voxels: int,
    allowed: NDArray[np.bool_],
    spacing: Sequence[float],
) -> None:
    """Add one object of so many voxels around a centre, where it is allowed and no other is.

    It is the set of voxels with the lowest smoothly deformed ellipsoidal distance to its centre.
    """
    owner, depth = lesions
    shape = owner.shape
    radius_mm = _sphere_radius(float(voxels * np.prod(spacing)), len(shape))
    box = tuple(
        slice(max(0, c - reach), min(n, c + reach + 1))
        for c, n, reach in zip(
            centre, shape, np.ceil(2.4 * radius_mm / np.asarray(spacing)).astype(int) + 1, strict=True
        )
    )
    score = np.where(allowed[box] & (owner[box] == 0), _deformed_distance(rng, box, centre, spacing, radius_mm), np.inf)
    count = min(voxels, int(np.isfinite(score).sum()))
    if not count:
        return
    chosen = np.argpartition(score, count - 1, axis=None)[:count]
    inside = np.zeros(score.shape, bool)
    inside.ravel()[chosen] = True
    owner[box][inside] = number
    depth[box][inside] = 1 - score[inside] / max(float(score[inside].max()), 1e-6)


def _sphere_radius(volume: float, dimensions: int) -> float:
    """Radius of the ball (or disc) of this volume (or area)."""
    return (3 * volume / (4 * np.pi)) ** (1 / 3) if dimensions == 3 else (volume / np.pi) ** 0.5


def _deformed_distance(
    rng: np.random.Generator,
    box: tuple[slice, ...],
    centre: Sequence[int],
    spacing: Sequence[float],
    radius_mm: float,
) -> Volume:
    """Distance to the centre in a randomly turned and stretched frame, times a smooth random factor."""
    dimensions = len(box)
    offsets = np.stack(
        np.meshgrid(
            *[(np.arange(b.start, b.stop) - c) * s for b, c, s in zip(box, centre, spacing, strict=True)],
            indexing="ij",
        )
    )
    offsets = offsets + rng.uniform(-0.3, 0.3, (dimensions, *[1] * dimensions)) * np.asarray(spacing).reshape(
        -1, *[1] * dimensions
    )
    stretch = np.exp(rng.normal(0, 0.30, dimensions))
    stretch /= np.prod(stretch) ** (1 / dimensions)
    if dimensions == 3:
        turn = Rotation.random(random_state=rng).as_matrix()
    else:
        angle = rng.uniform(0, np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    distance = np.sqrt((np.tensordot(turn / stretch[:, None], offsets, 1) ** 2).sum(0))
    scale_mm = max(1.2 * radius_mm, 2.5)
    field = smooth_field(rng, distance.shape, spacing, scale_mm)
    return (distance * np.exp(0.25 * field)).astype(np.float32)


def scan(
    rng: np.random.Generator,
    head: Head,
    lesions: Lesions,
    core: NDArray[np.bool_],
    brightness: NDArray[np.float32],
    spacing: Sequence[float],
    *,
    channel: str,
    noise: float,
    bias: float,
    blur_mm: float,
) -> NDArray[np.int16]:
    """The image of one channel: tissue, lesions, texture, point spread (partial volume), bias field, Rician noise.

    ``brightness`` scales each lesion's contrast to its surroundings (index 0 is unused); intensities are in 1/1000.
    """
    tissues, lesion, destroyed, confounder = CONTRASTS[channel]
    shape = head.tissue.shape
    image = np.asarray(tissues, np.float32)[head.tissue]
    image += 0.025 * smooth_field(rng, shape, spacing, 3.0) * (head.tissue >= GREY)
    image += head.confounders * (confounder - image)
    inside = lesions.owner > 0
    target = np.where(core[inside], destroyed, lesion).astype(np.float32)
    image[inside] += brightness[lesions.owner[inside]] * (target - image[inside])
    image = ndimage.gaussian_filter(image, np.maximum(blur_mm / np.asarray(spacing), 0.35), mode="nearest", truncate=3)
    image *= np.exp(bias * smooth_field(rng, shape, spacing, 0.6 * float(np.multiply(shape, spacing).max())))
    real = image + noise * rng.standard_normal(shape, dtype=np.float32)
    imaginary = noise * rng.standard_normal(shape, dtype=np.float32)
    return np.round(1000 * np.hypot(real, imaginary)).clip(0, 32767).astype(np.int16)
