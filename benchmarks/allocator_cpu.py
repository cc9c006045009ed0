"""What keeping freed memory saves in a training step on a CPU: the workflow's settings of glibc beside its defaults.

    python benchmarks/allocator_cpu.py Dataset032_PaintedMS/3d_small Dataset801_HEIMEDExudates/2d_small

writes benchmarks/results/allocator_cpu.json. The data sets are preprocessed already, such as by the studies
`which-loss-*` (nnUNet_raw, nnUNet_preprocessed and nnUNet_results say where). The settings hold for a process from its
start, so each round runs one for each candidate, in turn; CPU time of a step, user and system, the median of rounds.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from bfloat16_cpu import TRAINERS, steps_of
from losses_cpu import hardware

from nnunet_losses.base.files import write_json
from nnunet_losses.nnunet.preparation.threads import KEEP_MEMORY

RESULTS = Path(__file__).parent / "results" / "allocator_cpu.json"
CANDIDATES: dict[str, dict[str, str]] = {
    "defaults": {},
    "kept": {name: str(value) for name, value in KEEP_MEMORY.items()},
}


def time_steps(trainer: str, dataset: str, configuration: str, steps: int) -> dict[str, float]:
    """CPU time (ms) and page faults of a training step in this process, and the most memory it took (MB)."""
    torch.set_num_threads(1)
    step = steps_of(trainer, dataset, configuration)["training step"]
    for _ in range(3):  # the first ones prepare kernels
        step()
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(steps):
        step()
    after = resource.getrusage(resource.RUSAGE_SELF)
    system = after.ru_stime - before.ru_stime
    return {
        "ms": 1000 * (after.ru_utime - before.ru_utime + system) / steps,
        "system_ms": 1000 * system / steps,
        "faults": (after.ru_minflt - before.ru_minflt) / steps,
        "peak_mb": after.ru_maxrss / 1024,
    }


def measure(dataset: str, configuration: str, trainer: str, steps: int, rounds: int) -> dict[str, Any]:
    """The medians of all candidates."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CANDIDATES}
    for _ in range(rounds):
        for name, settings in CANDIDATES.items():
            command = [sys.executable, __file__, f"{dataset}/{configuration}", "--steps", str(steps), "--here", trainer]
            ran = subprocess.run(command, env=os.environ | settings, check=True, stdout=subprocess.PIPE, text=True)
            found[name].append(json.loads(ran.stdout.splitlines()[-1]))
    return {
        name: {what: round(statistics.median(row[what] for row in rows), 1) for what in rows[0]}
        for name, rows in found.items()
    }


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configurations", nargs="+", help="data set/configuration")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--here", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        print(json.dumps(time_steps(given.here, *given.configurations[0].split("/"), given.steps)))
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    content = {
        "hardware": hardware(),
        "libc": " ".join(platform.libc_ver()),
        "torch": version("torch"),
        "steps": given.steps,
        "rounds": given.rounds,
        "rows": [
            {"dataset": dataset, "configuration": configuration, "precision": precision}
            | {"candidates": measure(dataset, configuration, trainer, given.steps, given.rounds)}
            for dataset, configuration in (one.split("/") for one in given.configurations)
            for precision, trainer in TRAINERS.items()
        ],
    }
    write_json(RESULTS, content)
    print(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
