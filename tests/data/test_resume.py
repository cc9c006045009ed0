"""What was interrupted goes on where it ended, and nothing half-made is taken for the whole."""

import base64
import hashlib
import http.server
import multiprocessing
import os
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.data import download as room
from nnunet_losses.data import unpack as unpacking
from nnunet_losses.data.download import MIRROR, RecordedChecksums, download
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.originals import case, convert, gather

from .originals.replicas import REPLICAS
from .prepared import described, prepare

CONTENT = bytes(range(256)) * 4096  # 1 MiB
PIECE = 1 << 14
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Ranged:
    """A server that knows ranges; ``cuts`` are the lengths after which it breaks off, one for each request."""

    def __init__(self) -> None:
        self.content, self.etag = CONTENT, '"one"'
        self.cuts: list[int] = []
        self.headers: dict[str, str] = {}
        self.paths: list[str] = []
        self.sent = self.asked = 0
        self.pause = 0.0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                outer.answer(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        self.asked += 1
        self.paths.append(handler.path)
        begin = 0
        if handler.headers.get("If-Range") == self.etag:
            begin = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {begin}-{len(self.content) - 1}/{len(self.content)}")
        else:
            handler.send_response(200)
        handler.send_header("Content-Length", str(len(self.content) - begin))
        if self.etag:
            handler.send_header("ETag", self.etag)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        end = self.cuts.pop(0) if self.cuts else len(self.content)
        for start in range(begin, end, 1 << 16):
            piece = self.content[start : min(start + (1 << 16), end)]
            handler.wfile.write(piece)
            self.sent += len(piece)
            time.sleep(self.pause)


@pytest.fixture
def server() -> Iterator[Ranged]:
    ranged = Ranged()
    yield ranged
    ranged.server.shutdown()
    ranged.server.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.time, "sleep", lambda _: None)
    monkeypatch.setattr(room, "_PIECE", PIECE)


def test_a_broken_connection_goes_on_where_it_ended(server: Ranged, tmp_path: Path) -> None:
    server.cuts = [300_000, 700_000]
    assert download(f"{server.address}/a", tmp_path / "a", SHA256, progress=False).read_bytes() == CONTENT
    assert server.asked == 3
    assert server.sent < len(CONTENT) + 2 * PIECE, "but for the last piece before each break, no byte came twice"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_the_next_run_goes_on_as_well(server: Ranged, tmp_path: Path) -> None:
    server.cuts = [300_000, 300_000, 300_000]
    with pytest.raises(UserError, match="broke off 3 times"):
        download(f"{server.address}/a", tmp_path / "a", SHA256, progress=False)
    assert not (tmp_path / "a").exists()
    assert download(f"{server.address}/a", tmp_path / "a", SHA256, progress=False).read_bytes() == CONTENT
    assert server.sent < len(CONTENT) + 3 * PIECE


def test_another_version_of_the_file_is_begun_anew(server: Ranged, tmp_path: Path) -> None:
    server.cuts = [300_000] * 3
    with pytest.raises(UserError, match="broke off"):
        download(f"{server.address}/a", tmp_path / "a", None, progress=False)
    server.content, server.etag = CONTENT[::-1], '"two"'
    assert download(f"{server.address}/a", tmp_path / "a", None, progress=False).read_bytes() == CONTENT[::-1]


def test_without_a_version_it_is_begun_anew(server: Ranged, tmp_path: Path) -> None:
    server.etag, server.cuts = "", [300_000]
    assert download(f"{server.address}/a", tmp_path / "a", SHA256, progress=False).read_bytes() == CONTENT
    assert server.sent == len(CONTENT) + 300_000


@pytest.mark.parametrize("cut", [0, 300_000])
def test_a_wrong_file_leaves_nothing_to_go_on_with(server: Ranged, tmp_path: Path, cut: int) -> None:
    server.content, server.cuts = CONTENT[:-1] + b"?", [cut] if cut else []
    with pytest.raises(UserError, match="does not have the checksum"):
        download(f"{server.address}/a", tmp_path / "a", SHA256, progress=False)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def in_base64(kind: str) -> str:
    return base64.b64encode(hashlib.new(kind, CONTENT).digest()).decode()


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Repr-Digest", f"sha-256=:{in_base64('sha256')}:"),
        ("Digest", f"SHA-256={in_base64('sha256')}"),
        ("Content-MD5", in_base64("md5")),
        ("x-goog-hash", f"crc32c=AAAAAA==,md5={in_base64('md5')}"),
        ("X-Linked-ETag", f'"{SHA256[7:]}"'),
    ],
)
def test_a_checksum_that_the_server_states_is_compared(server: Ranged, tmp_path: Path, header: str, value: str) -> None:
    server.headers = {header: value}
    assert download(f"{server.address}/a", tmp_path / "a", None, progress=False).read_bytes() == CONTENT
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(UserError, match="does not have the checksum"):
        download(f"{server.address}/a", tmp_path / "b", None, progress=False)


def test_headers_that_state_no_checksum_do_no_harm(server: Ranged, tmp_path: Path) -> None:
    server.headers = {"Content-MD5": "===", "Repr-Digest": "sha-256=:AAAA:", "X-Linked-ETag": '"40 hex digits"'}
    assert download(f"{server.address}/a", tmp_path / "a", None, progress=False).read_bytes() == CONTENT


def test_zenodo_is_asked_for_the_checksum(
    web: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, served = web
    (served / "records/7/files").mkdir(parents=True)
    (served / "records/7/files/a b.zip").write_bytes(CONTENT)
    (served / "api/records").mkdir(parents=True)
    answer = '{"files": [{"key": "a b.zip", "checksum": "md5:' + "0" * 32 + '"}]}'
    (served / "api/records/7").write_text(answer)
    monkeypatch.setattr(room, "ZENODO", ("127.0.0.1",))
    with pytest.raises(UserError, match="does not have the checksum md5:0000"):
        download(f"{address}/records/7/files/a%20b.zip?download=1", tmp_path / "a", None, progress=False)
    (served / "api/records/7").write_text("{}")  # an interface that changed is no reason to fail
    assert download(f"{address}/records/7/files/a%20b.zip", tmp_path / "a", None, progress=False).is_file()


def test_a_mirror_is_asked_before_the_web_and_checked_like_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    (tmp_path / "mirror/example.invalid/data").mkdir(parents=True)
    (tmp_path / "mirror/example.invalid/data/a").write_bytes(CONTENT)
    url = "http://example.invalid/data/a"
    assert download(url, tmp_path / "a", SHA256, progress=False).read_bytes() == CONTENT
    with pytest.raises(UserError, match="does not have the checksum"):
        download(url, tmp_path / "b", f"md5:{'0' * 32}", progress=False)
    assert not (tmp_path / "b").exists()


def test_a_mirror_gives_no_file_outside_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    (tmp_path / "mirror/127.0.0.1").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    with pytest.raises(UserError, match="could not be downloaded"):
        download("http://127.0.0.1:9/../../secret", tmp_path / "a", None, progress=False)


def test_many_files_at_once_are_all_recorded(server: Ranged, tmp_path: Path) -> None:
    checksums = RecordedChecksums(tmp_path / "checksums.sha256")
    with gather.ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda n: checksums.download(f"{server.address}/{n}", tmp_path / f"{n}", progress=False), range(12)
            )
        )
    assert len(RecordedChecksums(tmp_path / "checksums.sha256").sums) == 12


def forked(work: Callable[[], object]) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=work, daemon=True)
    process.start()
    return process


def test_of_two_processes_one_downloads(server: Ranged, tmp_path: Path) -> None:
    server.pause = 0.01

    def work() -> None:
        download(f"{server.address}/a", tmp_path / "a", SHA256, progress=False)

    both = [forked(work), forked(work)]
    for process in both:
        process.join(30)
        assert process.exitcode == 0
    assert server.asked == 1
    assert (tmp_path / "a").read_bytes() == CONTENT


def kill_at(place: object, name: str, call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill the process at the so many-th call of a function."""
    original, calls = getattr(place, name), []

    def counting(*args: object, **options: object) -> object:
        calls.append(None)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **options)

    monkeypatch.setattr(place, name, counting)


@pytest.mark.parametrize(
    ("place", "name", "call"),
    [
        (room.requests.Response, "iter_content", 1),  # the file is there, and empty
        (room, "_look_into", 1),  # complete, but not looked into
        (room.os, "replace", 1),
        (unpacking, "_safe_path", 5),  # between two members
        (gather, "unpack", 1),
        (case, "_place", 3),  # between two volumes
        (convert, "write_dataset_json", 1),
    ],
)
def test_after_a_kill_the_rerun_completes(
    place: object, name: str, call: int, web: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, served = web
    REPLICAS["kits19"].build(tmp_path / "published")
    with zipfile.ZipFile(served / "all.zip", "w") as archive:
        for path in sorted((tmp_path / "published").rglob("*")):
            archive.write(path, path.relative_to(tmp_path / "published"))
    original = {**REPLICAS["kits19"].source, "layout": "kits19", "files": [{"url": f"{address}/all.zip"}]}
    content = described({"original": original}, labels={"background": 0, "kidney": 1, "tumour": 2})
    with monkeypatch.context() as patched:
        kill_at(place, name, call, patched)
        process = forked(lambda: prepare(content, tmp_path))
        process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert not (tmp_path / "prepared/Dataset077_Prepared").exists()
    folder = prepare(content, tmp_path)
    assert len(inspect_dataset(folder).cases) == 2
    hidden = [path for path in tmp_path.rglob(".*") if path.suffix != ".lock"]
    assert hidden == [], "what the killed process left is gone"
