"""What an image looks like, in a few kilobytes: enough to find copies of it, and values that cannot be right."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from nnunet_losses.base.images import read_voxels

ALIKE = 0.97
"""Correlation of details from which two images count as near-duplicates. Measured: the same image with 10 % noise has
at least 0.995; different patients have at most 0.93 (retinas) and 0.48 (brains registered to one atlas)."""
_SIDE = {2: 64, 3: 24}  # edge of the thumbnail by the number of axes
_FEWEST = 64  # values of a thumbnail below which a correlation says little


@dataclass(frozen=True, eq=False)
class Look:
    """An image in brief.

    digest: of shape and voxels; equal digests mean equal images, whatever the header says.
    low, high: smallest and largest finite value; equal in a constant image.
    not_finite: number of values that are NaN or infinite.
    details: thumbnail (at most 64² or 24³ values) less its local mean, with norm 1; all 0 if there are no details.
    """

    digest: str
    low: float
    high: float
    not_finite: int
    details: NDArray[np.float32]


@dataclass(frozen=True)
class Copies:
    """Cases whose images are the same.

    cases: two or more.
    exact: whether voxel by voxel; else they are alike up to noise, scale or reflection.
    """

    cases: tuple[str, ...]
    exact: bool


def look_at(path: Path, channels: int = 1) -> Look:
    """Read an image file once and sum it up.

    Args:
        path: the file.
        channels: values of each voxel; several in a colour picture.

    Raises:
        UserError: it cannot be read.
    """
    return look(read_voxels(path), channels)


def look(voxels: NDArray[Any], channels: int = 1) -> Look:
    """Sum up the voxels of an image, (*S) or, of a colour picture, (*S, channels)."""
    wrong = 0
    if voxels.dtype.kind == "f" and not np.isfinite(voxels.sum(dtype=np.float64)):
        finite = np.isfinite(voxels)
        wrong = int(voxels.size - np.count_nonzero(finite))
        voxels = np.where(finite, voxels, 0)
    low, high = (float(voxels.min()), float(voxels.max())) if voxels.size else (0.0, 0.0)
    digest = hashlib.blake2b(repr(voxels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(voxels, np.float32).data)  # copies may be stored in another type
    return Look(digest.hexdigest(), low, high, wrong, _details(voxels.mean(-1) if channels > 1 else voxels))


def find_copies(looks: Mapping[str, Mapping[int, Look]]) -> list[Copies]:
    """Cases with the same image in any one channel, exact copies first.

    Args:
        looks: of each case and channel. Constant images are no copies of one another.
    """
    exact: list[set[str]] = []
    alike: list[tuple[str, str]] = []
    for channel in sorted({channel for of in looks.values() for channel in of}):
        there = {
            case: of[channel] for case, of in looks.items() if channel in of and of[channel].low < of[channel].high
        }
        by_digest: dict[str, set[str]] = {}
        for case, seen in there.items():
            by_digest.setdefault(seen.digest, set()).add(case)
        exact += [cases for cases in by_digest.values() if len(cases) > 1]
        alike += _alike({case: seen.details for case, seen in there.items()})
    sure = _joined(exact)
    similar = _joined([set(pair) for pair in alike])
    return [Copies(tuple(sorted(cases)), exact=True) for cases in sure] + [
        Copies(tuple(sorted(cases)), exact=False) for cases in similar if not any(cases <= same for same in sure)
    ]


def _details(voxels: NDArray[Any]) -> NDArray[np.float32]:
    values = np.squeeze(voxels)
    side = _SIDE.get(values.ndim, 24)
    if values.ndim not in _SIDE or 0 in values.shape:
        return np.zeros(0, np.float32)
    values = values.astype(np.float32)
    for axis, length in enumerate(values.shape):
        edges = np.rint(np.linspace(0, length, min(side, length) + 1)).astype(int)
        widths = np.diff(edges).reshape([-1 if other == axis else 1 for other in range(values.ndim)])
        values = np.add.reduceat(values, edges[:-1], axis=axis) / widths
    values -= uniform_filter(values, 3)
    values -= values.mean()
    norm = float(np.linalg.norm(values))
    return (values / norm if norm > 0 else np.zeros_like(values)).astype(np.float32)


def _alike(details: Mapping[str, NDArray[np.float32]]) -> Iterator[tuple[str, str]]:
    """Pairs of cases whose details correlate, also where one image is the mirror image of the other."""
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for case, values in details.items():
        if values.size >= _FEWEST:
            by_shape.setdefault(values.shape, []).append(case)
    for shape, cases in by_shape.items():
        stack = np.stack([details[case] for case in cases])
        rows = stack.reshape(len(cases), -1)
        for axis in (None, *range(len(shape))):
            other = rows if axis is None else np.flip(stack, axis + 1).reshape(len(cases), -1)
            first, second = np.nonzero(np.triu(rows @ other.T >= ALIKE, 1))
            yield from ((cases[a], cases[b]) for a, b in zip(first, second, strict=True))


def _joined(groups: Iterable[set[str]]) -> list[set[str]]:
    """Groups that share a member, made one."""
    joined: list[set[str]] = []
    for group in groups:
        apart: list[set[str]] = []
        merged = set(group)
        for other in joined:
            if other & merged:
                merged |= other
            else:
                apart.append(other)
        joined = [*apart, merged]
    return sorted(joined, key=min)


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names for a sentence: all, or the first ones and how many more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
