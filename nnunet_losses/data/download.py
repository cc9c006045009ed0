"""Downloads that are complete, checked against a checksum, and unpacked without leaving their folder."""

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

import pooch
import requests

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically


def download(url: str, target: Path, checksum: str | None, *, progress: bool = True) -> Path:
    """Download ``url`` to ``target`` unless it is already there with the right checksum ("md5:…", "sha256:…").

    Raises:
        UserError: the address cannot be reached, or what came has another checksum (nothing is kept then).
    """
    fetcher = pooch.create(
        path=target.parent,
        base_url="",
        registry={target.name: checksum},
        urls={target.name: url},
        retry_if_failed=2,
    )
    try:
        fetcher.fetch(target.name, progressbar=progress)
    except requests.RequestException as error:
        raise UserError(
            f"{url} could not be downloaded ({error}); check the network, or download it elsewhere "
            f"and put it at {target}."
        ) from error
    except ValueError as error:  # pooch says so when the checksum differs
        raise UserError(
            f"What came from {url} does not have the checksum {checksum}: it is damaged or was changed. Nothing was "
            "kept; try again, or check the source and correct the checksum in the data-set file."
        ) from error
    except OSError as error:
        raise UserError(f"{url} could not be stored at {target}: {error}.") from error
    return target


class RecordedChecksums:
    """SHA-256 of files whose source publishes none: recorded at the first download, compared at every later one.

    The file has the form of ``sha256sum``, so ``sha256sum --check`` reads it; commit or share it to pin the data.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.sums = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines if line.strip())}

    def download(self, url: str, target: Path, *, progress: bool = True) -> Path:
        """Download to ``target``, beside or below the file of checksums, and record or compare its checksum."""
        name = target.relative_to(self.path.parent).as_posix()
        known = self.sums.get(name)
        download(url, target, f"sha256:{known}" if known else None, progress=progress)
        if known is None:
            self.sums[name] = pooch.file_hash(str(target), alg="sha256")
            with write_atomically(self.path) as temporary:
                temporary.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(self.sums.items())))
        return target


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the regular files of a .tar (of any compression) or .zip into ``folder``, without macOS's ``._*`` files.

    Raises:
        UserError: the archive is damaged or of another kind, or a member is a link or leads out of the folder.
    """
    try:
        for name, open_member in _members(archive):
            path = PurePosixPath(name)
            if path.name.startswith("._") or "__MACOSX" in path.parts:
                continue
            if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in path.parts[0]:
                raise UserError(f"{archive} holds '{name}', which leads out of its folder; do not trust this archive.")
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with open_member() as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError) as error:
        raise UserError(f"{archive} cannot be unpacked ({error}); remove it and download it again.") from error


def _members(archive: Path) -> Iterator[tuple[str, Callable[[], IO[bytes]]]]:
    """Name and opener of every regular file; links and devices are refused, since image data need none."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if (info.external_attr >> 16) & 0o170000 == 0o120000:
                    raise UserError(f"{archive} holds the link '{info.filename}'; do not trust this archive.")
                if not info.is_dir():
                    yield info.filename, partial(zipped.open, info)
        return
    with tarfile.open(archive) as tarred:
        for member in tarred:
            if member.isdir():
                continue
            if not member.isfile():
                raise UserError(
                    f"{archive} holds '{member.name}', which is a link or a device; do not trust this archive."
                )
            yield member.name, partial(_extract, tarred, member)


def _extract(tarred: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    opened = tarred.extractfile(member)
    assert opened is not None, "regular files can be opened"
    return opened
