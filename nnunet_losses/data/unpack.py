"""Archives are unpacked into their own folder, and only as far as they are of a likely size."""

import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from nnunet_losses.base.disk import bytes_text, disk_full, is_disk_full, require_space
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import unprintable
from nnunet_losses.data.addresses import Limits

GB = 10**9
SMALL = GB // 10
"""Bytes that do no harm, however well they are compressed."""

_PIECE = 1 << 20  # bytes
# What the libraries raise for an archive that is damaged or of another kind.
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RuntimeError,
    IndexError,
    KeyError,
)


def unpack(archive: Path, folder: Path, limits: Limits | None = None) -> None:
    """Unpack the regular files of a .tar (of any compression) or .zip into ``folder``, without macOS's ``._*`` files.

    Args:
        archive: the file.
        folder: where to; it is made.
        limits: what is taken for a decompression bomb.

    Raises:
        UserError: the archive is damaged, encrypted or of another kind, a member is a link or leads out of the folder,
            or it holds more than ``limits`` allow.
        DiskFullError: there is no space for it.
    """
    meter = _Meter(archive, limits or Limits())
    try:
        for name, size, open_member in _members(archive, folder, meter):
            meter.count_file()
            path = _safe_path(archive, name)
            if path.name.startswith("._") or "__MACOSX" in path.parts:
                meter.count_bytes(size)  # passed over, but decompressed all the same
                continue
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with open_member() as source, target.open("wb") as sink:
                while piece := source.read(_PIECE):  # what is declared may be a lie
                    meter.count_bytes(len(piece))
                    sink.write(piece)
    except NotImplementedError as error:
        raise UserError(
            f"{archive} uses a compression that cannot be read here ({error}); unpack it with another program and give "
            "the folder as 'path'."
        ) from error
    except _DAMAGED as error:
        if is_disk_full(error):
            raise disk_full(folder, meter.bytes, more=True) from error
        reason = " ".join(str(error).split())  # tarfile has a line for each compression
        raise UserError(f"{archive} cannot be unpacked ({reason}); remove it and download it again.") from error


class _Meter:
    """Counts what comes out of an archive."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        self.archive, self.limits = archive, limits
        self.packed = archive.stat().st_size
        self.files = self.bytes = 0

    def count_file(self, number: int = 1) -> None:
        """More files come out of it."""
        self.files += number
        if self.files > self.limits.files:
            self._refuse(f"more than {self.limits.files:,} files", "files")

    def count_bytes(self, number: int) -> None:
        """More bytes come out of it."""
        self.bytes += number
        if self.bytes > self.limits.size_gb * GB:
            self._refuse(f"more than {self.limits.size_gb:g} GB", "size_gb")
        if self.bytes > max(SMALL, self.limits.ratio * self.packed):
            self._refuse(f"more than {self.limits.ratio:g} times its own size of {bytes_text(self.packed)}", "ratio")

    def _refuse(self, what: str, key: str) -> None:
        raise UserError(
            f"{self.archive} unpacks to {what}, like an archive made to fill a disk; if you trust it, set a higher "
            f"limit in the data-set file: source.download.limits.{key}."
        )


def _safe_path(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if character := unprintable(name):
        raise UserError(f"{archive} holds {name!a}, with the character {character!a}; do not trust this archive.")
    if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name or ":" in path.parts[0]:
        raise UserError(f"{archive} holds '{name}', which leads out of its folder; do not trust this archive.")
    return path


def _members(archive: Path, folder: Path, meter: _Meter) -> Iterator[tuple[str, int, Callable[[], IO[bytes]]]]:
    """Name, size and opener of every regular file; links and devices are refused, since image data need none."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            infos = [info for info in zipped.infolist() if not info.is_dir()]
            _check_declared(infos, folder, meter)
            for info in infos:
                if (info.external_attr >> 16) & 0o170000 == 0o120000:
                    raise UserError(f"{archive} holds the link {info.filename!a}; do not trust this archive.")
                if info.flag_bits & 1:
                    raise UserError(
                        f"{archive} is encrypted; unpack it with its password and give the folder as 'path'."
                    )
                yield info.filename, info.file_size, partial(zipped.open, info)
        return
    with tarfile.open(archive) as tarred:
        for member in tarred:
            if member.isdir():
                meter.count_file()
                continue
            if not member.isfile():
                raise UserError(
                    f"{archive} holds {member.name!a}, which is a link or a device; do not trust this archive."
                )
            yield member.name, member.size, partial(_extract, tarred, member)


def _check_declared(infos: list[zipfile.ZipInfo], folder: Path, meter: _Meter) -> None:
    """Refuse a zip for what it says of itself, before anything is written."""
    declared = _Meter(meter.archive, meter.limits)
    declared.count_file(len(infos))
    declared.count_bytes(total := sum(info.file_size for info in infos))
    require_space(folder, total)


def _extract(tarred: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    opened = tarred.extractfile(member)
    assert opened is not None, "regular files can be opened"
    return opened
