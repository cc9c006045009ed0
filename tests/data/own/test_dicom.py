"""Damaged DICOM files are refused by name; ITK alone leaves them out, or reads what follows as pixels."""

import locale
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.own.dicom import read_series

ROWS, COLUMNS = 16, 12


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """Four slices, 2 mm apart."""
    before = locale.setlocale(locale.LC_ALL)  # writing DICOM (not reading it) changes that of the whole process
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    folder = tmp_path / "series"
    folder.mkdir()
    for number in range(4):
        image = sitk.GetImageFromArray(np.full((1, ROWS, COLUMNS), 100 * number + 5, np.int16))[:, :, 0]
        tags = {
            "0020|000d": "1.2.3.4",
            "0020|000e": "1.2.3.4.5",
            "0008|0018": f"1.2.3.4.5.{number}",
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0060": "CT",
            "0020|0032": f"0\\0\\{2 * number}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{number}.dcm"))
        writer.Execute(image)
    locale.setlocale(locale.LC_ALL, before)
    return folder


def change(path: Path, tag: bytes, after: int, value: bytes) -> None:
    content = bytearray(path.read_bytes())
    place = content.index(tag) + after
    content[place : place + len(value)] = value
    path.write_bytes(bytes(content))


def test_a_sound_series_is_read_whole(series: Path) -> None:
    (series / "LICENSE").write_text("free")
    image = read_series(series)
    assert sitk.GetArrayFromImage(image)[:, 0, 0].tolist() == [5, 105, 205, 305]
    assert image.GetSpacing() == (1, 1, 2)


PIXELS, ROWS_TAG = b"\xe0\x7f\x10\x00", b"\x28\x00\x10\x00"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:-200]), r"2\.dcm is damaged, or no image of the series"),
        (lambda p: p.write_bytes(p.read_bytes()[:200]), r"2\.dcm is damaged, or no image of the series"),
        (lambda p: change(p, PIXELS, 4, struct.pack("<I", 0x7FFFFFF0)), r"2\.dcm is damaged, or no image"),
        (lambda p: change(p, PIXELS, 4, struct.pack("<I", 64)), r"2\.dcm is damaged, or no image"),
        (lambda p: change(p, ROWS_TAG, 8, struct.pack("<H", 60000)), r"2\.dcm does not hold the 1,440,000 bytes"),
        (lambda p: p.unlink(), r"not evenly spaced: 4 mm after slice 2, usually 2 mm"),
    ],
    ids=["cut", "header alone", "length too long", "length too short", "more rows than pixels", "slice missing"],
)
def test_a_damaged_slice_is_refused_by_name(series: Path, damage: Callable[[Path], object], sentence: str) -> None:
    damage(series / "2.dcm")
    before = sorted(path.name for path in series.parent.rglob("*"))
    with pytest.raises(UserError, match=sentence):
        read_series(series)
    assert sorted(path.name for path in series.parent.rglob("*")) == before


def test_any_cut_or_flipped_byte_of_the_header_is_read_or_refused_in_one_sentence(series: Path) -> None:
    sound = (series / "1.dcm").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        content = bytearray(sound)
        for place in rng.integers(132, len(sound), 3):
            content[place] = rng.integers(256)
        (series / "1.dcm").write_bytes(bytes(content[: rng.integers(140, len(sound) + 1)]))
        with suppress(UserError):
            read_series(series)
