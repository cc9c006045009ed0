"""Time and memory of every loss on a GPU, beside the time to read its inputs, and nnU-Net's and MONAI's losses.

    python benchmarks/losses_gpu.py                       # writes benchmarks/results/losses_gpu.json, in two minutes
    python benchmarks/losses_gpu.py --device cpu --size 16 --seconds 0.05 --out rehearsal.json

Forward and backward of a batch of two, with logits in float32 and float16, not compiled, as nnU-Net leaves its losses.
The floor is the time to read logits and labels twice and to write the gradient once at the bandwidth at which this
device copies memory. The median of as many calls as the seconds allow, after one that is not counted; extra peak memory
is that of the allocator over the state before the call.
"""

import argparse
import json
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nnunet_losses.base.files import write_atomically
from nnunet_losses.losses import CATALOGUE, Loss, label_components
from nnunet_losses.nnunet.training import job

PACKAGES = ("torch", "nnunetv2", "monai", "dynamic-network-architectures")
TYPES = {"float32": torch.float32, "float16": torch.float16}
Step = Callable[[], object]


def make_problem(channels: int, size: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, labels of smooth regions, and their component numbers."""
    torch.manual_seed(0)
    coarse = torch.randn(2, channels, *[max(2, size // 16)] * 3)
    labels = nn.functional.interpolate(coarse, size=[size] * 3, mode="trilinear").argmax(1, keepdim=True)
    labels = labels.to(torch.int16)
    instances = torch.stack([torch.from_numpy(label_components(x[0].numpy()))[None] for x in labels])
    logits = torch.randn(2, channels, size, size, size, device=device).to(dtype).requires_grad_()
    return logits, labels.to(device), instances.to(device)


def rivals() -> dict[str, tuple[str | None, Callable[[], nn.Module]]]:
    """Losses of other packages, each with the loss of ours that is the same formula."""
    from monai import losses as monai
    from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
    from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
    from nnunetv2.utilities.helpers import softmax_helper_dim1

    dice = {"batch_dice": True, "do_bg": False, "smooth": 1e-5, "ddp": False}
    region = {"include_background": False, "batch": True, "to_onehot_y": True, "softmax": True}
    every = region | {"include_background": True}
    return {
        "nnU-Net Dice": (None, lambda: MemoryEfficientSoftDiceLoss(softmax_helper_dim1, **dice)),
        "nnU-Net DC_and_CE": (None, lambda: DC_and_CE_loss(dice, {}, dice_class=MemoryEfficientSoftDiceLoss)),
        "MONAI Dice": ("Dice", lambda: monai.DiceLoss(**region)),
        "MONAI Tversky": ("Tversky", lambda: monai.TverskyLoss(alpha=0.3, beta=0.7, **region)),
        "MONAI GeneralizedDice": ("GeneralizedDice", lambda: monai.GeneralizedDiceLoss(**every)),
        "MONAI Focal": ("Focal", lambda: monai.FocalLoss(to_onehot_y=True, use_softmax=True)),
        "MONAI DiceCE": ("DiceCrossEntropy", lambda: monai.DiceCELoss(**region)),
        "MONAI DiceFocal": ("DiceFocal", lambda: monai.DiceFocalLoss(**region)),
    }


class Bench:
    """Measures calls on one device, each for so many seconds."""

    def __init__(self, device: torch.device, seconds: float) -> None:
        self.device, self.seconds = device, seconds

    def wait(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def measure(self, step: Step) -> dict[str, Any]:
        """Median time and extra peak memory of a call, or what it fails with."""
        try:
            step()  # the first call may compile
            first, memory = self.time_ms(step), self.extra_peak_mb(step)
        except Exception as failure:  # a benchmark of many losses goes on; the table shows what failed
            return {"failed": f"{type(failure).__name__}: {str(failure).strip().splitlines()[0][:200]}"}
        times: list[float] = []
        until = time.perf_counter() + self.seconds
        if first < 1e3 * self.seconds:
            while time.perf_counter() < until or len(times) < 2:
                times.append(self.time_ms(step))
        return {"ms": statistics.median(times or [first]), "calls": len(times) or 1, "extra_peak_mb": memory}

    def time_ms(self, step: Step) -> float:
        """Wall time of a call."""
        self.wait()
        start = time.perf_counter()
        step()
        self.wait()
        return 1e3 * (time.perf_counter() - start)

    def extra_peak_mb(self, step: Step) -> float | None:
        """Peak of the device's memory during a call over the state before it; None where nothing counts it."""
        if self.device.type != "cuda":
            return None
        self.wait()
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        step()
        return (torch.cuda.max_memory_allocated(self.device) - before) / 2**20

    def copy_bandwidth(self, megabytes: int) -> float:
        """Bytes read and written in a second."""
        source = torch.randn(megabytes << 18, device=self.device)
        copy = torch.empty_like(source)
        times = [self.time_ms(lambda: copy.copy_(source)) for _ in range(10)]
        return 2e3 * source.numel() * source.element_size() / statistics.median(times[3:])


def loss_step(loss: nn.Module, logits: Tensor, labels: Tensor, **circumstances: Any) -> Step:
    def step() -> None:
        logits.grad = None
        loss(logits, labels, **circumstances).backward()

    return step


def circumstances_of(loss: nn.Module, instances: Tensor) -> dict[str, Tensor]:
    """Component numbers come with the data: they are not part of a loss's time."""
    return {"instances": instances} if isinstance(loss, Loss) and "instances" in loss.needs else {}


def measure_losses(bench: Bench, channels: int, size: int, name: str, bandwidth: float) -> list[dict[str, Any]]:
    logits, labels, instances = make_problem(channels, size, TYPES[name], bench.device)
    bytes_moved = 3 * logits.numel() * logits.element_size() + 2 * labels.numel() * labels.element_size()
    ours: dict[str, Callable[[], nn.Module]] = {key: (lambda c=loss: c(batch=True)) for key, loss in CATALOGUE.items()}
    theirs = rivals()
    rival_makers = {key: maker for key, (_, maker) in theirs.items()}
    rows = []
    makers = rival_makers | ours | {"nnU-Net Dice, again": theirs["nnU-Net Dice"][1]}
    for loss, make in makers.items():
        module = make()
        row: dict[str, Any] = {"loss": loss, "channels": channels, "size": size, "logits": name}
        row["same_as"] = theirs[loss][0] if loss in theirs else None
        row |= bench.measure(loss_step(module, logits, labels, **circumstances_of(module, instances)))
        row["floor_ms"] = 1e3 * bytes_moved / bandwidth
        row["gradient_mb"] = logits.numel() * logits.element_size() / 2**20
        rows.append(row)
        print_row(row)
    return rows


def print_row(row: dict[str, Any]) -> None:
    name = f"C={row['channels']:<3} {row['logits']} {row['loss']:40}"
    if "failed" in row:
        print(f"{name} {row['failed']}", flush=True)
        return
    memory = "" if row["extra_peak_mb"] is None else f"  {row['extra_peak_mb']:8.0f} MB"
    print(f"{name} {row['ms']:9.2f} ms  {row['ms'] / row['floor_ms']:6.1f} × the floor{memory}", flush=True)


def hardware(device: torch.device) -> dict[str, Any]:
    if device.type == "cuda":
        about = torch.cuda.get_device_properties(device)
        return {"device": about.name, "memory_gb": about.total_memory / 2**30, "cuda": torch.version.cuda}
    return {"device": job.hardware(device), "threads": torch.get_num_threads()}


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "losses_gpu.json")
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--size", type=int, default=128, help="edge of the patch")
    parser.add_argument("--classes", type=int, nargs="+", default=[3, 32])
    parser.add_argument("--seconds", type=float, default=0.3, help="for each loss, after its first call")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    bench = Bench(options.device, options.seconds)
    bandwidth = bench.copy_bandwidth(1024 if options.device.type == "cuda" else 64)
    result: dict[str, Any] = {
        "what": f"forward and backward, batch 2, patches of {options.size}³, the median of the calls",
        "hardware": hardware(options.device),
        "versions": versions(),
        "copy_gb_per_s": bandwidth / 1e9,
        "losses": [],
    }
    for channels in options.classes:
        for name in TYPES:
            result["losses"] += measure_losses(bench, channels, options.size, name, bandwidth)
            with write_atomically(options.out) as path:  # after each step: a lent machine may end at any time
                path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
