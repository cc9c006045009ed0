"""What a training cost and how it ended, for the table ``jobs``."""

import platform
import sys
from pathlib import Path

import torch

from nnunet_losses.base.files import write_json
from nnunet_losses.base.names import JOBS_JSON
from nnunet_losses.base.versions import software_versions
from nnunet_losses.nnunet.training.experiment import SOFTWARE
from nnunet_losses.nnunet.training.outcome import Outcome


def write_job(folder: Path, *, seconds: float, epochs: int, outcome: Outcome, device: torch.device) -> None:
    """Write ``jobs.json``.

    Args:
        folder: of the fold.
        seconds: of all epochs, over all resumptions.
        epochs: that were trained.
        outcome: how the training ended, and whether its network collapsed.
        device: on which it ran; memory and name are read from it.
    """
    job = {
        "seconds": seconds,
        "peak_memory_mb": peak_memory_mb(device),
        "device": device.type,
        "hardware": hardware(device),
        "epochs": epochs,
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
