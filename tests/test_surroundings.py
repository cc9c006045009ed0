"""Odd machines: no locks, no home, no place for temporary files, a strict umask, ASCII alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nnunet_losses
from nnunet_losses.base.surroundings import surroundings
from nnunet_losses.base.tables.storage import write_tables

from .report.conftest import make_tables


def command(hostile: dict[str, str], folder: Path, *arguments: str | Path, fails: bool = False) -> str:
    """What a command says, to standard error if it must fail."""
    called = [sys.executable, "-c", "from nnunet_losses.cli import app; app()", *map(str, arguments)]
    done = subprocess.run(called, env=hostile, cwd=folder, umask=0o077, capture_output=True, timeout=200, check=False)
    assert done.returncode == fails, done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    return (done.stderr if fails else done.stdout).decode("ascii")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list"], "TverskyTrainer"),
        (["list", "--json"], "\\u03b3"),
        (["describe", "UnifiedFocal"], "lambda-mean_c (1 - TI_c)^(1-gamma)"),
        (["--help"], "describe"),
    ],
)
def test_commands_answer_in_ascii(hostile: dict[str, str], tmp_path: Path, arguments: list[str], said: str) -> None:
    assert said in command(hostile, tmp_path, *arguments)


@pytest.mark.slow
def test_a_comparison_and_its_report_are_written_as_utf8(hostile: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "Läsionen"
    folder.mkdir()
    write_tables(folder / "tables", make_tables(("nnUNetTrainer", "DiceTrainer"), cases=5, metrics=("dice", "recall")))
    made = ("--out", "statistics", "--report", "report", "--title", "Lésions → α")
    told = command(hostile | {"PYTHONUTF8": "1"}, folder, "compare", "tables", *made)
    assert told.endswith("report/report.html\n")
    assert "<title>Lésions → α</title>" in (folder / "report" / "report.html").read_text(encoding="utf-8")
    private = {path.stat().st_mode & 0o077 for path in (folder / "report").rglob("*")}
    assert private == {0}


@pytest.mark.slow
def test_names_that_a_locale_cannot_hold_are_one_sentence(hostile: dict[str, str], tmp_path: Path) -> None:
    write_tables(tmp_path / "Läsionen" / "tables", make_tables(("nnUNetTrainer", "DiceTrainer"), cases=5))
    told = command(hostile, tmp_path / "Läsionen", "compare", "tables", "--out", "statistics", fails=True)
    assert told.splitlines()[-1].endswith("cannot be used in this locale; set the variable PYTHONUTF8=1.")


@pytest.mark.slow
def test_the_doctor_answers(hostile: dict[str, str], tmp_path: Path) -> None:
    from nnunet_losses.nnunet.start_up import VARIABLE, door_folder

    folders = {f"nnUNet_{part}": str(tmp_path) for part in ("raw", "preprocessed", "results")}
    told = command(hostile | folders | {VARIABLE: str(door_folder())}, tmp_path, "doctor")
    assert told.count("ok  ") == 6


def test_an_unwritable_home_moves_the_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "TRITON_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    utf8 = {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert surroundings(tmp_path / "cache") == utf8
    monkeypatch.setenv("HOME", "/dev/null/home")
    monkeypatch.setenv("TRITON_CACHE_DIR", "/own")
    assert surroundings(tmp_path / "cache") == utf8 | {
        "XDG_CACHE_HOME": str(tmp_path / "cache"), "MPLCONFIGDIR": str(tmp_path / "cache" / "matplotlib")
    }  # fmt: skip
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    assert surroundings(tmp_path / "cache") == utf8


@pytest.mark.slow
def test_every_text_file_is_opened_as_utf8() -> None:
    wrong = []
    for path in Path(nnunet_losses.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            keywords = {keyword.arg for keyword in node.keywords}
            modes = [value.value for value in node.args if isinstance(value, ast.Constant)]
            opened = name == "open" and any(mode in ("r", "w", "a", "x", "r+", "a+") for mode in modes)
            if (name in ("read_text", "write_text") or opened) and "encoding" not in keywords:
                wrong.append(f"{path}:{node.lineno}")
    assert not wrong
