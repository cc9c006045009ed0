"""Time and memory of every loss on a GPU, beside the time that reading its inputs takes, nnU-Net's and MONAI's losses.

    python benchmarks/losses_gpu.py                       # writes benchmarks/results/losses_gpu.json
    python benchmarks/losses_gpu.py --device cpu --size 16 --repeats 2 --out rehearsal.json

Losses: forward and backward of a batch of two, float32, eager and compiled. The measure is the time to read logits and
labels twice and to write the gradient once at the bandwidth at which this device copies memory. Training steps: a plain
U-Net in mixed precision on random data with each loss, without deep supervision, beside nnU-Net's default loss. The
median of the repeats; extra peak memory is that of the allocator over the state before the call. nnU-Net, MONAI and
dynamic_network_architectures take part where they are installed.
"""

import argparse
import contextlib
import itertools
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
from nnunet_losses.losses import CATALOGUE, Loss, inverse_weights, label_components

PACKAGES = ("torch", "nnunetv2", "monai", "dynamic-network-architectures")
Step = Callable[[], object]


def make_problem(channels: int, size: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, labels of smooth regions, and their component numbers."""
    torch.manual_seed(0)
    coarse = torch.randn(2, channels, *[max(2, size // 16)] * 3)
    labels = nn.functional.interpolate(coarse, size=[size] * 3, mode="trilinear").argmax(1, keepdim=True)
    labels = labels.to(torch.int16)
    instances = torch.stack([torch.from_numpy(label_components(x[0].numpy()))[None] for x in labels])
    logits = torch.randn(2, channels, size, size, size, device=device, requires_grad=True)
    return logits, labels.to(device), instances.to(device)


def rivals() -> dict[str, Callable[[], nn.Module]]:
    """Losses of other packages, as far as those are installed."""
    found: dict[str, Callable[[], nn.Module]] = {}
    with contextlib.suppress(ImportError):
        from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
        from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
        from nnunetv2.utilities.helpers import softmax_helper_dim1

        dice = {"batch_dice": True, "do_bg": False, "smooth": 1e-5, "ddp": False}
        found["nnU-Net Dice"] = lambda: MemoryEfficientSoftDiceLoss(softmax_helper_dim1, **dice)
        found["nnU-Net DC_and_CE"] = lambda: DC_and_CE_loss(dice, {}, dice_class=MemoryEfficientSoftDiceLoss)
    with contextlib.suppress(ImportError):
        from monai import losses as monai

        softmax = {"to_onehot_y": True, "softmax": True}
        found["MONAI Dice"] = lambda: monai.DiceLoss(include_background=False, batch=True, **softmax)
        found["MONAI Tversky"] = lambda: monai.TverskyLoss(include_background=False, batch=True, **softmax)
        found["MONAI GeneralizedDice"] = lambda: monai.GeneralizedDiceLoss(batch=True, **softmax)
        found["MONAI Focal"] = lambda: monai.FocalLoss(to_onehot_y=True, use_softmax=True)
        found["MONAI DiceCE"] = lambda: monai.DiceCELoss(include_background=False, batch=True, **softmax)
        found["MONAI DiceFocal"] = lambda: monai.DiceFocalLoss(include_background=False, batch=True, **softmax)
    return found


class Bench:
    """Measures calls on one device."""

    def __init__(self, device: torch.device, repeats: int) -> None:
        self.device, self.repeats = device, repeats

    def wait(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def measure(self, step: Step) -> dict[str, Any]:
        """Median time and extra peak memory of a call, or what it fails with."""
        try:
            for _ in range(min(3, self.repeats)):
                step()
            memory = self.extra_peak_mb(step)
            return {"ms": self.median_ms(step), "extra_peak_mb": memory}
        except Exception as failure:  # a benchmark of many losses goes on; the table shows what failed
            return {"failed": f"{type(failure).__name__}: {str(failure).strip().splitlines()[0][:200]}"}

    def median_ms(self, step: Step) -> float:
        """Median wall time of a call."""
        times = []
        for _ in range(self.repeats):
            self.wait()
            start = time.perf_counter()
            step()
            self.wait()
            times.append(1e3 * (time.perf_counter() - start))
        return statistics.median(times)

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
        source = torch.zeros(megabytes << 18, device=self.device)
        copy = torch.empty_like(source)
        copy.copy_(source)
        return 2e3 * source.numel() * source.element_size() / self.median_ms(lambda: copy.copy_(source))


def loss_step(loss: nn.Module, logits: Tensor, labels: Tensor, **circumstances: Any) -> Step:
    def step() -> None:
        logits.grad = None
        loss(logits, labels, **circumstances).backward()

    return step


def circumstances_of(loss: nn.Module, instances: Tensor) -> dict[str, Tensor]:
    """Component numbers come with the data: they are not part of a loss's time."""
    return {"instances": instances} if isinstance(loss, Loss) and "instances" in loss.needs else {}


def measure_losses(bench: Bench, channels: int, size: int, *, compiled: bool, bandwidth: float) -> list[dict[str, Any]]:
    logits, labels, instances = make_problem(channels, size, bench.device)
    bytes_moved = 3 * logits.numel() * logits.element_size() + 2 * labels.numel() * labels.element_size()
    floor = 1e3 * bytes_moved / bandwidth
    makers: dict[str, Callable[[], nn.Module]] = {
        name: (lambda c=loss: c(batch=True)) for name, loss in CATALOGUE.items()
    }
    rows = []
    for name, make in (makers | rivals()).items():
        for mode in ("eager", "compiled") if compiled else ("eager",):
            loss = make()
            known = circumstances_of(loss, instances)
            if mode == "compiled":
                torch.compiler.reset()
            call = torch.compile(loss) if mode == "compiled" else loss
            row = {"loss": name, "channels": channels, "size": size, "mode": mode}
            row |= bench.measure(loss_step(call, logits, labels, **known)) | {"floor_ms": floor}
            row["gradient_mb"] = logits.numel() * logits.element_size() / 2**20
            rows.append(row)
            print_row(row)
    return rows


def make_network(channels: int) -> nn.Module:
    """The plain U-Net that nnU-Net trains by default, small; or, without its package, four convolutions."""
    try:
        from dynamic_network_architectures.architectures.unet import PlainConvUNet
    except ImportError:
        widths = (1, 32, 32, 32)
        layers = [
            layer
            for a, b in itertools.pairwise(widths)
            for layer in (nn.Conv3d(a, b, 3, padding=1), nn.InstanceNorm3d(b, affine=True), nn.LeakyReLU())
        ]
        return nn.Sequential(*layers, nn.Conv3d(32, channels, 1))
    return PlainConvUNet(
        1, 4, (16, 32, 64, 128), nn.Conv3d, 3, (1, 2, 2, 2), 2, channels, 2, conv_bias=True,
        norm_op=nn.InstanceNorm3d, norm_op_kwargs={"affine": True}, nonlin=nn.LeakyReLU,
    )  # fmt: skip


def training_step(network: nn.Module, loss: Callable[[Tensor], Tensor], size: int, device: torch.device) -> Step:
    image = torch.randn(2, 1, size, size, size, device=device)
    optimizer = torch.optim.SGD(network.parameters(), 1e-3, momentum=0.99, nesterov=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            value = loss(network(image))
        value.backward()  # without gradient scaling: its time is that of one pass over the weights
        optimizer.step()

    return step


def measure_training(bench: Bench, channels: int, size: int) -> list[dict[str, Any]]:
    """A step with each loss, with and without inverse weights, beside one with nnU-Net's default loss."""
    _, labels, instances = make_problem(channels, size, bench.device)
    losses: dict[str, Callable[[Tensor], Tensor]] = {}
    if (default := rivals().get("nnU-Net DC_and_CE")) is not None:
        module = default()
        losses["nnUNetTrainer"] = lambda logits: module(logits, labels)
    for name, loss in CATALOGUE.items():
        plain = loss()
        known = circumstances_of(plain, instances)
        losses[f"{name}Trainer"] = lambda x, f=plain, k=known: f(x, labels, **k)
        losses[f"{name}Trainer_iw"] = lambda x, f=plain, k=known: f(x, labels, inverse_weights(instances), **k)
    rows: list[dict[str, Any]] = []
    for name, loss in losses.items():
        torch.manual_seed(0)
        network = make_network(channels).to(bench.device)
        row = {"trainer": name, "channels": channels, "size": size}
        row |= bench.measure(training_step(network, loss, size, bench.device))
        if rows and rows[0]["trainer"] == "nnUNetTrainer" and "ms" in row and "ms" in rows[0]:
            row["ratio_nnunet"] = row["ms"] / rows[0]["ms"]
        rows.append(row)
        print_row(row)
    return rows


def print_row(row: dict[str, Any]) -> None:
    name = f"{row.get('loss', row.get('trainer'))} {row.get('mode', '')}"
    if "failed" in row:
        print(f"C={row['channels']:<3} {name:44} {row['failed']}", flush=True)
        return
    beside = f"  {row['ms'] / row['floor_ms']:6.1f} × the floor" if "floor_ms" in row else ""
    memory = "" if row["extra_peak_mb"] is None else f"  {row['extra_peak_mb']:8.1f} MB"
    print(f"C={row['channels']:<3} {name:44} {row['ms']:9.2f} ms{beside}{memory}", flush=True)


def hardware(device: torch.device) -> dict[str, Any]:
    if device.type == "cuda":
        about = torch.cuda.get_device_properties(device)
        return {"device": about.name, "memory_gb": about.total_memory / 2**30, "cuda": torch.version.cuda}
    return {"device": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}


def versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "losses_gpu.json")
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--size", type=int, default=128, help="edge of the patch")
    parser.add_argument("--classes", type=int, nargs="+", default=[3, 32])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--no-compile", action="store_true", help="eager mode only")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    bench = Bench(options.device, options.repeats)
    bandwidth = bench.copy_bandwidth(1024 if options.device.type == "cuda" else 64)
    result: dict[str, Any] = {
        "what": "forward and backward, batch 2, float32, median of the repeats",
        "repeats": options.repeats,
        "hardware": hardware(options.device),
        "versions": versions(),
        "copy_gb_per_s": bandwidth / 1e9,
        "losses": [],
        "training": [],
    }
    for channels in options.classes:
        result["losses"] += measure_losses(
            bench, channels, options.size, compiled=not options.no_compile, bandwidth=bandwidth
        )
    result["training"] = measure_training(bench, options.classes[0], options.size)
    with write_atomically(options.out) as path:
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
