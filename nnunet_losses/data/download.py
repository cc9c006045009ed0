"""Downloads that are complete, looked into, and checked against a checksum; nothing else is kept.

What a broken connection or a killed process leaves behind goes on where it ended, if the server says that its file is
still the same. Proxies are taken from the environment (``HTTPS_PROXY``). ``NNUNET_LOSSES_MIRROR`` names a folder that
is looked into before the web is asked.
"""

import base64
import binascii
import hashlib
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.exceptions import HTTPError, MaxRetryError, ReadTimeoutError, ResponseError
from urllib3.util.retry import Retry

from nnunet_losses.base.disk import on_disk, require_space
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.locks import alone
from nnunet_losses.data.addresses import CHECKSUM, is_web_address

ATTEMPTS = 3
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 20.0
"""A server that sends nothing for so long has stalled."""
LONGEST_WAIT_SECONDS = 60.0
"""A server that asks to come back later than that is not waited for."""
BUSY = (429, 500, 502, 503, 504)
"""Answers after which it makes sense to ask again."""
Check = Callable[[Path], object]
"""Looks into a file and raises a UserError if it is not what it should be."""

MIRROR = "NNUNET_LOSSES_MIRROR"
"""The variable with a folder of files by host and path, as ``wget -x`` makes it: ``example.org/data/a.zip``."""
ZENODO = ("zenodo.org",)
"""Hosts of which an interface tells the checksums of files."""

_PIECE = 1 << 16  # bytes; what a broken connection loses is at most that
_WEB_PAGE = re.compile(rb"\s*(<!doctype html|<html|<head)", re.IGNORECASE)


class ChecksumError(UserError):
    """A file is not the one that its checksum is of."""


def download(
    url: str, target: Path, checksum: str | None, *, check: Check | None = None, progress: bool = True
) -> Path:
    """Download ``url`` to ``target`` unless the right file is already there.

    Without a ``checksum``, the one that the server states is compared, if it states one. Of several processes that want
    one file, one downloads it.

    Args:
        url: its address, http or https.
        target: the file to make.
        checksum: "md5:…", "sha1:…" or "sha256:…"; None if it is unknown.
        check: looks into the file before it is kept.
        progress: show a progress bar.

    Raises:
        UserError: the address cannot be reached, or something else came; nothing of it is kept.
        DiskFullError: there is no space for it.
    """
    with on_disk(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    lock = target.with_name(f".{target.name}.lock")
    with alone(lock):
        if _is_there(target, url, checksum, check):
            return target
        part = _Part(target, url)
        try:
            stated = None if _take_from_mirror(url, part.path) else _fetch(url, part, target, progress)
            _look_into(part.path, url, check)
            _compare(part.path, url, checksum or stated)
        except BaseException as error:
            # Of a wrong file nothing is kept, and on a full disk nothing may stay.
            if not isinstance(error, _CutShortError | KeyboardInterrupt) or not part.note.exists():
                part.remove()
            raise
        with part.path.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(part.path, target)
        part.remove()
        lock.unlink(missing_ok=True)  # whoever waits for it, or makes it anew, finds the target
    return target


def _is_there(target: Path, url: str, checksum: str | None, check: Check | None) -> bool:
    if not target.is_file() or (checksum is not None and file_checksum(target, checksum) != checksum):
        return False
    try:
        _look_into(target, url, check)
    except UserError:  # an earlier version kept whatever came; ask the server again
        return False
    return True


def _compare(path: Path, url: str, checksum: str | None) -> None:
    if checksum is not None and (found := file_checksum(path, checksum)) != checksum:
        raise ChecksumError(
            f"The file from {url} does not have the checksum {checksum} but {found}: it is damaged or was "
            "changed. Nothing was kept; try again, or check the source and correct the data-set file's checksum."
        )


def _take_from_mirror(url: str, path: Path) -> bool:
    """Copy a file of the mirror to ``path``, if it has it."""
    folder = os.environ.get(MIRROR)
    if not folder or not is_web_address(url):
        return False
    parts = urlsplit(url)
    if not parts.hostname or ".." in parts.path.split("/"):
        return False
    file = Path(folder).expanduser() / parts.hostname / parts.path.lstrip("/")
    if not file.is_file():
        return False
    with on_disk(path.parent, file.stat().st_size):
        shutil.copyfile(file, path)
    return True


class _CutShortError(UserError):
    """A download that did not come to its end, and goes on at the next run."""


class _Part:
    """What has come of a file so far, and of which version of it.

    A hidden neighbour of the target, whose name ends like the target's, and a note beside it.
    """

    def __init__(self, target: Path, url: str) -> None:
        self.url = url
        self.path = target.with_name(f".part.{target.name}")
        self.note = target.with_name(f".part.{target.name}.json")

    def remove(self) -> None:
        """Forget all."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def headers(self) -> dict[str, str]:
        """Asks for what is missing, if the file is still the same."""
        version = self._version()
        if version is None:
            return {}
        return {"Range": f"bytes={self.path.stat().st_size}-", "If-Range": version}

    def begin(self, response: requests.Response) -> int:
        """Bytes that are there already, of what the server sends."""
        if response.status_code == requests.codes.partial_content:
            length = self.path.stat().st_size
            if not response.headers.get("Content-Range", "").startswith(f"bytes {length}-"):
                self.remove()
                raise requests.exceptions.ChunkedEncodingError("the server sends another part than was asked for")
            return length
        self.remove()
        tag, date = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
        version = tag if tag and not tag.startswith("W/") else date
        if version and response.headers.get("Accept-Ranges") != "none":
            self.note.write_text(json.dumps({"url": self.url, "version": version}), encoding="utf-8")
        return 0

    def _version(self) -> str | None:
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            return str(note["version"]) if note["url"] == self.url and self.path.stat().st_size else None
        except (OSError, ValueError, LookupError, TypeError):
            return None


def file_checksum(path: Path, kind: str) -> str:
    """The checksum of a file with its kind before it.

    Args:
        path: the file.
        kind: "md5", "sha1" or "sha256"; what follows a colon is ignored.
    """
    algorithm = kind.partition(":")[0]
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


class RecordedChecksums:
    """SHA-256 of files whose source publishes none: recorded at the first download, compared at every later one.

    The file has the form of ``sha256sum``, so ``sha256sum --check`` reads it; commit or share it to pin the data.
    """

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one.

        Raises:
            UserError: a line is not a checksum.
        """
        self.path = path
        self._lock = threading.Lock()
        self.sums: dict[str, str] = {}
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        for number, line in enumerate(lines, start=1):
            if match := re.fullmatch(r"([0-9a-f]{64})\s+(\S.*)", line):
                self.sums[match.group(2)] = match.group(1)
            elif line.strip():
                raise UserError(f"{path}, line {number} is not a checksum in sha256sum's format; correct or remove it.")

    def download(
        self,
        url: str,
        target: Path,
        checksum: str | None = None,
        *,
        check: Check | None = None,
        progress: bool = True,
    ) -> Path:
        """Download to ``target``, beside or below the file of checksums, and record or compare its checksum.

        Threads may do so at the same time. A file whose ``checksum`` is known is compared with that instead.

        Raises:
            UserError: as `download`; a file that ``check`` refuses is neither kept nor recorded.
        """
        if checksum is not None:
            return download(url, target, checksum, check=check, progress=progress)
        name = target.relative_to(self.path.parent).as_posix()
        known = self.sums.get(name)
        if known is not None and check is not None and target.is_file() and not _passes(target, check):
            known = None  # what was recorded was never the right file
        try:
            download(url, target, f"sha256:{known}" if known else None, check=check, progress=progress)
        except ChecksumError as error:
            raise UserError(
                f"The file from {url} is not the file of the first download: it is damaged or was changed. "
                f"Nothing was kept; try again or, if the change is right, remove the line of {name} from {self.path}."
            ) from error
        if known is None:
            digest = file_checksum(target, "sha256").partition(":")[2]
            with self._lock, write_atomically(self.path) as temporary:
                self.sums[name] = digest
                lines = (f"{digest}  {name}\n" for name, digest in sorted(self.sums.items()))
                temporary.write_text("".join(lines), encoding="utf-8")
        return target


def _passes(path: Path, check: Check) -> bool:
    try:
        check(path)
    except UserError:
        return False
    return True


def _look_into(path: Path, url: str, check: Check | None) -> None:
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise UserError(f"{url} sent an empty file; check the address, or try again later.")
    if _WEB_PAGE.match(start):
        raise UserError(
            f"{url} sent a web page instead of the file; if it asks you to log in or to accept terms, download the "
            f"file with your browser and put it into {path.parent}, or else correct the address."
        )
    if check is not None:
        try:
            check(path)
        except UserError as error:
            raise UserError(
                f"The file from {url} is not intact: {error} The server may have cut it short; nothing was kept, so "
                "run the same command again."
            ) from error


class _Patience(Retry):
    """Asks a busy server again after the time that it names, unless that is too long to wait for."""

    def increment(
        self,
        method: Any = None,
        url: Any = None,
        response: Any = None,
        error: Any = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> "_Patience":
        if isinstance(error, ReadTimeoutError):  # a server that has stalled
            raise error
        if response is not None and (self.get_retry_after(response) or 0) > LONGEST_WAIT_SECONDS:
            raise MaxRetryError(_pool, url, ResponseError("too long to wait"))
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def get_retry_after(self, response: Any) -> float | None:
        return _seconds(response.headers.get("Retry-After"))


def _seconds(retry_after: str | None) -> float | None:
    """Seconds to wait by a header Retry-After; None if it says nothing that can be understood."""
    if not retry_after:
        return None
    try:
        return Retry().parse_retry_after(retry_after)
    except (HTTPError, OverflowError, ValueError):
        return None


class _Session(requests.Session):
    """Follows redirections to the web only, and none that gives up encryption."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            here, there = urlsplit(resp.url).scheme, urlsplit(urljoin(resp.url, target)).scheme
            if there not in ("http", "https") or (here == "https" and there == "http"):
                raise UserError(
                    f"{resp.url} redirects to {target}, which is not {here}; such redirections are refused. Check the "
                    "address in the data-set file."
                )
        return target


def _fetch(url: str, part: _Part, target: Path, progress: bool) -> str | None:
    """Write what ``url`` sends to ``part``; gives the checksum that the server states, if it does.

    Raises:
        UserError: it cannot be had; the text tells how to get it to ``target`` otherwise.
        DiskFullError: there is no space for it.
    """
    if not is_web_address(url):
        raise UserError(f"'{url}' is not a web address (http or https); correct it in the data-set file.")
    elsewhere = f"download it elsewhere and put it at {target}"
    patience = _Patience(ATTEMPTS - 1, status_forcelist=BUSY, backoff_factor=0.5, raise_on_status=False)
    with _Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=patience))
        for attempt in range(1, ATTEMPTS + 1):
            try:
                stated = _stream(session, url, part, target, progress)
                break
            except requests.exceptions.ChunkedEncodingError as error:  # the connection broke off
                if attempt == ATTEMPTS:
                    raise _CutShortError(
                        f"The connection to {urlsplit(url).netloc} broke off {ATTEMPTS} times while {url} was being "
                        f"downloaded; try again later, or {elsewhere}."
                    ) from error
                time.sleep(0.5 * attempt)
            except requests.HTTPError as error:
                raise UserError(f"{url} could not be downloaded: {_refusal(error, elsewhere)}") from error
            except requests.TooManyRedirects as error:
                raise UserError(f"{url} redirects endlessly; check the address in the data-set file.") from error
            except (requests.Timeout, requests.ConnectionError) as error:
                stalled = isinstance(error, requests.ReadTimeout) or "Read timed out" in str(error)
                reason = f"the server sent nothing for {SILENCE_SECONDS:g} s" if stalled else "it cannot be reached"
                raise _CutShortError(
                    f"{url} could not be downloaded: {reason} ({_short(error)}); check the network and try again, or "
                    f"{elsewhere}."
                ) from error
            except (requests.RequestException, HTTPError, UnicodeError) as error:
                raise UserError(
                    f"{url} could not be downloaded ({_short(error)}); check the address in the data-set file, or "
                    f"{elsewhere}."
                ) from error
        return stated or _stated_by_zenodo(session, url)


def _stream(session: requests.Session, url: str, part: _Part, target: Path, progress: bool) -> str | None:
    # A server may compress what it sends; then its length says nothing of the file's.
    headers = {"Accept-Encoding": "identity", **part.headers()}
    with session.get(url, stream=True, timeout=(CONNECT_SECONDS, SILENCE_SECONDS), headers=headers) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:  # nothing is missing, or too much
            part.remove()
            raise requests.exceptions.ChunkedEncodingError("the server has no such part")
        response.raise_for_status()
        there = part.begin(response)
        given = response.headers.get("Content-Length", "")
        length = int(given) if given.isascii() and given.isdigit() else 0
        require_space(target.parent, length)
        with (
            on_disk(target.parent, length or None),
            part.path.open("ab" if there else "wb") as file,
            tqdm(
                total=there + length if length else None,
                initial=there,
                unit="B",
                unit_scale=True,
                desc=target.name,
                disable=not progress,
            ) as bar,
        ):
            for piece in response.iter_content(_PIECE):
                file.write(piece)
                bar.update(len(piece))
        return _stated(response)


def _stated(response: requests.Response) -> str | None:
    """The checksum of the whole file that the server states in a header."""
    for answer in (response, *response.history):
        linked = answer.headers.get("X-Linked-ETag", "").strip('"')  # Hugging Face, of large files
        if re.fullmatch("[0-9a-f]{64}", linked):
            return f"sha256:{linked}"
    if response.status_code != requests.codes.ok:  # headers that follow may be of the part that was sent
        return None
    for header, pattern, kind in (
        ("Repr-Digest", r"sha-256=:([\w+/=]+):", "sha256"),  # RFC 9530
        ("Digest", r"(?i:sha-256)=([\w+/=]+)", "sha256"),  # RFC 3230
        ("x-goog-hash", r"md5=([\w+/=]+)", "md5"),  # Google's storage
        ("Content-MD5", r"([\w+/=]+)", "md5"),
    ):
        if match := re.search(pattern, response.headers.get(header, "")):
            try:
                digest = base64.b64decode(match.group(1), validate=True)
            except (binascii.Error, ValueError):
                continue
            if len(digest) == hashlib.new(kind, usedforsecurity=False).digest_size:
                return f"{kind}:{digest.hex()}"
    return None


def _stated_by_zenodo(session: requests.Session, url: str) -> str | None:
    """The checksum that Zenodo's interface states; None if it is another host, or does not answer."""
    parts = urlsplit(url)
    match = re.fullmatch(r"/records?/(\d+)/files/([^/]+)", parts.path)
    if parts.hostname not in ZENODO or match is None:
        return None
    address = f"{parts.scheme}://{parts.netloc}/api/records/{match.group(1)}"
    try:
        answer = session.get(address, timeout=(CONNECT_SECONDS, SILENCE_SECONDS))
        answer.raise_for_status()
        files = {file["key"]: file["checksum"] for file in answer.json()["files"]}
    except (requests.RequestException, HTTPError, ValueError, LookupError, TypeError):
        return None
    checksum = str(files.get(unquote(match.group(2)), ""))
    return checksum if re.fullmatch(CHECKSUM, checksum) else None


def _refusal(error: requests.HTTPError, elsewhere: str) -> str:
    response = error.response
    assert response is not None, "raise_for_status says what it is about"
    status = response.status_code
    if status in (401, 403, 407):
        return f"the server refuses it ({status}), perhaps until you log in or accept terms; do that, and {elsewhere}."
    if status in (404, 410):
        return f"the server does not have it ({status}); correct the address in the data-set file."
    if status in BUSY:
        wait = response.headers.get("Retry-After")
        asks = f" and asks to come back after {wait if not wait.isdigit() else wait + ' s'}" if wait else ""
        return f"the server is busy or out of order ({status}){asks}; run the same command again later."
    return f"the server answers {status} {response.reason}; check the address in the data-set file, or {elsewhere}."


def _short(error: Exception) -> str:
    """The innermost reason, on one line."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[0], BaseException):
        inner = inner.args[0]
    reason = getattr(inner, "reason", None)
    return " ".join(str(reason or inner).split())[:200]
