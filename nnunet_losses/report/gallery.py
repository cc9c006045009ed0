"""Pictures of cases: the reference, and what each loss found, missed and invented."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nnunet_losses.base.components import connected_components
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import ENDINGS
from nnunet_losses.report.blocks import Text, Tile, Tiles
from nnunet_losses.report.comparison import View
from nnunet_losses.report.numbers import count, decimals, enumerate_words, number, unit_suffix
from nnunet_losses.report.slices import Plane, best_slice, grey_window, load_image, load_labels
from nnunet_losses.report.style import INVENTED, MISSED, TRUE

MOST_BYTES = 5_000_000  # of all pictures in a report
SMALL_VOXELS = 60  # a lesion with fewer in a slice has no room for the outlines of its parts
KEY = (
    "Best, median and worst case by the mean over {nouns}, and the case on which the {nouns} disagree most, each in "
    "the slice with the most reference and disagreement; then the largest and the smallest missed lesion in three "
    "planes. Solid blue: found; dashed yellow: missed; dotted pink: false positive. Lines around small lesions keep a "
    "gap; a small lesion that is found in part has one line. Of a large slice, the overview frames the part that is "
    "enlarged, the same for all {nouns}: it has the most lesions on which they disagree or that they miss. "
    "Radiological convention: the patient's left is on the right. Grey values range from the 1st to the 99.5th "
    "percentile; colour pictures keep their colours."
)
"""What the pictures show; ``nouns`` are what was compared."""


@dataclass(frozen=True)
class Case:
    """One case in the gallery and why it is shown."""

    name: str
    reason: str


def choose(view: View, available: set[str]) -> list[Case]:
    """Best, median and worst case by the mean over losses, and the one on which the losses disagree most."""
    values = view.values[[case in available for case in view.values.index.astype(str)]]
    if values.empty:
        return []
    mean = values.mean(axis=1).sort_values(ascending=not view.metric.higher_is_better, kind="stable")
    spread = values.max(axis=1) - values.min(axis=1)
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


@dataclass(frozen=True)
class Volumes:
    """Image, reference and predictions of one case in the same orientation, the best trainer first."""

    image: np.ndarray
    reference: np.ndarray
    predictions: dict[str, np.ndarray]
    absent: list[str]  # trainers without a prediction
    spacing: tuple[float, float, float]
    window: tuple[float, float]


def tiles(view: View, budget: int = MOST_BYTES) -> list[Tiles | Text]:
    """A row of pictures per chosen case, and of the missed lesions; empty without a gallery.

    Stops before the pictures exceed ``budget`` bytes, and says so.
    """
    here = gallery_rows(view)
    if here is None:
        return []
    if not here["image"].astype(str).str.lower().str.endswith(ENDINGS).all():
        return [Text(f"No pictures of {view.dataset}: only {', '.join(ENDINGS)} can be shown.", "note")]
    rows: list[Tiles | Text] = []
    for row in _rows(view, here):
        budget -= sum(len(tile.data) for tile in row.tiles)
        if budget < 0:
            rows.append(Text("Further pictures are left out to keep this page small.", "note"))
            break
        rows.append(row)
    return rows


def gallery_rows(view: View) -> pd.DataFrame | None:
    """The files of this data set and configuration; None without a gallery."""
    gallery = view.comparison.gallery
    if gallery is None or gallery.empty:
        return None
    here = gallery[gallery["dataset"].astype(str) == view.dataset]
    if "configuration" in here:
        here = here[here["configuration"].astype(str) == view.configuration]
    return here


def _rows(view: View, files: pd.DataFrame) -> Iterator[Tiles]:
    for case in choose(view, set(files["case"].astype(str))):
        yield _case_row(view, case, volumes_of(view, files, case.name))
    yield from _missed_rows(view, files)


def volumes_of(view: View, files: pd.DataFrame, case: str) -> Volumes:
    """Image, reference and predictions of one case; nothing is shown of voxels that the reference ignores."""
    files = files[files["case"].astype(str) == case].drop_duplicates("trainer")
    image, spacing = load_image(files["image"].iloc[0])
    paths = {str(t): path for t, path in files[["trainer", "prediction"]].itertuples(index=False)}
    absent = [t for t, path in paths.items() if pd.isna(path)]
    order = [t for t in [*view.trainers, *paths] if t in paths and t not in absent]
    read = {t: load_labels(paths[t]) for t in dict.fromkeys(order)}
    reference = load_labels(files["reference"].iloc[0])
    for path, volume in [(files["reference"].iloc[0], reference), *((paths[t], v) for t, v in read.items())]:
        if volume.shape != image.shape[:3]:
            raise UserError(f"Gallery: {path} has shape {volume.shape}, its image {image.shape[:3]}; they must agree.")
    ignore = files["ignore"].iloc[0] if "ignore" in files else None
    if ignore is not None and not pd.isna(ignore):
        shown = reference != ignore
        reference, read = reference * shown, {trainer: volume * shown for trainer, volume in read.items()}
    return Volumes(image, reference, read, absent, spacing, grey_window(image))


def _case_row(view: View, case: Case, volumes: Volumes) -> Tiles:
    predictions = list(volumes.predictions.values())
    axis, index = best_slice(volumes.reference, predictions, volumes.spacing)
    whole = Plane.of(axis, index, [volumes.reference, *predictions], volumes.spacing)
    part = whole.zoom(volumes.reference, predictions)
    plane, shown = part or whole, []
    if part is not None:
        drawn = whole.draw(volumes.image, volumes.window, _each_label(whole.cut(volumes.reference), TRUE), frame=part)
        alt = f"Case {case.name}, {whole.words}: the reference, and a frame around the part that is enlarged."
        shown.append(Tile(drawn, alt, "Overview", "The frame is enlarged"))
    shown.append(
        Tile(
            plane.draw(volumes.image, volumes.window, _each_label(plane.cut(volumes.reference), TRUE)),
            f"Case {case.name}, {plane.words}: the image with the outline of the reference.",
            "Reference",
            count(int((volumes.reference > 0).sum()), element(view)),
        )
    )
    digits = min(decimals(view.metric.unit), 2)
    for trainer in volumes.predictions:
        caption = score(view, case.name, trainer, digits)
        if part is not None:
            caption += f"; {_found_here(part.cut(volumes.reference), part.cut(volumes.predictions[trainer]))}"
        shown.append(_tile(view, case.name, trainer, plane, volumes, view.name(trainer), caption))
    note = plane.words
    if volumes.absent:
        note += f"; no prediction of {enumerate_words([view.name(t) for t in volumes.absent])}"
    return Tiles(f"{case.name}: {case.reason}", note, shown)


def score(view: View, case: str, trainer: str, digits: int) -> str:
    """The metric of one case, and what it is counted as if it is undefined."""
    known, unit = trainer in view.values and case in view.values.index, view.metric.unit
    value = float(view.values[trainer][case]) if known else math.nan
    how = str(view.resolved[trainer][case]) if known else ""
    counted = f" (undefined, counted as {how})" if how else ""
    return f"{view.metric.long_name} {number(value, digits)}{unit_suffix(unit)}{counted}"


def _tile(
    view: View, case: str, trainer: str, plane: Plane, volumes: Volumes, title: str, caption: str
) -> Tile:  # fmt: skip
    g, p = plane.cut(volumes.reference), plane.cut(volumes.predictions[trainer])
    true, missed, invented = (g > 0) & (g == p), (g > 0) & (g != p), (p > 0) & (g != p)
    n_true, n_missed, n_invented = (int(part.sum()) for part in (true, missed, invented))
    counts = f"{n_true} {element(view)}s found, {n_missed} missed, {n_invented} false positive in this picture"
    whole, around = _small_and_found(g, p)
    # what is found is drawn last, over edges that it shares with what is missed and invented
    parts = ((p * (invented & ~around), INVENTED), (g * (missed & ~whole), MISSED), (g * (true | whole), TRUE))
    outlines = [outline for labels, look in parts for outline in _each_label(labels, look)]
    drawn = plane.draw(volumes.image, volumes.window, outlines)
    alt = f"Case {case}, {plane.words}, {view.name(trainer)}: {caption}; {counts}."
    return Tile(drawn, alt, title, caption, f"{trainer}: {counts}")


def element(view: View) -> str:
    """What a picture is made of: ``voxel``, or ``pixel`` in 2D."""
    return "voxel" if view.scale.dimensions == 3 else "pixel"


def _found_here(reference: np.ndarray, prediction: np.ndarray) -> str:
    """How many lesions of a picture the prediction touches, ``3 of 5 lesions here``."""
    lesions, n = connected_components(reference > 0)
    found = len(np.unique(lesions[(prediction > 0) & (reference > 0)]))
    return f"{found} of {count(n, 'lesion')} here" if n else "no lesion here"


def _small_and_found(reference: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the small lesions of a slice that are found at least in part, and of small predictions that touch them.

    Both are of the slice's shape. Outlines of their parts would bury such a lesion.
    """
    lesions, n = connected_components(reference > 0)
    small = np.bincount(lesions.ravel(), minlength=n + 1) < SMALL_VOXELS
    touched = np.zeros(n + 1, bool)
    touched[np.unique(lesions[(reference > 0) & (reference == prediction)])] = True
    whole = (small & touched)[lesions]
    predicted, n = connected_components(prediction > 0)
    small = np.bincount(predicted.ravel(), minlength=n + 1) < 2 * SMALL_VOXELS
    touched = np.zeros(n + 1, bool)
    touched[np.unique(predicted[whole & (prediction > 0)])] = True
    return whole, (small & touched)[predicted]


def _each_label(labels: np.ndarray, look: tuple[str, str]) -> list[tuple[np.ndarray, tuple[str, str]]]:
    """An outline around each label, so that neighbours of two labels are told apart."""
    return [(labels == value, look) for value in np.unique(labels[labels > 0])]


def _missed_rows(view: View, files: pd.DataFrame) -> Iterator[Tiles]:
    """The largest and the smallest reference lesion that some loss did not touch, in three planes."""
    lesions = view.table("lesions")
    if lesions is None or not {"volume_mm3", "diameter_mm"} <= set(lesions):
        return
    missed = lesions[(lesions["side"] == "reference") & ~lesions["matched"].astype(bool)]
    known = set(zip(files["case"].astype(str), files["trainer"].astype(str), strict=True))
    keys = zip(missed["case"].astype(str), missed["trainer"].astype(str), strict=True)
    # as an array: pandas takes an empty list for a choice of no columns
    missed = missed[np.array([key in known for key in keys], dtype=bool)].sort_values(["volume_mm3", "case", "trainer"])
    if missed.empty:
        return
    for word, row in (("Largest", missed.iloc[-1]), ("Smallest", missed.iloc[0])):
        case, trainer = str(row["case"]), str(row["trainer"])
        volumes = volumes_of(view, files, case)
        lesion = _missed_lesion(volumes, trainer, largest=word == "Largest")
        if lesion is None:
            continue
        finders = sum(bool((p[lesion] > 0).any()) for p in volumes.predictions.values())
        centre = [int(np.median(places)) for places in np.nonzero(lesion)]
        shown = []
        for axis in (2, 1, 0) if volumes.image.shape[2] > 1 else (2,):
            plane = Plane.of(axis, centre[axis], [lesion], volumes.spacing)
            shown.append(
                _tile(view, case, trainer, plane, volumes, plane.words.partition(" slice")[0].capitalize(), plane.words)
            )
        yield Tiles(
            f"{word} missed lesion: {case}, {view.name(trainer)}",
            f"Diameter {number(row['diameter_mm'], 1)} {view.scale.length}; "
            f"found by {finders} of {len(volumes.predictions)} {view.nouns}",
            shown,
        )


def _missed_lesion(volumes: Volumes, trainer: str, *, largest: bool) -> np.ndarray | None:
    """Mask of the largest or smallest component (26 neighbours) of the reference that the prediction does not touch."""
    if trainer not in volumes.predictions:
        return None
    components, n = connected_components(volumes.reference > 0)
    voxels = np.bincount(components.ravel(), minlength=n + 1).astype(float)
    voxels[np.unique(components[volumes.predictions[trainer] > 0])] = np.nan
    voxels[0] = np.nan
    if not np.isfinite(voxels).any():
        return None
    found: np.ndarray = components == int(np.nanargmax(voxels) if largest else np.nanargmin(voxels))
    return found
