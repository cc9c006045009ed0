"""Pictures of cases: the reference, and what each loss found, missed and invented."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.patheffects import Normal, Stroke
from PIL import Image

from nnunet_losses.errors import UserError
from nnunet_losses.report.blocks import Text, Tile, Tiles
from nnunet_losses.report.numbers import decimals, enumerate_words, number
from nnunet_losses.report.study import View
from nnunet_losses.report.style import INVENTED, MISSED, TRUE, figure_style

TILE_PIXELS = 360
MOST_BYTES = 5_000_000  # of all pictures in a report
LEAST_VOXELS = 48  # side of the smallest part of a slice that is shown
KEY = (
    "Best, median and worst case by the mean over losses, and the case on which the losses disagree most, each in "
    "the slice with the most reference and disagreement. Solid blue: found (true); dashed yellow: missed; dotted "
    "orange: invented. Radiological convention: the patient's left is on the right. Grey values from the 1st to the "
    "99.5th percentile."
)


@dataclass(frozen=True)
class Case:
    """One case in the gallery and why it is shown."""

    name: str
    reason: str


def choose(view: View, available: set[str]) -> list[Case]:
    """Best, median and worst case by the mean over losses, and the one on which the losses disagree most."""
    values = view.values[[case in available for case in view.values.index.astype(str)]].dropna(how="all")
    if values.empty:
        return []
    mean = values.mean(axis=1).sort_values(ascending=not view.metric.higher_is_better, kind="stable")
    spread = (values.max(axis=1) - values.min(axis=1)).fillna(0)
    reasons: dict[str, list[str]] = {}
    wanted = [
        (mean.index[0], "best case"),
        (mean.index[(len(mean) - 1) // 2], "median case"),
        (mean.index[-1], "worst case"),
    ]
    if values.shape[1] > 1:
        wanted.append((spread.sort_values(ascending=False, kind="stable").index[0], "most disagreement"))
    for case, reason in wanted:
        reasons.setdefault(str(case), []).append(reason)
    return [Case(case, ", ".join(why)) for case, why in reasons.items()]


def tiles(view: View, budget: int = MOST_BYTES) -> list[Tiles | Text]:
    """A row of pictures per chosen case: the reference first, then every loss; empty without a gallery.

    Stops before the pictures take more than ``budget`` bytes, and says so.
    """
    gallery = view.study.gallery
    if gallery is None or gallery.empty:
        return []
    here = gallery[gallery["dataset"].astype(str) == view.dataset]
    if "configuration" in here:
        here = here[here["configuration"].astype(str) == view.configuration]
    rows: list[Tiles | Text] = []
    for case in choose(view, set(here["case"].astype(str))):
        row = _row(view, case, here[here["case"].astype(str) == case.name])
        budget -= sum(len(tile.data) for tile in row.tiles)
        if budget < 0:
            rows.append(
                Text(f"Pictures of {case.name} and further cases are left out to keep this page small.", "note")
            )
            break
        rows.append(row)
    return rows


def _row(view: View, case: Case, files: pd.DataFrame) -> Tiles:
    image, spacing = _load(files["image"].iloc[0], scalar=True)
    reference, _ = _load(files["reference"].iloc[0])
    if reference.shape != image.shape:
        raise UserError(
            f"Gallery: {files['reference'].iloc[0]} has shape {reference.shape}, its image {image.shape}; "
            "they must agree."
        )
    order = {trainer: i for i, trainer in enumerate(view.trainers)}
    predictions: dict[str, np.ndarray] = {}
    absent: list[str] = []
    for trainer, path in files.drop_duplicates("trainer")[["trainer", "prediction"]].itertuples(index=False):
        if pd.isna(path):
            absent.append(view.name(str(trainer)))
            continue
        predictions[str(trainer)], _ = _load(path)
        if predictions[str(trainer)].shape != image.shape:
            raise UserError(f"Gallery: {path} does not have the shape {image.shape} of its image; they must agree.")
    predictions = dict(sorted(predictions.items(), key=lambda item: order.get(item[0], len(order))))
    axis, index = _best_slice(reference, list(predictions.values()), spacing)
    plane = _Plane.of(axis, index, reference, list(predictions.values()), spacing)
    window = _window(image)
    shown = [
        Tile(
            plane.draw(image, window, [(plane.cut(reference) > 0, TRUE)]),
            f"Case {case.name}, {plane.words}: the image with the outline of the reference.",
            "Reference", f"{int((reference > 0).sum()):,} voxels".replace(",", "\u202f"),
        )
    ]  # fmt: skip
    for trainer, prediction in predictions.items():
        shown.append(_tile(view, case, trainer, plane, image, window, reference, prediction))
    note = plane.words + (f"; no prediction of {enumerate_words(absent)}" if absent else "")
    return Tiles(f"{case.name}: {case.reason}", note, shown)


def _tile(
    view: View, case: Case, trainer: str, plane: "_Plane", image: np.ndarray, window: tuple[float, float],
    reference: np.ndarray, prediction: np.ndarray,
) -> Tile:  # fmt: skip
    g, p = plane.cut(reference), plane.cut(prediction)
    true, missed, invented = (g > 0) & (g == p), (g > 0) & (g != p), (p > 0) & (g != p)
    values, metric = view.values, view.metric
    value = values[trainer].get(case.name, np.nan) if trainer in values else np.nan
    caption = f"{metric.long_name} {number(value, min(decimals(metric.unit), 2))}"
    counts = f"{int(true.sum())} voxels true, {int(missed.sum())} missed, {int(invented.sum())} invented in this slice"
    return Tile(
        plane.draw(image, window, [(true, TRUE), (missed, MISSED), (invented, INVENTED)]),
        f"Case {case.name}, {plane.words}, {view.name(trainer)}: {caption}; {counts}.",
        view.name(trainer), caption, f"{trainer}: {counts}",
    )  # fmt: skip


def _load(path: Any, *, scalar: bool = False) -> tuple[np.ndarray, tuple[float, float, float]]:
    """A volume in right-anterior-superior order, (X, Y, Z), and its spacing in mm."""
    if not Path(path).is_file():
        raise UserError(f"Gallery: there is no file {path}; take it out of the gallery or put it back.")
    try:
        loaded: Any = nib.as_closest_canonical(nib.load(path))
    except nib.filebasedimages.ImageFileError:
        raise UserError(f"Gallery: {path} is not a NIfTI image; pictures need NIfTI (.nii, .nii.gz).") from None
    data = np.asanyarray(loaded.dataobj)
    while data.ndim > 3:
        data = data[..., 0]
    if data.ndim == 2:
        data = data[..., None]
    spacing = tuple(float(z) or 1.0 for z in (*loaded.header.get_zooms()[:3], 1.0, 1.0)[:3])
    return (data.astype(np.float32) if scalar else np.rint(data).astype(np.int32)), spacing  # type: ignore[return-value]


def _best_slice(reference: np.ndarray, predictions: list[np.ndarray], spacing: tuple[float, ...]) -> tuple[int, int]:
    """Axis across the coarsest spacing (the plane the scanner saw; axial if equal), and the slice with most to see.

    Most to see: voxels of the reference, and voxels on which a loss disagrees with it, averaged over losses.
    """
    axis = 2 if reference.shape[2] == 1 or spacing[2] >= max(spacing) * 0.999 else int(np.argmax(spacing))
    others = tuple(i for i in range(3) if i != axis)
    seen = (reference > 0).sum(axis=others).astype(float)
    for prediction in predictions:
        seen += (prediction != reference).sum(axis=others) / len(predictions)
    return axis, int(np.argmax(seen)) if seen.any() else reference.shape[axis] // 2


def _window(image: np.ndarray) -> tuple[float, float]:
    """Grey values shown as black and white: 1st and 99.5th percentile of what is not background."""
    finite = image[np.isfinite(image)]
    inside = finite[finite > finite.min()] if finite.size else finite
    low, high = np.percentile(inside, [1, 99.5]) if inside.size else (0.0, 1.0)
    return float(low), float(high if high > low else low + 1)


@dataclass(frozen=True)
class _Plane:
    """A slice, cropped to what matters in it."""

    axis: int
    index: int
    box: tuple[slice, slice]
    aspect: float
    slices: int

    @classmethod
    def of(
        cls, axis: int, index: int, reference: np.ndarray, predictions: list[np.ndarray], spacing: tuple[float, ...]
    ) -> "_Plane":
        seen = np.take(reference, index, axis) > 0
        for prediction in predictions:
            seen |= np.take(prediction, index, axis) > 0
        across, up = (s for i, s in enumerate(spacing) if i != axis)
        return cls(axis, index, _box(seen, (across, up)), up / across, reference.shape[axis])

    @property
    def words(self) -> str:
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
    wanted = [max(1.3 * (last - first), LEAST_VOXELS) for first, last in ends]
    side = max(length * s for length, s in zip(wanted, spacing, strict=True))
    box = []
    for (first, last), size, s in zip(ends, used.shape, spacing, strict=True):
        length = min(size, round(side / s))
        start = int(np.clip((first + last - length) // 2, 0, size - length))
        box.append(slice(start, start + length))
    return box[0], box[1]


def _data_uri(figure: Canvas) -> str:
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", facecolor="black")
    Image.open(raw).convert("RGB").save(small, format="WEBP", quality=82, method=6)
    return "data:image/webp;base64," + base64.b64encode(small.getvalue()).decode()
