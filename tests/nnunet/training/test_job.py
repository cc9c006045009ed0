"""What a training cost."""

import json
import math
import resource
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from nnunet_losses.base.states import RunStatus
from nnunet_losses.nnunet.training import job, starts
from nnunet_losses.nnunet.training.job import Meter, hardware, peak_memory_mb, write_job
from nnunet_losses.nnunet.training.outcome import Outcome
from nnunet_losses.nnunet.training.starts import note_start, summary_of_starts

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


def test_the_record_holds_what_it_is_given_and_where_it_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "peak_memory_mb", lambda device: 12.5)
    monkeypatch.setattr(job, "hardware", lambda device: f"a {device.type}")
    write_job(
        tmp_path,
        seconds=3.5,
        epochs=7,
        outcome=Outcome(RunStatus.COMPLETED, collapsed=True),
        device=CPU,
        utilisation=0.5,
    )
    record = json.loads((tmp_path / "jobs.json").read_text())
    assert record.pop("versions").keys() == {"nnunet-losses", "python", "nnunetv2", "torch", "numpy"}
    assert record == {
        "seconds": 3.5,
        "peak_memory_mb": 12.5,
        "device": "cpu",
        "hardware": "a cpu",
        "epochs": 7,
        "utilisation": 0.5,
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


def test_a_meter_tells_how_busy_the_cpu_or_the_gpu_was(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter(CPU)
    deadline = time.process_time() + 0.2
    while time.process_time() < deadline:
        pass
    assert 0 < meter.share() <= 1
    answers, asked = [0.2, 0.6, None], threading.Event()
    monkeypatch.setattr(job, "SAMPLE_EVERY_S", 0)

    def busy(gpu: str) -> float | None:
        assert gpu == "GPU-1b"
        if len(answers) == 1:
            asked.set()
        return answers.pop(0)

    monkeypatch.setattr(job, "gpu_busy", busy)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="1b"))
    meter = Meter(GPU)
    assert asked.wait(10)
    assert meter.share() == pytest.approx(0.4)


def test_starts_are_counted_with_their_time_in_the_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(math.isnan(value) for value in summary_of_starts(tmp_path).values())
    for seconds in (60.0, None, 30.0):
        monkeypatch.setattr(starts, "queued_seconds", lambda seconds=seconds: seconds)
        note_start(tmp_path, 0)
    with (tmp_path / "starts.jsonl").open("a") as file:
        file.write('{"time": 1')  # of a process that was killed
    assert summary_of_starts(tmp_path) == {"resumes": 2, "queued_seconds": 90}
