"""Which GPUs there are, and that no two jobs get the same."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nnunet_losses.machines import gpus
from nnunet_losses.machines.gpus import gpus_at_once, one_gpu, visible_gpus

HOLD = """
import sys
from nnunet_losses.machines.gpus import one_gpu
with one_gpu("cuda") as variable:
    print(variable["CUDA_VISIBLE_DEVICES"], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with two of them, whose reservations nobody else sees."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,GPU-1b/2")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize(("word", "there"), [("0,1", ("0", "1")), ("", ()), ("-1", ()), ("GPU-7", ("GPU-7",))])
def test_the_variable_says_which_gpus_there_are(word: str, there: tuple[str, ...]) -> None:
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": word}) == there


def test_otherwise_the_driver_does(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = subprocess.CompletedProcess([], 0, "0\n1\n2\n")
    monkeypatch.setattr(gpus.subprocess, "run", lambda *_, **__: answer)
    assert visible_gpus({}) == ("0", "1", "2")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert (gpus_at_once("cuda"), gpus_at_once("cpu"), gpus_at_once("mps")) == (3, 1, 1)


def test_without_a_driver_that_answers_one_job_at_a_time_takes_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", "")
    assert gpus_at_once("cuda") == 1
    with one_gpu("cuda") as variable:
        assert variable == {}


@pytest.mark.usefixtures("two_gpus")
def test_each_job_gets_a_gpu_of_its_own_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    first = start()
    assert first.stdout is not None and first.stdout.readline().strip() == "0"
    second = start()
    assert second.stdout is not None and second.stdout.readline().strip() == "GPU-1b/2"
    waits = []
    monkeypatch.setattr(gpus.time, "sleep", lambda _: (waits.append(1), first.kill(), first.wait()))
    with one_gpu("cuda") as variable:
        assert waits and variable == {"CUDA_VISIBLE_DEVICES": "0"}
    second.kill()
    second.wait()
