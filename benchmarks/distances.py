"""Time of the distances inside a patch and of the Hausdorff loss on them, beside MONAI's.

    python benchmarks/distances.py                        # writes benchmarks/results/distances.json

CPU: forward and backward of the Hausdorff loss at 2 × 128³ (two classes, so one foreground map a sample) beside MONAI's
HausdorffDTLoss, and the transform by edt beside that in plain torch. GPU, where there is one: the same loss on the GPU
beside MONAI's on the CPU. Rounds on the CPU go through all candidates in turn, so that whatever else the machine does
falls on all of them. CPU times are CPU time of the process, GPU times wall time; both of the fastest round.
"""

import argparse
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from losses_cpu import hardware
from monai.losses import HausdorffDTLoss
from torch import Tensor, nn

from nnunet_losses.base.files import write_atomically
from nnunet_losses.losses import HausdorffLoss
from nnunet_losses.losses.distances.transforms import squared_by_edt, squared_by_torch

GPU_TARGET = 100.0
UNIT = (1.0, 1.0, 1.0)


def make_problem(size: int, samples: int, channels: int, device: str) -> tuple[Tensor, Tensor]:
    """A ball for each foreground class, and logits of slightly smaller, noisy balls."""
    generator = torch.Generator().manual_seed(0)
    axes = [torch.arange(size).sub((size - 1) / 2).square()] * 3
    radius = sum(torch.meshgrid(*axes, indexing="ij")).sqrt() / size
    labels = (channels - 1 - (radius * 2.5 * (channels - 1)).floor()).clamp(0, channels - 1).to(torch.int16)
    labels = labels.expand(samples, 1, size, size, size).contiguous()
    shrunk = (channels - 1 - (radius * 2.9 * (channels - 1)).floor()).clamp(0, channels - 1).long()
    certain = nn.functional.one_hot(shrunk, channels).movedim(-1, 0) * 4.0
    logits = certain + torch.randn(samples, channels, size, size, size, generator=generator)
    return logits.to(device).requires_grad_(), labels.to(device)


def step(loss: nn.Module, logits: Tensor, target: Tensor) -> None:
    logits.grad = None
    loss(logits, target).backward()


def fastest_ms(
    candidates: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float], warm_up: bool = True
) -> dict[str, float]:
    """Time of the fastest round of each candidate."""
    best = dict.fromkeys(candidates, float("inf"))
    for number in range(rounds + warm_up):
        for name, call in candidates.items():
            start = clock()
            call()
            if number >= warm_up:
                best[name] = min(best[name], 1e3 * (clock() - start))
    return best


def monai_hausdorff() -> nn.Module:
    return HausdorffDTLoss(softmax=True, to_onehot_y=True)


def time_cpu_loss(size: int, rounds: int) -> dict[str, Any]:
    logits, target = make_problem(size, 2, 2, "cpu")
    losses = {"ours": HausdorffLoss(), "ours, reference only": HausdorffLoss(distances="reference")}
    losses["monai"] = monai_hausdorff()
    values = {name: loss(logits, target).item() for name, loss in losses.items()}
    calls = {name: lambda m=loss: step(m, logits, target) for name, loss in losses.items()}
    times = fastest_ms(calls, rounds, time.process_time)
    return {
        "problem": f"2 × {size}³, one foreground class, forward and backward",
        "ms": times,
        "monai_over_ours": times["monai"] / times["ours"],
        "relative_difference_of_values": abs(values["ours"] / values["monai"] - 1),
    }


def time_cpu_transform(size: int, rounds: int) -> dict[str, Any]:
    mask = make_problem(size, 1, 2, "cpu")[1] == 1
    calls = {"edt": lambda: squared_by_edt(~mask, UNIT), "torch": lambda: squared_by_torch(mask, UNIT)}
    times = fastest_ms(calls, rounds, time.process_time)
    return {"problem": f"one mask of {size}³", "ms": times, "torch_over_edt": times["torch"] / times["edt"]}


def time_gpu(size: int, rounds: int) -> dict[str, Any] | str:
    """The loss and the transform on the GPU; MONAI's loss, whose distances are SciPy's, on the CPU."""
    if not torch.cuda.is_available():
        return "not measured: no GPU"

    def clock() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    logits, target = make_problem(size, 2, 3, "cuda")
    host_logits, host_target = logits.detach().cpu().requires_grad_(), target.cpu()
    ours, monai = HausdorffLoss(), monai_hausdorff()
    values = ours(logits, target).item(), monai(host_logits, host_target).item()
    times = fastest_ms({"ours": lambda: step(ours, logits, target)}, rounds, clock)
    times |= fastest_ms({"monai": lambda: step(monai, host_logits, host_target)}, 1, clock, warm_up=False)
    masks = torch.cat([target == 0, target == 1, target == 2], 1)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    times |= fastest_ms({"transform of 2 × 3 masks": lambda: squared_by_torch(masks, UNIT)}, rounds, clock)
    peak_mb = (torch.cuda.max_memory_allocated() - before) / 2**20
    return {
        "device": torch.cuda.get_device_name(),
        "problem": f"2 × {size}³, two foreground classes, forward and backward; MONAI on the CPU",
        "ms": times,
        "transform_extra_peak_mb": peak_mb,
        "relative_difference_of_values": abs(values[0] / values[1] - 1),
        "monai_over_ours": times["monai"] / times["ours"],
        "target": GPU_TARGET,
        "target_reached": times["monai"] / times["ours"] >= GPU_TARGET,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "distances.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=128)
    options = parser.parse_args()
    torch.set_num_threads(1)
    machine = hardware()
    result = {
        "what": "distances inside a patch and the Hausdorff loss on them; the fastest of the rounds",
        "rounds": options.rounds,
        "hardware": machine,
        "note": "Others used the machine: only ratios within this run mean something."
        if machine["load"] > 1
        else "The machine was otherwise idle.",
        "versions": {name: version(name) for name in ("torch", "edt", "scipy", "monai")},
        "cpu_loss": time_cpu_loss(options.size, options.rounds),
        "cpu_transform": time_cpu_transform(options.size, options.rounds),
        "gpu": time_gpu(options.size, options.rounds),
    }
    with write_atomically(options.out) as path:
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    loss, transform = result["cpu_loss"], result["cpu_transform"]
    print(f"Hausdorff at {loss['problem']}: MONAI takes {loss['monai_over_ours']:.1f} × our time ({loss['ms']})")
    print(f"transform of {transform['problem']}: torch takes {transform['torch_over_edt']:.1f} × edt's time")
    print(f"GPU: {result['gpu']}")


if __name__ == "__main__":
    main()
