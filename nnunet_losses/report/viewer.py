"""An optional page beside the report to leaf through the slices of the gallery's cases, offline.

Its viewer is about ninety lines of JavaScript of our own: no package that we depend on has a medical viewer, and niivue
(2.3 MB, WebGL 2) would have to be fetched from npm for what a canvas can do.
"""

import base64
import gzip
import json
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from nnunet_losses.base.images import ENDINGS
from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.report.gallery import Volumes, choose, element, gallery_rows, score, volumes_of
from nnunet_losses.report.numbers import count, decimals
from nnunet_losses.report.page import own_file, policy

MOST_BYTES = 14_000_000  # of all volumes, packed; the page stays below 15 MB
MOST_VOXELS = 4_000_000  # of one cropped volume; larger ones are subsampled
MARGIN = 15.0  # mm, or pixels without spacing, around the masks, so that their surroundings can be seen


def viewer(comparison: Comparison, most_bytes: int = MOST_BYTES) -> str | None:
    """The page, or None where there is nothing to show."""
    entries: list[dict[str, Any]] = []
    left_out = 0
    for view in comparison.run_views:
        rows = gallery_rows(view)
        if rows is None or not rows["image"].astype(str).str.lower().str.endswith(ENDINGS).all():
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
    note = "Volumes are cropped to the masks, with a margin."
    note += f" Large volumes are shown at a resolution down to 1/{thinned}." if thinned > 1 else ""
    note += f" {count(left_out, 'case is', 'cases are')} left out to keep this page below 15 MB." if left_out else ""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nnunet_losses.report", "."), autoescape=True, undefined=jinja2.StrictUndefined
    )
    # Inside a script element only "<" could end it.
    volumes = Markup(json.dumps(entries).replace("<", "\\u003c"))
    return environment.get_template("viewer.html.j2").render(
        title=comparison.title,
        noun=comparison.noun.capitalize(),
        note=note,
        volumes=volumes,
        style=own_file("viewer.css"),
        script=own_file("viewer.js"),
        policy=policy,
    )


def _entry(view: View, volumes: Volumes, case: str, reason: str) -> dict[str, Any]:
    masks = [volumes.reference, *volumes.predictions.values()]
    box = crop_box(masks, volumes.spacing)
    step = int(np.ceil(np.cbrt(np.prod([s.stop - s.start for s in box]) / MOST_VOXELS)))
    cut = tuple(slice(s.start, s.stop, max(step, 1)) for s in box)
    low, high = volumes.window
    grey = np.clip((volumes.image[cut] - low) / (high - low), 0, 1)
    digits, losses = decimals(view.metric.unit), []
    reference = volumes.reference[cut]
    for trainer, prediction in volumes.predictions.items():
        losses.append(
            {
                "name": view.name(trainer),
                "score": f"{trainer}: {score(view, case, trainer, digits)}",
                "codes": packed(verdicts(reference, prediction[cut])),
            }
        )
    where = f"{view.dataset}, {view.configuration}: " if len(view.comparison.run_views) > 1 else ""
    return {
        "title": f"{where}{case} ({reason})",
        "shape": list(grey.shape[:3]),
        "spacing": list(volumes.spacing),
        "offset": [s.start for s in box],
        "step": max(step, 1),
        "image": packed((255 * np.nan_to_num(grey)).astype(np.uint8)),
        "channels": 3 if grey.ndim == 4 else 1,
        "element": element(view),
        "losses": losses,
    }


def verdicts(reference: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Per voxel: 0 background, 1 found (the same label), 2 missed (another label, too), 3 invented."""
    codes = np.where(prediction > 0, 3, 0)
    codes = np.where(reference > 0, 2, codes)
    return np.where((reference > 0) & (reference == prediction), 1, codes).astype(np.uint8)


def crop_box(masks: list[np.ndarray], spacing: tuple[float, ...]) -> tuple[slice, ...]:
    """The box that holds every mask, with a margin of 15 mm (pixels); all of the volume where every mask is empty."""
    used = np.any([mask > 0 for mask in masks], axis=0)
    box = []
    for axis in range(3):
        places = np.flatnonzero(used.any(axis=tuple(i for i in range(3) if i != axis)))
        margin = round(MARGIN / spacing[axis])
        low, high = (places[0], places[-1] + 1) if len(places) else (0, used.shape[axis])
        box.append(slice(max(int(low) - margin, 0), min(int(high) + margin, used.shape[axis])))
    return tuple(box)


def packed(volume: np.ndarray) -> str:
    """A volume of bytes, x slowest, as gzip in base64; the same for the same volume."""
    return base64.b64encode(gzip.compress(np.ascontiguousarray(volume).tobytes(), 9, mtime=0)).decode()
