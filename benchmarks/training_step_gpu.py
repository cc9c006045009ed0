"""A training step of nnU-Net on a GPU with every loss, beside the same step with nnU-Net's own loss.

    nnunet-losses prepare FILE && nnUNetv2_plan_and_preprocess -d 910 -c 3d_fullres
    python benchmarks/training_step_gpu.py Dataset910_Heads   # writes benchmarks/results/training_step_gpu.json

nnU-Net's own plans, network (compiled, as it does by default), mixed precision and deep supervision. All trainers share
one network and optimiser and the same batches, which come from nnU-Net's loader beforehand, so that only the loss
differs. Rounds go through all trainers, each in an order of its own, nnU-Net's trainer several times among them. After
the first round, each loss alone, not compiled: its kernels, its copies to the host and its waits for the device. The
ratios are upper bounds for a training: where the loader is slower than the device, it decides the time of an iteration.
"""

import argparse
import contextlib
import io
import json
import os
import random
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from losses_gpu import hardware, versions
from torch import Tensor

from nnunet_losses.base.files import write_atomically
from nnunet_losses.losses import CATALOGUE

DEFAULT = "nnUNetTrainer"
TIMES_OF_DEFAULT = 6
"""In a round."""


def make_trainer(name: str, options: argparse.Namespace) -> Any:
    from nnunetv2.run.run_training import get_trainer_from_args

    with contextlib.redirect_stdout(io.StringIO()):
        return get_trainer_from_args(
            options.dataset, options.configuration, 0, name, options.plans, device=options.device
        )  # fmt: skip


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def make_batches(base: Any, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Batches with component numbers from nnU-Net's own loader, or with targets that were drawn from it before.

    Such targets go with images of noise: what a step takes does not depend on them.
    """
    if options.targets is not None and options.targets.is_file():
        targets = torch.load(options.targets, weights_only=True)
    else:
        trainer = borrow(make_trainer("DiceCrossEntropyTrainer_iw", options), base)
        with contextlib.redirect_stdout(io.StringIO()):
            loader, _ = trainer.get_dataloaders()
        targets = [next(loader)["target"] for _ in range(options.batches)]
        if options.targets is not None:
            torch.save(targets, options.targets)
    shape = (len(targets[0][0]), base.num_input_channels, *base.configuration_manager.patch_size)
    return [{"data": torch.randn(shape), "target": levels, "keys": ["noise"] * shape[0]} for levels in targets]


def without_numbers(batch: dict[str, Any]) -> dict[str, Any]:
    return batch | {"target": [level[:, :1].contiguous() for level in batch["target"]]}


def pinned(batch: dict[str, Any]) -> dict[str, Any]:
    """As nnU-Net's loader leaves it."""
    if not torch.cuda.is_available():
        return batch
    return batch | {"data": batch["data"].pin_memory(), "target": [level.pin_memory() for level in batch["target"]]}


def borrow(trainer: Any, base: Any) -> Any:
    """Give a trainer the network of another, without building its own."""
    for name in (
        "network",
        "optimizer",
        "lr_scheduler",
        "grad_scaler",
        "num_input_channels",
        "oversample_foreground_percent",
        "batch_size",
    ):
        if hasattr(base, name):
            setattr(trainer, name, getattr(base, name))
    trainer.was_initialized = True
    return trainer


def with_loss(trainer: Any, base: Any) -> Any:
    borrow(trainer, base)
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.loss = trainer._build_loss()
    if hasattr(trainer, "adapter"):
        trainer.adapter.epoch = 1
    return trainer


def steps(trainer: Any, batches: list[dict[str, Any]], count: int, device: torch.device) -> float:
    """Seconds a step; nnU-Net's step ends with the loss on the host, so each waits for the device."""
    wait(device)
    start = time.perf_counter()
    for number in range(count):
        trainer.train_step(batches[number % len(batches)])
    wait(device)
    return (time.perf_counter() - start) / count


def profile(trainer: Any, outputs: list[Tensor], batch: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """A loss alone, forward and backward at all levels: time, kernels, copies to the host, waits."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record

    leaves = [output.detach().clone().requires_grad_() for output in outputs]
    target = [level.to(device) for level in batch["target"]]

    def once() -> None:
        for leaf in leaves:
            leaf.grad = None
        with torch.autocast(device.type, enabled=device.type == "cuda"):
            value = trainer.loss(leaves, target)
        value.backward()

    once()
    times = []
    for _ in range(5):
        wait(device)
        start = time.perf_counter()
        once()
        wait(device)
        times.append(1e3 * (time.perf_counter() - start))
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    with record(activities=activities) as recorded:
        once()
        wait(device)
    events = recorded.events()
    on_device = [e for e in events if e.device_type == torch.autograd.DeviceType.CUDA]
    host = [e for e in events if e.device_type != torch.autograd.DeviceType.CUDA]
    longest: dict[str, float] = {}
    for event in on_device:
        longest[event.name[:80]] = longest.get(event.name[:80], 0.0) + event.device_time_total / 1e3
    return {
        "ms": statistics.median(times),
        "device_ms": sum(longest.values()),
        "kernels": len(on_device),
        "copies_to_host": sum("DtoH" in e.name for e in on_device),
        "waits": sum("Synchronize" in e.name for e in host) - 1,
        "longest_ms": dict(sorted(longest.items(), key=lambda item: -item[1])[:5]),
    }


def profile_all(
    trainers: dict[str, Any],
    batches_of: dict[str, list[dict[str, Any]]],
    base: Any,
    failed: dict[str, str],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """What each loss does on the device for a network's outputs; what fails is noted."""
    image = batches_of[DEFAULT][0]["data"].to(options.device)
    with torch.no_grad(), torch.autocast(options.device.type, enabled=options.device.type == "cuda"):
        outputs = list(base.network(image))
    found = {}
    for name, trainer in trainers.items():
        if name not in failed:
            try:
                found[name] = profile(trainer, outputs, batches_of[name][0], options.device)
            except Exception as error:
                failed[name] = f"profile: {type(error).__name__}: {str(error)[:200]}"
    return found


def write(options: argparse.Namespace, result: dict[str, Any]) -> None:
    with write_atomically(options.out) as path:
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--configuration", default="3d_fullres")
    parser.add_argument("--plans", default="nnUNetPlans")
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--losses", nargs="+", default=list(CATALOGUE))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batches", type=int, default=3, help="that the steps take in turn")
    parser.add_argument("--targets", type=Path, help="a file for the batches' targets: read if it is there, else made")
    parser.add_argument("--seconds", type=float, default=1e9, help="after which no round begins")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "training_step_gpu.json")
    options = parser.parse_args()
    begun = time.perf_counter()
    os.environ["nnUNet_n_proc_DA"] = "0"  # noqa: SIM112  # nnU-Net's own spelling
    results = TemporaryDirectory()
    os.environ["nnUNet_results"] = results.name  # noqa: SIM112

    base = make_trainer(DEFAULT, options)
    with contextlib.redirect_stdout(io.StringIO()):
        base.initialize()
    patch, batch_size = base.configuration_manager.patch_size, base.configuration_manager.batch_size
    base.network.train()
    numbered = [pinned(batch) for batch in make_batches(base, options)]
    plain = [pinned(without_numbers(batch)) for batch in numbered]
    steps(base, plain, 3, options.device)
    print(f"compiled after {time.perf_counter() - begun:.0f} s", flush=True)
    result: dict[str, Any] = {
        "what": "seconds a training step of nnU-Net, the median of the rounds",
        "hardware": hardware(options.device) | {"cores": os.cpu_count()},
        "versions": versions(),
        "dataset": options.dataset,
        "patch": list(patch),
        "batch": batch_size,
        "compiled": bool(base._do_i_compile()),
        "rounds": 0,
        "steps": options.steps,
        "trainers": {},
        "losses": {},
    }
    names = [f"{loss}Trainer{weighting}" for loss in options.losses for weighting in ("", "_iw")]
    trainers, failed = {}, {}
    for name in names:
        try:
            trainers[name] = with_loss(make_trainer(name, options), base)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {str(error)[:200]}"
    trainers[DEFAULT] = with_loss(make_trainer(DEFAULT, options), base)
    batches_of = {
        name: numbered if name != DEFAULT and trainer.needs_instances() else plain for name, trainer in trainers.items()
    }
    times: dict[str, list[list[float]]] = {name: [] for name in trainers}
    steps(trainers[DEFAULT], plain, 5, options.device)
    print(f"prepared in {time.perf_counter() - begun:.0f} s; not built: {failed}", flush=True)
    for number in range(options.rounds):
        if time.perf_counter() - begun > options.seconds and number:
            break
        order = [*(name for name in trainers if name != DEFAULT), *[DEFAULT] * TIMES_OF_DEFAULT]
        random.Random(number).shuffle(order)
        of_round: dict[str, list[float]] = {}
        for name in order:
            if name in failed:
                continue
            try:
                steps(trainers[name], batches_of[name], 1, options.device)
                of_round.setdefault(name, []).append(
                    steps(trainers[name], batches_of[name], options.steps, options.device)
                )
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {str(error)[:200]}"
        default = statistics.median(of_round[DEFAULT])
        for name, found in of_round.items():
            times[name].append([*found, statistics.median(found) / default])
        result["rounds"] = number + 1
        result["trainers"] = {
            name: {
                "seconds": statistics.median(value for row in rows for value in row[:-1]),
                "ratio": statistics.median(row[-1] for row in rows),
                "ratios": [row[-1] for row in rows],
            }
            for name, rows in times.items()
            if rows
        }
        spread = [value for row in times[DEFAULT] for value in row[:-1]]
        result["default_steps"] = spread
        result["failed"] = failed
        write(options, result)
        said = f"{DEFAULT} {min(spread):.4f} to {max(spread):.4f} s"
        print(f"round {number + 1} after {time.perf_counter() - begun:.0f} s; {said}", flush=True)
        if not number:
            result["losses"] = profile_all(trainers, batches_of, base, failed, options)
            write(options, result)
    for name, row in sorted(result["trainers"].items(), key=lambda item: -item[1]["ratio"]):
        print(f"{name:46} {1e3 * row['seconds']:8.1f} ms  {row['ratio']:.3f}")
    write(options, result)
    for name, row in sorted(result["losses"].items(), key=lambda item: -item[1]["ms"])[:20]:
        said = f"{row['kernels']} kernels, {row['copies_to_host']} copies, {row['waits']} waits"
        print(f"{name:46} {row['ms']:8.1f} ms  {said}")
    print(f"{len(failed)} failed: {failed}; {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
