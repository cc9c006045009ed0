"""Time and memory of the losses on the CPU, beside nnU-Net's Dice loss and MONAI's same loss in the same run.

    python benchmarks/losses_cpu.py                       # writes benchmarks/results/losses_cpu.json, in minutes
    python benchmarks/performance_page.py                 # writes docs/performance.md from the results

Forward and backward of a batch of two, C = 3 at 96³ and C = 16 at 64³, one thread; rounds go through all candidates
in turn, so that whatever else the machine does falls on all of them, each round in an order of its own: a call's
time depends on which ran before it. Times are CPU time of the process, the median
of the rounds. Extra peak memory is that of resident memory over the state before the call, in a process of its own.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai import losses as monai
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from nnunetv2.utilities.helpers import softmax_helper_dim1
from torch import Tensor, nn

from nnunet_losses.base.files import write_atomically
from nnunet_losses.losses import CATALOGUE, inverse_weights, label_components
from nnunet_losses.nnunet.training import job

PROBLEMS = {"C=3, 96³": (3, 96), "C=16, 64³": (16, 64)}
TARGETS = {"C=3, 96³": {"nnunet": 1.0, "monai": 0.6}, "C=16, 64³": {"nnunet": 0.5, "monai": 0.35}}
WEIGHTING_TARGET_MS = 15.0
SOFTMAX = {"to_onehot_y": True, "softmax": True}
REGION_LOSSES = {
    "Dice": lambda: monai.DiceLoss(include_background=False, batch=True, **SOFTMAX),
    "Tversky": lambda: monai.TverskyLoss(include_background=False, batch=True, alpha=0.3, beta=0.7, **SOFTMAX),
    "GeneralizedDice": lambda: monai.GeneralizedDiceLoss(batch=True, **SOFTMAX),
    "FocalTversky": None,
    "AsymmetricSimilarity": None,
}
OTHER_LOSSES = {
    "CrossEntropy": lambda: _TorchCrossEntropy(),
    "Focal": lambda: monai.FocalLoss(to_onehot_y=True, use_softmax=True),
    "DiceCrossEntropy": lambda: DC_and_CE_loss(_dice_settings(), {}, dice_class=MemoryEfficientSoftDiceLoss),
    "DiceFocal": lambda: monai.DiceFocalLoss(include_background=False, batch=True, **SOFTMAX),
    "MixedFocal": None,
    "UnifiedFocal": None,
}


class _TorchCrossEntropy(nn.Module):
    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, target[:, 0].long())


def _dice_settings() -> dict[str, Any]:
    return {"batch_dice": True, "do_bg": False, "smooth": 1e-5, "ddp": False}


def nnunet_dice() -> nn.Module:
    return MemoryEfficientSoftDiceLoss(softmax_helper_dim1, **_dice_settings())


def make_problem(channels: int, size: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    logits = torch.randn(2, channels, size, size, size, requires_grad=True)
    return logits, torch.randint(0, channels, (2, 1, size, size, size)).to(torch.int16)


def step(loss: nn.Module, logits: Tensor, target: Tensor) -> None:
    logits.grad = None
    loss(logits, target).backward()


def time_ms(candidates: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """CPU time of each candidate, the median and the fastest of the rounds; a first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    order = list(candidates.items())
    for call in candidates.values():
        call()
    for _ in range(rounds):
        random.shuffle(order)
        for name, call in order:
            start = time.process_time()
            call()
            times[name].append(1e3 * (time.process_time() - start))
    return {name: (statistics.median(values), min(values)) for name, values in times.items()}


def time_losses(problem: str, rounds: int) -> list[dict[str, Any]]:
    logits, target = make_problem(*PROBLEMS[problem])
    others = {name: make for name, make in (REGION_LOSSES | OTHER_LOSSES).items() if make is not None}
    modules = {"nnunet": nnunet_dice()}
    modules |= {name: CATALOGUE[name](batch=True) for name in REGION_LOSSES | OTHER_LOSSES}
    modules |= {f"other {name}": make() for name, make in others.items()}
    times = time_ms({name: lambda m=m: step(m, logits, target) for name, m in modules.items()}, rounds)
    memory = measure_memory(problem)
    rows = []
    for name in REGION_LOSSES | OTHER_LOSSES:
        ms, fastest = times[name]
        other, fastest_other = times.get(f"other {name}", (None, None))
        row = {
            "problem": problem,
            "loss": name,
            "ms": ms,
            "nnunet_dice_ms": times["nnunet"][0],
            "ratio_nnunet_dice": ms / times["nnunet"][0],
            "ratio_nnunet_dice_fastest": fastest / times["nnunet"][1],
            "other": None if other is None else type(modules[f"other {name}"]).__name__.lstrip("_"),
            "other_ms": other,
            "ratio_other": None if other is None else ms / other,
            "ratio_other_fastest": None if fastest_other is None else fastest / fastest_other,
            **memory[name],
        }
        if name in REGION_LOSSES:
            targets = TARGETS[problem]
            row["target_nnunet_reached"] = row["ratio_nnunet_dice"] <= targets["nnunet"]
            row["target_monai_reached"] = None if other is None else row["ratio_other"] <= targets["monai"]
            row["target_memory_reached"] = row["extra_peak_mb"] <= 1.1 * row["gradient_mb"]
        rows.append(row)
    return rows


def measure_memory(problem: str) -> dict[str, dict[str, float]]:
    """Extra peak memory of a step with each loss, in a process whose freed memory goes back to the system at once."""
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, __file__, "--memory-of", problem]
    answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(answer.stdout.splitlines()[-1])


def memory_of(problem: str, name: str) -> dict[str, float]:
    """Extra peak memory of a step with one loss, in this process."""
    loss: nn.Module = CATALOGUE[name](batch=True)
    logits, target = make_problem(*PROBLEMS[problem])
    small = logits.detach()[:, :, :8, :8, :8].clone().requires_grad_(), target[:, :, :8, :8, :8]
    step(loss, *small)  # code is loaded and threads are started
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forget the peak so far
    before = _status_kb("VmRSS")
    step(loss, logits, target)
    megabyte = 2**20
    return {
        "extra_peak_mb": (_status_kb("VmHWM") - before) * 1024 / megabyte,
        "gradient_mb": logits.numel() * logits.element_size() / megabyte,
    }


def _status_kb(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def lesion_patch(size: int = 128, lesions: int = 100) -> np.ndarray:
    """Balls of log-normal radius, one in each of many cells of a grid, so that they stay apart."""
    generator = np.random.default_rng(0)
    patch = np.zeros((size,) * 3, np.int16)
    cell = size // 5
    for place in generator.permutation(5**3)[:lesions]:
        corner = np.array(np.unravel_index(place, (5, 5, 5))) * cell
        radius = float(np.clip(generator.lognormal(0.7, 0.6), 0.5, cell / 2 - 2))
        distance = np.sqrt(sum((axis - cell / 2) ** 2 for axis in np.ogrid[:cell, :cell, :cell]))
        patch[tuple(slice(c, c + cell) for c in corner)][distance <= radius] = 1
    return patch


def time_weighting(rounds: int) -> dict[str, Any]:
    patch = lesion_patch()
    ids = torch.from_numpy(label_components(patch))[None, None]
    times = time_ms({"components": lambda: label_components(patch), "weights": lambda: inverse_weights(ids)}, rounds)
    components, weights = (median for median, _ in times.values())
    return {
        "patch": list(patch.shape),
        "lesions": int(ids.max()),
        "foreground": float((patch > 0).mean()),
        "components_ms": components,
        "weights_ms": weights,
        "total_ms": components + weights,
        "target_ms": WEIGHTING_TARGET_MS,
        "target_reached": components + weights <= WEIGHTING_TARGET_MS,
    }


def hardware() -> dict[str, Any]:
    name = job.hardware(torch.device("cpu"))
    return {"cpu": name, "cores": os.cpu_count(), "threads": torch.get_num_threads(), "load": os.getloadavg()[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "losses_cpu.json")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--memory-of", choices=PROBLEMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory_of:
        print(json.dumps({name: memory_of(options.memory_of, name) for name in REGION_LOSSES | OTHER_LOSSES}))
        return
    result = {
        "what": "forward and backward, batch 2, float32; CPU time, the median of the rounds",
        "rounds": options.rounds,
        "hardware": hardware(),
        "versions": {name: version(name) for name in ("torch", "nnunetv2", "monai", "connected-components-3d")},
        "losses": [row for problem in PROBLEMS for row in time_losses(problem, options.rounds)],
        "inverse_weighting": time_weighting(options.rounds),
    }
    with write_atomically(options.out) as path:
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    for row in result["losses"]:
        other = "" if row["other"] is None else f"  {row['ratio_other']:.2f} × {row['other']}"
        print(
            f"{row['problem']:10} {row['loss']:22} {row['ms']:7.1f} ms  {row['ratio_nnunet_dice']:.2f} × nnU-Net's Dice"
            f"  {row['extra_peak_mb'] / row['gradient_mb']:.2f} × gradient{other}"
        )
    weighting = result["inverse_weighting"]
    print(f"inverse weights of {weighting['lesions']} lesions in 128³: {weighting['total_ms']:.1f} ms")


if __name__ == "__main__":
    main()
