"""Any text can be printed anywhere, and none steers the terminal."""

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.base.terminal import prepare_streams, without_controls


@pytest.mark.slow
@given(st.text())
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_text_can_be_printed(encoding: str, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        prepare_streams()
        print(text + "\udc80")
        sys.stdout.flush()


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("α·TP ≥ 0.5 → é …", "alpha-TP >= 0.5 -> e ..."),
        ("Schönlieb, mm³", "Schonlieb, mm3"),
        ("損\udc80", "\\u640d\\x80"),
    ],
)
def test_what_a_terminal_lacks_is_spelt(text: str, ascii_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    prepare_streams()
    print(text, end="", flush=True)
    assert stream.buffer.getvalue().decode() == ascii_text  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "shown"), [("é".encode(), "é".encode()), (b"\xc2\x9b[2J", rb"\x9b[2J"), (b"\xff/", rb"\xff/")]
)
def test_names_of_files_are_exact_unless_they_would_steer_the_terminal(
    name: bytes, shown: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    prepare_streams()
    print(name.decode("ascii", "surrogateescape"), end="", flush=True)
    assert stream.buffer.getvalue() == shown  # type: ignore[attr-defined]


def test_streams_without_an_encoding_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", None)
    prepare_streams()
    print("→")


def test_controls_are_shown_and_lines_kept() -> None:
    assert without_controls("a\x1b[2J\x07\u202eb\r\n\tc\x9b") == "a\\x1b[2J\\x07\\u202eb\\r\n\tc\\x9b"
