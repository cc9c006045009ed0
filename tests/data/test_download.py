"""What a server sends is kept only if it is the file; everything else is one sentence, soon."""

import errno
import gzip
import hashlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nnunet_losses.base.disk import DiskFullError
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import check_intact
from nnunet_losses.data import download as room
from nnunet_losses.data.download import RecordedChecksums, download

Web = tuple[str, Path]
Handler = http.server.BaseHTTPRequestHandler
Answer = Callable[[Handler], object]


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were to be waited between attempts; nobody waits."""
    seconds: list[float] = []
    monkeypatch.setattr("time.sleep", lambda s: seconds.append(s))
    return seconds


class Scripted:
    """A server that answers as told, the last answer again and again; ``asked`` counts the requests."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked = 0
        self.released = threading.Event()
        script = self

        class Scripting(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                answer = script.answers[min(script.asked, len(script.answers) - 1)]
                script.asked += 1
                answer(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripting)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    yield server
    server.released.set()
    server.server.shutdown()
    server.server.server_close()


def answer(status: int, content: bytes = b"", length: int | None = -1, **headers: str) -> Answer:
    """Send this; ``length`` is what the header says, None for no header."""

    def send(handler: Handler) -> None:
        handler.send_response(status)
        if length is not None:
            handler.send_header("Content-Length", str(len(content) if length == -1 else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return send


def kept_in(folder: Path) -> list[Path]:
    """All files but locks."""
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_a_download_with_the_right_checksum_is_kept_and_not_repeated(web: Web, tmp_path: Path) -> None:
    address, served = web
    (served / "data.bin").write_bytes(b"lesions")
    target = tmp_path / "downloads" / "data.bin"
    download(f"{address}/data.bin", target, sha256(b"lesions"), progress=False)
    (served / "data.bin").unlink()
    assert download(f"{address}/data.bin", target, sha256(b"lesions"), progress=False).read_bytes() == b"lesions"


def test_md5_is_accepted(web: Web, tmp_path: Path) -> None:
    address, served = web
    (served / "data.bin").write_bytes(b"lesions")
    checksum = f"md5:{hashlib.md5(b'lesions').hexdigest()}"
    assert download(f"{address}/data.bin", tmp_path / "data.bin", checksum, progress=False).exists()


def test_a_wrong_checksum_keeps_nothing(web: Web, tmp_path: Path) -> None:
    address, served = web
    (served / "data.bin").write_bytes(b"something else")
    with pytest.raises(UserError, match="does not have the checksum sha256:"):
        download(f"{address}/data.bin", tmp_path / "downloads/data.bin", sha256(b"lesions"), progress=False)
    assert kept_in(tmp_path / "downloads") == []


def test_a_damaged_earlier_download_is_replaced(web: Web, tmp_path: Path) -> None:
    address, served = web
    (served / "data.bin").write_bytes(b"lesions")
    target = tmp_path / "data.bin"
    target.write_bytes(b"lesi")
    assert download(f"{address}/data.bin", target, sha256(b"lesions"), progress=False).read_bytes() == b"lesions"


def test_what_cannot_be_reached_says_where_to_put_the_file(tmp_path: Path) -> None:
    address = "http://127.0.0.1:9"
    target = tmp_path / "downloads/absent.bin"
    with pytest.raises(UserError, match=r"absent\.bin could not be downloaded: it cannot be reached .*put it at"):
        download(f"{address}/absent.bin", target, sha256(b""), progress=False)


def test_unknown_checksums_are_recorded_and_compared_later(web: Web, tmp_path: Path) -> None:
    address, served = web
    (served / "a.bin").write_bytes(b"first")
    lock = tmp_path / "checksums.sha256"
    target = tmp_path / "images/a.bin"
    RecordedChecksums(lock).download(f"{address}/a.bin", target, progress=False)
    assert lock.read_text() == f"{hashlib.sha256(b'first').hexdigest()}  images/a.bin\n"
    target.unlink()
    (served / "a.bin").write_bytes(b"changed by its author")
    with pytest.raises(UserError, match="is not the file of the first download"):
        RecordedChecksums(lock).download(f"{address}/a.bin", target, progress=False)
    assert not target.exists()


def image(path: Path) -> bytes:
    """The content of a sound compressed NIfTI file."""
    nib.save(nib.Nifti1Image(np.random.default_rng(0).integers(0, 99, (9, 9, 9), np.int16), np.eye(4)), path)
    content = path.read_bytes()
    path.unlink()
    return content


@pytest.fixture
def sound(tmp_path: Path) -> bytes:
    return image(tmp_path / "sound.nii.gz")


def record(scripted: Scripted, tmp_path: Path) -> Path:
    recorded = RecordedChecksums(tmp_path / "kept/checksums.sha256")
    target = tmp_path / "kept/imagesTr/a_0000.nii.gz"
    return recorded.download(f"{scripted.address}/a", target, check=check_intact, progress=False)


LOGIN = b"<!DOCTYPE html><html><body>Please log in.</body></html>"


@pytest.mark.parametrize("what", ["cut short", "a login page", "a web page in gzip", "an empty file", "a flipped bit"])
def test_what_is_no_image_is_neither_kept_nor_recorded_and_asked_for_again(
    scripted: Scripted, tmp_path: Path, sound: bytes, what: str
) -> None:
    flipped = bytearray(sound)
    flipped[len(sound) // 2] ^= 4
    content = {
        "cut short": sound[:-40],
        "a login page": LOGIN,
        "a web page in gzip": gzip.compress(LOGIN),
        "an empty file": b"",
        "a flipped bit": bytes(flipped),
    }[what]
    scripted.answers = [answer(200, content, length=None), answer(200, sound)]
    with pytest.raises(UserError, match="sent a web page|is not intact|sent an empty file"):
        record(scripted, tmp_path)
    assert kept_in(tmp_path / "kept") == []
    assert record(scripted, tmp_path).read_bytes() == sound
    assert scripted.asked == 2


def test_a_wrong_file_that_was_recorded_earlier_is_replaced_with_its_checksum(
    scripted: Scripted, tmp_path: Path, sound: bytes
) -> None:
    target = tmp_path / "kept/imagesTr/a_0000.nii.gz"
    target.parent.mkdir(parents=True)
    target.write_bytes(LOGIN)
    checksums = tmp_path / "kept/checksums.sha256"
    checksums.write_text(f"{hashlib.sha256(LOGIN).hexdigest()}  imagesTr/a_0000.nii.gz\n")
    scripted.answers = [answer(200, sound)]
    assert record(scripted, tmp_path).read_bytes() == sound
    assert hashlib.sha256(sound).hexdigest() in checksums.read_text()


def test_a_changed_file_names_the_line_to_remove(scripted: Scripted, tmp_path: Path, sound: bytes) -> None:
    scripted.answers = [answer(200, sound)]
    record(scripted, tmp_path).unlink()
    scripted.answers = [answer(200, gzip.compress(gzip.decompress(sound), 1))]
    with pytest.raises(UserError, match=r"remove the line of imagesTr/a_0000.nii.gz from .*checksums.sha256"):
        record(scripted, tmp_path)


def test_a_file_of_checksums_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "checksums.sha256").write_text("\nhello\n")
    with pytest.raises(UserError, match=r"checksums.sha256, line 2 is not a checksum"):
        RecordedChecksums(tmp_path / "checksums.sha256")


def test_a_web_page_is_never_taken_for_an_archive(scripted: Scripted, tmp_path: Path) -> None:
    scripted.answers = [answer(200, b"\n  " + LOGIN)]
    with pytest.raises(UserError, match=r"sent a web page instead of the file; if it asks you to log in"):
        download(scripted.address, tmp_path / "a.tar", sha256(b"x"), progress=False)
    assert kept_in(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "the server refuses it (401), perhaps until you log in"),
        (403, "the server refuses it (403), perhaps until you log in"),
        (404, "the server does not have it (404); correct the address"),
        (410, "the server does not have it (410); correct the address"),
        (418, "the server answers 418"),
    ],
)
def test_a_refusal_is_final(
    scripted: Scripted, tmp_path: Path, waited: list[float], status: int, sentence: str
) -> None:
    scripted.answers = [answer(status)]
    with pytest.raises(UserError) as refusal:
        download(f"{scripted.address}/a.tar", tmp_path / "a.tar", None, progress=False)
    assert sentence in str(refusal.value)
    assert (scripted.asked, waited) == (1, [])


def test_a_busy_server_is_asked_again_after_the_time_it_names(
    scripted: Scripted, tmp_path: Path, waited: list[float]
) -> None:
    scripted.answers = [answer(503, Retry_After="7"), answer(429, Retry_After="3"), answer(200, b"lesions")]
    target = download(scripted.address, tmp_path / "a.bin", sha256(b"lesions"), progress=False)
    assert target.read_bytes() == b"lesions"
    assert waited == [7, 3]


def test_a_server_that_is_busy_for_long_is_not_waited_for(
    scripted: Scripted, tmp_path: Path, waited: list[float]
) -> None:
    scripted.answers = [answer(503, Retry_After="3600")]
    with pytest.raises(
        UserError, match=r"busy or out of order \(503\) and asks to come back after 3600 s; run the same"
    ):
        download(scripted.address, tmp_path / "a.bin", None, progress=False)
    assert (scripted.asked, waited) == (1, [])


@pytest.mark.parametrize("header", ["soon", "-5", "9" * 400])
def test_a_time_that_cannot_be_understood_does_no_harm(scripted: Scripted, tmp_path: Path, header: str) -> None:
    scripted.answers = [answer(503, Retry_After=header)]
    with pytest.raises(UserError, match="the server is busy or out of order"):
        download(scripted.address, tmp_path / "a.bin", None, progress=False)


def test_a_stalled_server_is_given_up_once(scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SILENCE_SECONDS", 0.2)
    for before in (False, True):

        def stall(handler: Handler, before: bool = before) -> None:
            if not before:
                answer(200, b"x", length=100)(handler)
                handler.wfile.flush()
            scripted.released.wait(20)

        scripted.answers, scripted.asked = [stall], 0
        started = time.monotonic()
        with pytest.raises(UserError, match=r"the server sent nothing for 0.2 s"):
            download(scripted.address, tmp_path / "a.bin", None, progress=False)
        assert time.monotonic() - started < 5
        assert scripted.asked == 1
    assert kept_in(tmp_path) == []


def test_a_connection_that_breaks_off_is_begun_again(scripted: Scripted, tmp_path: Path) -> None:
    scripted.answers = [answer(200, b"les", length=7), answer(200, b"lesions")]
    target = download(scripted.address, tmp_path / "a.bin", sha256(b"lesions"), progress=False)
    assert target.read_bytes() == b"lesions"
    scripted.answers, scripted.asked = [answer(200, b"les", length=7)], 0
    with pytest.raises(UserError, match="broke off 3 times"):
        download(scripted.address, tmp_path / "b.bin", None, progress=False)
    assert scripted.asked == 3


def test_redirections_stay_in_the_web(scripted: Scripted, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for place in (f"file://{tmp_path}/secret", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"):
        scripted.answers = [answer(302, Location=place)]
        with pytest.raises(UserError, match=r"redirects to .* such redirections are refused"):
            download(scripted.address, tmp_path / "a.bin", None, progress=False)
    scripted.answers, scripted.asked = [answer(302, Location="/there"), answer(200, b"lesions")], 0
    assert download(scripted.address, tmp_path / "a.bin", None, progress=False).read_bytes() == b"lesions"
    scripted.answers = [answer(302, Location="/there")]
    with pytest.raises(UserError, match="redirects endlessly"):
        download(scripted.address, tmp_path / "b.bin", None, progress=False)


def test_a_redirection_never_gives_up_encryption() -> None:
    response = room.requests.Response()
    response.status_code, response.url = 302, "https://example.org/a"
    response.headers["Location"] = "http://example.org/b"
    with pytest.raises(UserError, match="which is not https; such redirections are refused"):
        room._Session().get_redirect_target(response)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/data/a.tar", "ftp://x/a.tar", "", "http://[", "http://"])
def test_other_addresses_are_one_sentence(tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError, match=r"is not a web address|could not be downloaded"):
        download(url, tmp_path / "a.tar", None, progress=False)
    assert kept_in(tmp_path) == []


def test_a_file_larger_than_the_disk_is_refused_before_it_is_fetched(scripted: Scripted, tmp_path: Path) -> None:
    scripted.answers = [answer(200, b"x", length=10**18)]
    with pytest.raises(
        DiskFullError, match=r"not enough space for .*: 1000000.0 TB are needed, .* are free. Free some"
    ):
        download(scripted.address, tmp_path / "a.bin", None, progress=False)


def test_a_full_disk_keeps_what_was_there(scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"damaged")
    scripted.answers = [answer(200, b"lesions")]

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(DiskFullError, match="7 bytes are needed"):
        patch.setattr(room.tqdm, "update", full)
        download(scripted.address, target, sha256(b"lesions"), progress=False)
    assert target.read_bytes() == b"damaged"
    assert download(scripted.address, target, sha256(b"lesions"), progress=False).read_bytes() == b"lesions"
