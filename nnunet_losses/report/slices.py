"""A slice of a volume as a small picture: loading, choosing, cropping, outlines."""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from PIL import Image
from scipy import ndimage

from nnunet_losses.base.components import connected_components
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import Geometry, read_geometry, read_segmentation, read_voxels
from nnunet_losses.report.style import figure_style

TILE_PIXELS = 540  # about twice as many as on the page: WebP halves the resolution of colours
LEAST_VOXELS = 48  # side of the smallest part of a slice that is shown
ZOOM_VOXELS = 96  # side of the part that is enlarged where the slice is too large to see small lesions
LARGE_VOXELS = 160  # a slice of which more is shown is too large
GAP_PIXELS = 3.0  # between a small mask and its outline, which must not cover what it surrounds
SMALL_PIXELS = 2000.0  # area of a small mask, as drawn; the outlines of larger ones follow their edges
LINE_PIXELS = 2.4

Spacing = tuple[float, float, float]


def load_image(path: Path | str) -> tuple[np.ndarray, Spacing]:
    """The grey values of an image, (X, Y, Z) to the right, to the front and upwards, and its spacing.

    A flat picture is one slice. A picture with at least three channels of 8 bits is in colour, (X, Y, Z, 3); other
    channels are averaged.

    Raises:
        UserError: the file does not exist or cannot be read.
    """
    path = _existing(path)
    geometry, voxels = read_geometry(path), read_voxels(path)
    if geometry.channels >= 3 and voxels.dtype == np.uint8:
        return _canonical(voxels[..., :3], geometry)
    voxels = voxels.astype(np.float32)
    return _canonical(voxels.mean(axis=-1) if geometry.channels > 1 else voxels, geometry)


def load_labels(path: Path | str) -> np.ndarray:
    """A label map, (X, Y, Z) like the image of the same case.

    Raises:
        UserError: the file does not exist or is no label map.
    """
    path = _existing(path)
    return _canonical(read_segmentation(path).astype(np.int32), read_geometry(path))[0]


def _existing(path: Path | str) -> Path:
    if not Path(path).is_file():
        raise UserError(f"Gallery: there is no file {path}; put it back, or take it out of the gallery.")
    return Path(path)


def _canonical(voxels: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, Spacing]:
    """Voxels and spacing in right-anterior-superior order."""
    turned = nib.orientations.io_orientation(geometry.affine)
    solid = np.expand_dims(voxels, 2) if len(geometry.shape) == 2 else voxels
    data = nib.orientations.apply_orientation(solid, turned)
    spacing = np.empty(3)
    spacing[turned[:, 0].astype(int)] = [mm or 1.0 for mm in (*geometry.spacing_mm, 1.0)[:3]]
    right, front, up = spacing.tolist()
    return data, (right, front, up)


def best_slice(reference: np.ndarray, predictions: list[np.ndarray], spacing: tuple[float, ...]) -> tuple[int, int]:
    """Axis across the coarsest spacing (the acquired plane; axial if equal), and the most informative slice.

    That is the slice with the most voxels of the reference and, averaged over losses, the most on which a loss
    disagrees with it.
    """
    axis = 2 if reference.shape[2] == 1 or spacing[2] >= max(spacing) * 0.999 else int(np.argmax(spacing))
    others = tuple(i for i in range(3) if i != axis)
    seen = (reference > 0).sum(axis=others).astype(float)
    for prediction in predictions:
        seen += (prediction != reference).sum(axis=others) / len(predictions)
    return axis, int(np.argmax(seen)) if seen.any() else reference.shape[axis] // 2


def grey_window(image: np.ndarray) -> tuple[float, float]:
    """The values that are shown as black and as white: of colours all, else the 1st and 99.5th percentile.

    These are percentiles of what is not background.
    """
    if image.ndim == 4:
        return 0.0, 255.0
    finite = image[np.isfinite(image)]
    inside = finite[finite > finite.min()] if finite.size else finite
    low, high = np.percentile(inside, [1, 99.5]) if inside.size else (0.0, 1.0)
    return float(low), float(high if high > low else low + 1)


@dataclass(frozen=True)
class Plane:
    """A slice, cropped to what matters in it."""

    axis: int
    index: int
    box: tuple[slice, slice]
    aspect: float
    slices: int

    @classmethod
    def of(cls, axis: int, index: int, masks: list[np.ndarray], spacing: tuple[float, ...]) -> "Plane":
        """The slice ``index`` across ``axis``, cropped to the masks with a margin."""
        seen = np.any([np.take(mask, index, axis) > 0 for mask in masks], axis=0)
        across, up = (s for i, s in enumerate(spacing) if i != axis)
        return cls(axis, index, _box(seen, (across, up)), up / across, masks[0].shape[axis])

    @property
    def words(self) -> str:
        """Plane and slice in words."""
        name = ("sagittal", "coronal", "axial")[self.axis]
        return f"{name} slice {self.index + 1} of {self.slices}" if self.slices > 1 else "the image"

    def cut(self, volume: np.ndarray) -> np.ndarray:
        """The part of the slice that is shown, rows up, columns to the right; radiological convention."""
        part = np.take(volume, self.index, self.axis)[self.box].swapaxes(0, 1)
        return part if self.axis == 0 else part[:, ::-1]

    def zoom(self, reference: np.ndarray, predictions: Sequence[np.ndarray]) -> "Plane | None":
        """The part of a large slice in which the losses differ most in what they find.

        None if all that is shown is small enough, or if there is nothing to see. The part has the most lesions on which
        losses disagree or that many of them miss; false positives only decide where there are no lesions.
        """
        across, up = 1.0, self.aspect
        unit = min(across, up)
        sides = [(s.stop - s.start) * size / unit for s, size in zip(self.box, (across, up), strict=True)]
        true, *found = (np.take(mask, self.index, self.axis)[self.box] for mask in (reference, *predictions))
        places, weights = _interest(true > 0, [prediction > 0 for prediction in found])
        if max(sides) <= LARGE_VOXELS or not len(places):
            return None
        shape = tuple(min(round(ZOOM_VOXELS * unit / s), n) for s, n in zip((across, up), true.shape, strict=True))
        corner = _densest(places, weights, true.shape, shape)
        box = tuple(slice(b.start + c, b.start + c + n) for b, c, n in zip(self.box, corner, shape, strict=True))
        return replace(self, box=(box[0], box[1]))

    def draw(
        self,
        image: np.ndarray,
        window: tuple[float, float],
        outlines: Sequence[tuple[np.ndarray, tuple[str, str]]],
        frame: "Plane | None" = None,
    ) -> str:
        """The slice with outlined masks as a data URI (WebP).

        frame: a part of the slice around which a rectangle is drawn.
        """
        picture = self.cut(image)
        rows, columns = picture.shape[:2]
        scale = TILE_PIXELS / max(rows * self.aspect, columns)
        pixel = scale, scale * self.aspect  # tile pixels of a voxel, across and up
        width, height = columns * pixel[0], rows * pixel[1]
        with figure_style():
            figure = Canvas(figsize=(width / 100, height / 100), dpi=100)
            axes = figure.add_axes((0, 0, 1, 1))
            axes.imshow(picture, cmap="gray", vmin=window[0], vmax=window[1], origin="lower", aspect="auto",
                        interpolation="bicubic", extent=(0, width, 0, height))  # fmt: skip
            for mask, (color, line) in outlines:
                if mask.any():
                    _outline(axes, mask, pixel, color, line)
            if frame is not None:
                axes.add_patch(self._rectangle(frame, pixel, columns))
            axes.set_xlim(0, width)
            axes.set_ylim(0, height)
            axes.axis("off")
            return _data_uri(figure)

    def _rectangle(self, frame: "Plane", pixel: tuple[float, float], columns: int) -> Rectangle:
        (x, y), own = frame.box, self.box
        left = x.start - own[0].start if self.axis == 0 else columns - (x.stop - own[0].start)
        corner = left * pixel[0], (y.start - own[1].start) * pixel[1]
        size = (x.stop - x.start) * pixel[0], (y.stop - y.start) * pixel[1]
        return Rectangle(corner, *size, fill=False, edgecolor="white", linewidth=_points(LINE_PIXELS))


def _points(pixels: float) -> float:
    """Length in points of as many pixels of a tile."""
    return 72 * pixels / 100


def _outline(axes: Any, mask: np.ndarray, pixel: tuple[float, float], color: str, line: str) -> None:
    """A thin line around each component of a mask (rows, columns), outside of the small ones."""
    components, n = connected_components(np.ascontiguousarray(mask))
    small = np.bincount(components.ravel(), minlength=n + 1) * pixel[0] * pixel[1] < SMALL_PIXELS
    for part, gap in ((small[components] & mask, GAP_PIXELS), (~small[components] & mask, 0.0)):
        if part.any():
            _contour(axes, part, pixel, gap, color, line)


def _contour(axes: Any, mask: np.ndarray, pixel: tuple[float, float], gap: float, color: str, line: str) -> None:
    """A thin line at a distance from a mask (rows, columns)."""
    fine = [max(1, math.ceil(size)) for size in pixel]  # parts of a voxel across and up, none larger than a pixel
    steps = [size / n for size, n in zip(pixel, fine, strict=True)]
    pad = [math.ceil((gap + 2) / step) for step in steps]
    full = np.pad(np.kron(mask, np.ones(fine[::-1], bool)), [(pad[1], pad[1]), (pad[0], pad[0])])
    away = ndimage.distance_transform_edt(~full, sampling=steps[::-1])
    x, y = ((np.arange(n) + 0.5 - margin) * step for n, margin, step in zip(full.shape[::-1], pad, steps, strict=True))
    width = LINE_PIXELS * (1.5 if line == "dotted" else 1)
    level = gap + min(steps) / 2
    drawn = axes.contour(x, y, away, [level], colors=color, linestyles=line, linewidths=_points(width))
    drawn.set_path_effects([Stroke(linewidth=_points(width + 2.4), foreground="#000000", alpha=0.7), Normal()])


def _interest(true: np.ndarray, found: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Centres (n, 2) of the lesions and false positives of a slice, and how much there is to see at each."""
    losses = max(len(found), 1)
    lesions, count = connected_components(true)
    hits = np.zeros(count + 1)
    for prediction in found:
        hits[np.unique(lesions[prediction])] += 1
    missed = 1 - hits[1:] / losses
    weights = [missed + 4 * missed * (1 - missed) + 0.1]
    places = [np.array(ndimage.center_of_mass(true, lesions, range(1, count + 1))).reshape(-1, 2)]
    predicted = np.any([*found, np.zeros_like(true)], axis=0)
    invented, count = connected_components(predicted)
    alone = np.setdiff1d(np.arange(1, count + 1), invented[true])
    agreed = np.zeros(count + 1)
    for prediction in found:
        agreed[np.unique(invented[prediction])] += 1
    share = agreed[alone] / losses
    weights.append((share * (1 - share) + 0.1) * 1e-6)
    places.append(np.array(ndimage.center_of_mass(predicted, invented, alone)).reshape(-1, 2))
    return np.concatenate(places), np.concatenate(weights)


def _densest(places: np.ndarray, weights: np.ndarray, whole: tuple[int, ...], part: tuple[int, ...]) -> list[int]:
    """First corner of the part of a slice that holds the most weight; what it holds lies around its centre."""
    grid = np.zeros(whole)
    np.add.at(grid, tuple(np.floor(places).astype(int).T), weights)
    sums = np.pad(grid.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    a, b = part
    held = sums[a:, b:] - sums[:-a, b:] - sums[a:, :-b] + sums[:-a, :-b]
    corner = np.array(np.unravel_index(int(held.argmax()), held.shape))
    inside = ((places >= corner) & (places < corner + part)).all(axis=1)
    centre = np.average(places[inside], axis=0, weights=weights[inside])
    return [int(np.clip(round(c - n / 2), 0, m - n)) for c, n, m in zip(centre, part, whole, strict=True)]


def _box(used: np.ndarray, spacing: tuple[float, float]) -> tuple[slice, slice]:
    """The used part of a slice with a margin, as square in mm as the slice allows."""
    spans = [np.nonzero(used.any(axis=1 - i))[0] for i in range(2)]
    ends = [(int(s[0]), int(s[-1]) + 1) if len(s) else (0, used.shape[i]) for i, s in enumerate(spans)]
    lengths = [1.3 * (last - first) * s for (first, last), s in zip(ends, spacing, strict=True)]
    side = max(*lengths, LEAST_VOXELS * min(spacing))
    box = []
    for (first, last), size, s in zip(ends, used.shape, spacing, strict=True):
        length = min(size, max(round(side / s), 1))
        start = int(np.clip((first + last - length) // 2, 0, size - length))
        box.append(slice(start, start + length))
    return box[0], box[1]


def _data_uri(figure: Canvas) -> str:
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", facecolor="black")
    Image.open(raw).convert("RGB").save(small, format="WEBP", quality=82, method=6)
    return "data:image/webp;base64," + base64.b64encode(small.getvalue()).decode()
