"""LUNA16 (Setio et al. 2017, 10.1016/j.media.2017.06.015) with the contours of LIDC-IDRI.

``subset0/<series>.mhd`` and ``.raw``, ``annotations.csv`` (centres of nodules in mm), ``seg-lungs-LUNA16/<series>.mhd``
and ``tcia-lidc-xml/157/158.xml`` (contours of up to four readers, in voxels of a slice).

A nodule is drawn where a contour's centre lies within 10 voxels of an annotated centre; two of four readers make the
reference, as in Shirokikh et al. 2020, whose conversion this follows but for two things: a slice is found by rounding,
not by cutting off, and a contour that readers mark as a hole is one.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import read_geometry
from nnunet_losses.data.originals.layout import NEVER, Layout, OriginalCase

RADIUS_VOXELS = 10.0
LUNGS = (3, 4)
"""Values of both lungs in the masks; 5 is the trachea."""
REFERENCE = "two_readers"
READERS = tuple(f"rater{number}" for number in range(1, 5))
MIRRORED = frozenset(
    "1.3.6.1.4.1.14519.5.2.1.6279.6001." + number
    for number in (
        "282512043257574309474415322775",
        "801945620899034889998809817499",
        "943403138251347598519939390311",
        "964952370561266624992539111877",
        "144883090372691745980459537053",
        "127965161564033605177803085629",
        "148447286464082095534651426689",
        "219349715895470349269596532320",
        "123697637451437522065941162930",
        "177252583002664900748714851615",
        "312127933722985204808706697221",
    )
)
"""Scans whose annotated x and y are mirrored about the origin, unless the header says so (the paper's list)."""
_NAMESPACE = "{http://www.nih.gov}"
_SERIES = re.compile(rb"<SeriesInstanceUid>\s*([\d.]+)\s*</SeriesInstanceUid>")
_HEAD = 1 << 14  # bytes that hold the header of a file of contours
_LARGEST = 50 * 10**6  # bytes


def _with_contours(root: Path, cases: Mapping[str, OriginalCase]) -> dict[str, OriginalCase]:
    """The cases with their files of contours, and the table of nodules.

    Raises:
        UserError: there is no table of nodules.
    """
    contours: dict[str, Path] = {}
    for path in sorted(root.rglob("*.xml")):
        with path.open("rb") as file:
            if match := _SERIES.search(file.read(_HEAD)):
                contours.setdefault(match.group(1).decode(), path)
    tables = sorted(root.rglob("annotations.csv"))
    if cases and not tables:
        raise UserError(f"{root} has no annotations.csv, the table of LUNA16's nodules; download it as well.")
    return {
        name: replace(
            case,
            labels=dict.fromkeys((REFERENCE, *READERS), contours[name]) if name in contours else {},
            facts={**case.facts, "subset": next(iter(case.images.values())).parent.name.removeprefix("subset")},
            further={"annotations": tables[0]},
        )
        for name, case in cases.items()
    }


def _draw(case: OriginalCase) -> dict[str, NDArray[np.uint8]]:
    """The label maps of the reference and of each reader, (x, y, z) as the scan is stored."""
    geometry = read_geometry(case.images["CT"])
    shape = (geometry.shape[0], geometry.shape[1], geometry.shape[2])
    centres = _centres(case, geometry.affine)
    maps = {reader: np.zeros(shape, np.uint8) for reader in READERS}
    if len(centres):
        z_of = _slices(geometry.affine)
        path = case.labels[REFERENCE]
        for reader, nodules in zip(READERS, _readers(path), strict=False):
            for nodule in nodules:
                points = [(x, y, z_of(mm)) for mm, _, contour in nodule for x, y in contour]
                centre = np.round(np.mean(points, axis=0))
                if np.linalg.norm(centres - centre, axis=1).min() <= RADIUS_VOXELS:
                    _fill(maps[reader], [(round(z_of(mm)), hole, contour) for mm, hole, contour in nodule], path)
    votes = np.stack(list(maps.values())).sum(axis=0, dtype=np.uint8)
    reference: NDArray[np.uint8] = (votes >= 2).astype(np.uint8)
    return {REFERENCE: reference, **maps}


def _centres(case: OriginalCase, affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The annotated centres in voxels, (nodules, 3)."""
    path = case.further["annotations"]
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["seriesuid"] == case.name]
        mm = np.array([[float(row[f"coord{axis}"]) for axis in "XYZ"] for row in rows]).reshape(-1, 3)
    except (KeyError, OSError, TypeError, ValueError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as LUNA16's table of nodules ({error}); download it again.") from error
    origin = affine[:3, 3] * [-1, -1, 1]  # the table is to the left and posterior, as DICOM is
    if case.name in MIRRORED and affine[0, 0] < 0:
        mm[:, :2] = 2 * origin[:2] - mm[:, :2]
    mm[:, :2] *= -1
    return np.asarray(np.round((mm - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T), np.float64)


def _slices(affine: NDArray[np.float64]) -> Any:
    """The function from a height in mm to the number of its slice, not rounded."""
    return lambda mm: (mm - affine[2, 3]) / affine[2, 2]


Roi = tuple[float, bool, list[tuple[int, int]]]


def _readers(path: Path) -> Iterator[list[list[Roi]]]:
    """The nodules of each reader: height in mm, whether it is a hole, and the points of the contour in voxels."""
    if path.stat().st_size > _LARGEST:
        raise UserError(f"{path} is larger than any file of contours; download it again.")
    content = path.read_bytes()
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise UserError(f"{path} defines entities, which no file of LIDC does; do not trust it.")
    try:
        root = ElementTree.fromstring(content)
        for session in root.iter(f"{_NAMESPACE}readingSession"):
            nodules = [
                [_roi(roi) for roi in nodule.iter(f"{_NAMESPACE}roi")]
                for nodule in session.iter(f"{_NAMESPACE}unblindedReadNodule")
            ]
            yield [nodule for nodule in nodules if nodule]
    except (ElementTree.ParseError, TypeError, ValueError) as error:
        raise UserError(f"{path} cannot be read as LIDC's contours ({error}); download it again.") from error


def _roi(roi: ElementTree.Element) -> Roi:
    points = [
        (int(edge.findtext(f"{_NAMESPACE}xCoord", "")), int(edge.findtext(f"{_NAMESPACE}yCoord", "")))
        for edge in roi.iter(f"{_NAMESPACE}edgeMap")
    ]
    if not points:
        raise ValueError("a contour without points")
    hole = roi.findtext(f"{_NAMESPACE}inclusion", "TRUE").strip().upper() == "FALSE"
    return float(roi.findtext(f"{_NAMESPACE}imageZposition", "")), hole, points


def _fill(label: NDArray[np.uint8], contours: list[tuple[int, bool, list[tuple[int, int]]]], path: Path) -> None:
    """Fill contours with their edges; holes last."""
    for z, hole, points in sorted(contours, key=lambda contour: contour[1]):
        if not 0 <= z < label.shape[2]:
            raise UserError(f"{path} has a contour outside of the scan (slice {z}); exclude the scan.")
        picture = Image.new("1", label.shape[:2])
        if len(points) == 1:
            ImageDraw.Draw(picture).point(points, 1)
        else:
            ImageDraw.Draw(picture).polygon(points, fill=1, outline=1)
        label[..., z][np.asarray(picture).T] = 0 if hole else 1


LUNA16 = Layout(
    channels={"CT": r"subset\d/([\d.]+)\.mhd"},
    labels=dict.fromkeys((REFERENCE, *READERS), NEVER),
    raters=READERS,
    mask=r"seg-lungs-LUNA16/([\d.]+)\.mhd",
    mask_values=LUNGS,
    complete=_with_contours,
    draw=_draw,
)
