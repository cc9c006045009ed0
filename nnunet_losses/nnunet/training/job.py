"""What a training cost and how it ended, for the table ``jobs``."""

import math
import platform
import sys
import threading
import time
from pathlib import Path

import torch

from nnunet_losses.base.files import write_json
from nnunet_losses.base.names import JOBS_JSON
from nnunet_losses.base.versions import software_versions
from nnunet_losses.machines.gpus import gpu_busy
from nnunet_losses.nnunet.training.experiment import SOFTWARE
from nnunet_losses.nnunet.training.outcome import Outcome

SAMPLE_EVERY_S = 15


class Meter:
    """How busy the device is while a training runs: the mean of the driver's samples, or CPU time of all its threads.

    Args:
        device: that is looked at from now on, now and then.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._started, self._cpu = time.monotonic(), time.process_time()
        self._samples: list[float] = []
        if device.type == "cuda":
            threading.Thread(target=self._watch, daemon=True).start()

    def share(self) -> float:
        """From 0 to 1; NaN where nobody can tell."""
        if self._device.type == "cpu":
            seconds = (time.monotonic() - self._started) * torch.get_num_threads()
            return min(1.0, (time.process_time() - self._cpu) / seconds) if seconds else float("nan")
        return sum(self._samples) / len(self._samples) if self._samples else float("nan")

    def _watch(self) -> None:
        gpu = f"GPU-{torch.cuda.get_device_properties(self._device).uuid}"
        while (busy := gpu_busy(gpu)) is not None:
            self._samples.append(busy)
            time.sleep(SAMPLE_EVERY_S)


def write_job(
    folder: Path, *, seconds: float, epochs: int, outcome: Outcome, device: torch.device, utilisation: float
) -> None:
    """Write ``jobs.json``.

    Args:
        folder: of the fold.
        seconds: of all epochs, over all resumptions.
        epochs: that were trained.
        outcome: how the training ended, and whether its network collapsed.
        device: on which it ran; memory and name are read from it.
        utilisation: of the device since the last start, from 0 to 1; NaN if unknown.
    """
    job = {
        "seconds": seconds,
        "peak_memory_mb": peak_memory_mb(device),
        "device": device.type,
        "hardware": hardware(device),
        "epochs": epochs,
        "utilisation": None if math.isnan(utilisation) else utilisation,
        **outcome._asdict(),
        "versions": software_versions(SOFTWARE),
    }
    write_json(folder / JOBS_JSON, job)


def peak_memory_mb(device: torch.device) -> float:
    """Most memory held so far: on the GPU by tensors, otherwise by this process (resident)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform == "win32":
        return float("nan")  # Windows keeps no such count
    import resource

    kilobyte = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobyte / 2**20


def hardware(device: torch.device) -> str:
    """Name of the GPU or of the CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else [])
        if line.startswith("model name")
    ]
    return names[0] if names else platform.processor() or platform.machine()
