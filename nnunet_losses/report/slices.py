"""A slice of a volume as a small picture: loading, choosing, cropping, outlines."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.patheffects import Normal, Stroke
from PIL import Image

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import Geometry, read_geometry, read_segmentation, read_voxels
from nnunet_losses.report.style import figure_style

TILE_PIXELS = 360
LEAST_VOXELS = 48  # side of the smallest part of a slice that is shown

Spacing = tuple[float, float, float]


def load_image(path: Path | str) -> tuple[np.ndarray, Spacing]:
    """The grey values of an image, (X, Y, Z) to the right, to the front and upwards, and its spacing in mm.

    A flat picture is one slice; the channels of a colour picture are averaged.

    Raises:
        UserError: the file does not exist or cannot be read.
    """
    path = _existing(path)
    geometry, voxels = read_geometry(path), read_voxels(path).astype(np.float32)
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
    data = nib.orientations.apply_orientation(voxels[..., None] if voxels.ndim == 2 else voxels, turned)
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
    """The grey values that are shown as black and as white: 1st and 99.5th percentile of what is not background."""
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
        part = np.take(volume, self.index, self.axis)[self.box].T
        return part if self.axis == 0 else part[:, ::-1]

    def draw(
        self, image: np.ndarray, window: tuple[float, float], outlines: list[tuple[np.ndarray, tuple[str, str]]]
    ) -> str:
        """The slice with outlined masks as a data URI (WebP)."""
        grey = self.cut(image)
        height, width = grey.shape[0] * self.aspect, float(grey.shape[1])
        scale = TILE_PIXELS / 100 / max(height, width)
        with figure_style():
            figure = Canvas(figsize=(width * scale, height * scale), dpi=100)
            axes = figure.add_axes((0, 0, 1, 1))
            axes.imshow(grey, cmap="gray", vmin=window[0], vmax=window[1], origin="lower", aspect="auto",
                        interpolation="bicubic")  # fmt: skip
            for mask, (color, line) in outlines:
                if mask.any():
                    rim = np.pad(mask.astype(float), 1)  # closes outlines at the edge of the picture
                    x, y = np.arange(-1, mask.shape[1] + 1), np.arange(-1, mask.shape[0] + 1)
                    drawn = axes.contour(x, y, rim, [0.5], colors=color, linestyles=line, linewidths=2.4)
                    drawn.set_path_effects([Stroke(linewidth=4, foreground="#000000", alpha=0.6), Normal()])
            axes.set_xlim(-0.5, grey.shape[1] - 0.5)
            axes.set_ylim(-0.5, grey.shape[0] - 0.5)
            axes.axis("off")
            return _data_uri(figure)


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
