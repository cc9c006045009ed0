"""An optional page beside the report to leaf through the slices of the gallery's cases, offline.

A viewer of our own, about ninety lines of JavaScript: none of the packages that this one is installed with carries a
medical viewer, and niivue (2.3 MB, WebGL 2) would have to be fetched from npm for what a canvas does.
"""

import base64
import gzip
import json
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.report.gallery import Volumes, choose, gallery_rows, volumes_of
from nnunet_losses.report.numbers import decimals, number
from nnunet_losses.report.page import own_file
from nnunet_losses.report.slices import READABLE

MOST_BYTES = 14_000_000  # of all volumes, packed; the page stays below 15 MB
MOST_VOXELS = 4_000_000  # of one cropped volume; larger ones are thinned out
MARGIN_MM = 15.0  # around what is marked, so that one sees where it is


def viewer(comparison: Comparison, most_bytes: int = MOST_BYTES) -> str | None:
    """The page, or None where there is nothing to show."""
    entries: list[dict[str, Any]] = []
    left_out = 0
    for view in comparison.run_views:
        rows = gallery_rows(view)
        if rows is None or not rows["image"].astype(str).str.lower().str.endswith(READABLE).all():
            continue
        for case in choose(view, set(rows["case"].astype(str))):
            entry = _entry(view, volumes_of(view, rows, case.name), case.name, case.reason)
            size = len(json.dumps(entry))
            most_bytes -= size
            if most_bytes < 0:
                left_out += 1
                most_bytes += size
                continue
            entries.append(entry)
    if not entries:
        return None
    thinned = max(entry["step"] for entry in entries)
    note = "Cropped to what is marked, with a margin."
    note += f" Large volumes are shown at up to 1/{thinned} of their resolution." if thinned > 1 else ""
    note += f" {left_out} cases are left out to keep this page below 15 MB." if left_out else ""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nnunet_losses.report", "."), autoescape=True, undefined=jinja2.StrictUndefined
    )
    # Inside a script element only "<" could end it.
    volumes = Markup(json.dumps(entries).replace("<", "\\u003c"))
    return environment.get_template("viewer.html.j2").render(
        title=comparison.title, note=note, volumes=volumes, script=own_file("viewer.js")
    )


def _entry(view: View, volumes: Volumes, case: str, reason: str) -> dict[str, Any]:
    masks = [volumes.reference, *volumes.predictions.values()]
    box = crop_box(masks, volumes.spacing)
    step = int(np.ceil(np.cbrt(np.prod([s.stop - s.start for s in box]) / MOST_VOXELS)))
    cut = tuple(slice(s.start, s.stop, max(step, 1)) for s in box)
    low, high = volumes.window
    grey = np.clip((volumes.image[cut] - low) / (high - low), 0, 1)
    metric, losses = view.metric, []
    reference = volumes.reference[cut]
    for trainer, prediction in volumes.predictions.items():
        value = view.values[trainer].get(case, np.nan) if trainer in view.values else np.nan
        losses.append(
            {
                "name": view.name(trainer),
                "score": f"{trainer}: {metric.long_name} {number(value, decimals(metric.unit))}",
                "codes": packed(verdicts(reference, prediction[cut])),
            }
        )
    where = f"{view.dataset}, {view.configuration}: " if len(view.comparison.run_views) > 1 else ""
    return {
        "title": f"{where}{case} ({reason})",
        "shape": list(grey.shape),
        "spacing": list(volumes.spacing),
        "offset": [s.start for s in box],
        "step": max(step, 1),
        "image": packed((255 * np.nan_to_num(grey)).astype(np.uint8)),
        "losses": losses,
    }


def verdicts(reference: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Per voxel: 0 background, 1 found (the same label), 2 missed (another label, too), 3 invented."""
    codes = np.where(prediction > 0, 3, 0)
    codes = np.where(reference > 0, 2, codes)
    return np.where((reference > 0) & (reference == prediction), 1, codes).astype(np.uint8)


def crop_box(masks: list[np.ndarray], spacing: tuple[float, ...]) -> tuple[slice, ...]:
    """The box that holds every mask, with a margin of 15 mm; all of the volume where every mask is empty."""
    used = np.any([mask > 0 for mask in masks], axis=0)
    box = []
    for axis in range(3):
        places = np.flatnonzero(used.any(axis=tuple(i for i in range(3) if i != axis)))
        margin = round(MARGIN_MM / spacing[axis])
        low, high = (places[0], places[-1] + 1) if len(places) else (0, used.shape[axis])
        box.append(slice(max(int(low) - margin, 0), min(int(high) + margin, used.shape[axis])))
    return tuple(box)


def packed(volume: np.ndarray) -> str:
    """A volume of bytes, x slowest, as gzip in base64; the same for the same volume."""
    return base64.b64encode(gzip.compress(np.ascontiguousarray(volume).tobytes(), 9, mtime=0)).decode()
