"""The GPUs of this machine: how many a study may use, and which one a job gets."""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nnunet_losses.base.locks import release, take_lock

VISIBLE = "CUDA_VISIBLE_DEVICES"
_LOOK_EVERY_S = 2.0


def visible_gpus(environment: Mapping[str, str] = os.environ) -> tuple[str, ...] | None:
    """The GPUs that a process may use, as ``CUDA_VISIBLE_DEVICES`` calls them; None if nobody can tell.

    A scheduler names them in that variable; otherwise NVIDIA's driver lists them.
    """
    if (named := environment.get(VISIBLE)) is not None:
        words = [word.strip() for word in named.split(",")]
        return tuple(word for word in words if word and word != "-1")
    try:
        command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return tuple(line.strip() for line in listed.splitlines() if line.strip().isdigit())


def gpus_at_once(device: str) -> int:
    """How many jobs may use a GPU at the same time on this machine.

    Args:
        device: "cuda", "mps" or "cpu".
    """
    gpus = visible_gpus() if device == "cuda" else None
    return 1 if gpus is None else len(gpus)


def gpu_busy(gpu: str) -> float | None:
    """The share of time for which a GPU was busy just now, as NVIDIA's driver counts it; None if it does not answer.

    Args:
        gpu: its number or UUID.
    """
    command = ["nvidia-smi", f"--id={gpu}", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return float(done.stdout) / 100
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


@contextmanager
def one_gpu(device: str) -> Iterator[dict[str, str]]:
    """Reserve a GPU of this machine; give the variable that pins a process to it.

    Nothing is reserved where there is no choice: one GPU or none, another device, a driver that does not answer. Jobs
    of all studies of one user see each other's reservations, which end with their process. If all are taken, it waits.
    """
    gpus = visible_gpus() if device == "cuda" else None
    if gpus is None or len(gpus) < 2:
        yield {}
        return
    user = re.sub(r"\W", "_", str(os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")))
    folder = Path(tempfile.gettempdir(), f"nnunet-losses-{user}", "gpus")
    while True:
        for gpu in gpus:
            if (lock := take_lock(folder / f"{re.sub(r'[^A-Za-z0-9-]', '_', gpu)}.lock")) is not None:
                try:
                    yield {VISIBLE: gpu}
                finally:
                    release(lock)
                return
        time.sleep(_LOOK_EVERY_S)
