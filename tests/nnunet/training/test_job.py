"""What a training cost."""

import json
import math
import resource
from pathlib import Path

import pytest
import torch

from nnunet_losses.base.states import RunStatus
from nnunet_losses.nnunet.training import job
from nnunet_losses.nnunet.training.job import hardware, peak_memory_mb, write_job
from nnunet_losses.nnunet.training.outcome import Outcome

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


def test_the_record_holds_what_it_is_given_and_where_it_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "peak_memory_mb", lambda device: 12.5)
    monkeypatch.setattr(job, "hardware", lambda device: f"a {device.type}")
    write_job(tmp_path, seconds=3.5, epochs=7, outcome=Outcome(RunStatus.COMPLETED, collapsed=True), device=CPU)
    record = json.loads((tmp_path / "jobs.json").read_text())
    assert record.pop("versions").keys() == {"nnunet-losses", "python", "nnunetv2", "torch", "numpy"}
    assert record == {
        "seconds": 3.5,
        "peak_memory_mb": 12.5,
        "device": "cpu",
        "hardware": "a cpu",
        "epochs": 7,
        "status": "completed",
        "collapsed": True,
    }


def test_memory_is_that_of_the_gpu_or_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 * 2**20)
    assert peak_memory_mb(GPU) == 3

    class Usage:
        ru_maxrss = 2**21

    monkeypatch.setattr(resource, "getrusage", lambda who: Usage)
    for platform, expected in (("linux", 2048), ("darwin", 2)):  # kilobytes, bytes
        monkeypatch.setattr("sys.platform", platform)
        assert peak_memory_mb(CPU) == expected
    monkeypatch.setattr("sys.platform", "win32")
    assert math.isnan(peak_memory_mb(CPU))


@pytest.mark.parametrize(
    ("cpuinfo", "name"),
    [
        ("processor : 0\nmodel name\t: Fast CPU @ 3 GHz\nmodel name\t: Another\n", "Fast CPU @ 3 GHz"),
        ("nothing of the kind\n", "arm"),
        (None, "arm"),
    ],
)
def test_hardware_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpuinfo: str | None, name: str
) -> None:
    file = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        file.write_text(cpuinfo)
    monkeypatch.setattr(job, "Path", lambda _: file)
    monkeypatch.setattr("platform.processor", lambda: "arm")
    assert hardware(CPU) == name


def test_without_any_name_the_machine_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "Path", lambda _: tmp_path / "nowhere")
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert hardware(CPU) == "x86_64"
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100")
    assert hardware(GPU) == "NVIDIA H100"
