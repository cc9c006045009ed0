"""DICOM series, each file of which is looked at first: else a damaged slice would silently be left out."""

import re
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the library's own habit

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import readable

_MAGIC = slice(128, 132)
_SYNTAX = re.compile(rb"\x02\x00\x10\x00UI(.)(.)([\d.]+)", re.DOTALL)
_EXPLICIT, _IMPLICIT = b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2"
"""Transfer syntaxes without compression, little-endian: the length of the pixels follows from their number."""
_PIXELS = re.compile(rb"\xe0\x7f\x10\x00(?:O[BW]\x00\x00)?(....)", re.DOTALL)
_UNEVEN = 0.1
"""Distances between slices may differ by that part of their median."""


def read_series(folder: Path) -> sitk.Image:
    """The volume of a folder that holds one DICOM series.

    Raises:
        UserError: it holds no series or several, a file of it is damaged, or slices are missing.
    """
    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if len(series) != 1:
        held = f"{len(series)} DICOM series" if series else "no DICOM series"
        raise UserError(f"The folder {folder} holds {held}; give a folder with the files of one series.")
    paths = [Path(name) for name in sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0])]
    _refuse_left_out(folder, paths)
    places = [place for path in paths if (place := _look_at(path)) is not None]
    if len(places) == len(paths):
        _refuse_gaps(folder, np.array(places))
    with readable(folder):
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(list(map(str, paths)))
        return reader.Execute()


def _refuse_left_out(folder: Path, paths: Sequence[Path]) -> None:
    """Refuse a file that is DICOM by its first bytes or its name, but not part of the series that the library found."""
    known = {path.name for path in paths}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith(".") or path.name in known or path.name == "DICOMDIR":
            continue
        with path.open("rb") as file:
            head = file.read(_MAGIC.stop)
        if head[_MAGIC] == b"DICM" or path.suffix.lower() == ".dcm":
            raise UserError(f"{path} is damaged, or no image of the series beside it; copy it again, or remove it.")


def _look_at(path: Path) -> tuple[float, ...] | None:
    """The place of a slice in mm, if it is stated.

    Raises:
        UserError: the file cannot be read, or holds fewer or more pixels than it says.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    with readable(path):
        reader.ReadImageInformation()
    pixels = _bytes_of_pixels(reader)
    content = path.read_bytes()
    syntax = _SYNTAX.search(content[:4096])
    if pixels and syntax and syntax.group(3).rstrip(b".") in (_EXPLICIT, _IMPLICIT):
        ends = [(match.end(), *struct.unpack("<I", match.group(1))) for match in _PIXELS.finditer(content)]
        if not any(length >= pixels and end + length <= len(content) for end, length in ends):
            raise UserError(f"{path} does not hold the {pixels:,} bytes of pixels that it promises; copy it again.")
    place = _numbers(reader, "0020|0032")
    return place if len(place) == 3 else None


def _bytes_of_pixels(reader: sitk.ImageFileReader) -> int:
    """How many bytes the pixels take without compression; 0 if the header does not say so."""
    rows, columns, bits = (_numbers(reader, tag) for tag in ("0028|0010", "0028|0011", "0028|0100"))
    if not (rows and columns and bits):
        return 0
    samples, frames = (_numbers(reader, tag) or (1.0,) for tag in ("0028|0002", "0028|0008"))
    return int(rows[0] * columns[0] * samples[0] * frames[0] * bits[0]) // 8


def _numbers(reader: sitk.ImageFileReader, tag: str) -> tuple[float, ...]:
    if not reader.HasMetaDataKey(tag):
        return ()
    try:
        return tuple(float(part) for part in reader.GetMetaData(tag).split("\\"))
    except ValueError:
        return ()


def _refuse_gaps(folder: Path, places: np.ndarray) -> None:
    """Refuse slices that are not evenly spaced: the volume's header has one distance for all."""
    if len(places) < 3:
        return
    gaps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    usual = float(np.sort(gaps)[(len(gaps) - 1) // 2])
    if usual and np.abs(gaps - usual).max() > _UNEVEN * usual:
        where = int(np.abs(gaps - usual).argmax())
        raise UserError(
            f"The slices in {folder} are not evenly spaced: {gaps[where]:.3g} mm after slice {where + 1}, usually "
            f"{usual:.3g} mm. Complete the series, or resample it."
        )
