"""Values and gradients of every loss on a GPU, beside the same formula in double precision on the CPU.

    python benchmarks/gpu_check.py                        # writes benchmarks/results/gpu_check.json
    python benchmarks/gpu_check.py --device cpu --edge 6 --out rehearsal.json

Every loss of the conformance suite, with its defaults and with each parameter changed; labels and regions, in two and
three dimensions, without weights, with a weight for each voxel, for each class, and with inverse weights; float32,
bfloat16 and float16. The reference gets the logits as they are after rounding to the type, so that what differs is the
device and the arithmetic, not the input. Its errors: of the value, relative; of the gradient, the norm of the
difference over the norm. A voxel equally near to two lesions goes to either; which, the CPU decides here for both.
Exits with 1 where an error is above its tolerance.
"""

import argparse
import importlib
import json
import math
import sys
import time
from collections import defaultdict
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent.parent))

from losses_gpu import hardware, versions

from nnunet_losses.base.files import write_atomically
from nnunet_losses.losses import CATALOGUE, Loss, inverse_weights, label_components
from nnunet_losses.losses.per_lesion.cells import nearest_component
from tests.conformance.subjects import ALL, CLASSES, make_weight

connected_component = importlib.import_module("nnunet_losses.losses.connected_component")
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
TOLERANCES = {"float32": (1e-4, 1e-3), "bfloat16": (1e-4, 1e-2), "float16": (1e-4, 1e-2)}
"""Of the value and of the gradient. Losses compute in float32 whatever the logits are; a gradient has their type."""


class Problem:
    """A target with smooth regions, and what comes with it."""

    def __init__(self, regions: bool, dimensions: int, edge: int) -> None:
        torch.manual_seed(dimensions)
        space = [edge] * 3 if dimensions == 3 else [edge * 3] * 2
        coarse = torch.randn(2, CLASSES, *[max(2, size // 6) for size in space])
        smooth = nn.functional.interpolate(coarse, size=space, mode="trilinear" if dimensions == 3 else "bilinear")
        self.regions = regions
        self.name = f"{'regions' if regions else 'labels'} in {dimensions}D"
        self.target = smooth > 0.3 if regions else smooth.argmax(1, keepdim=True).to(torch.int16)
        maps = self.target.numpy() if regions else self.target[:, 0].numpy()
        found = torch.stack([torch.from_numpy(label_components(labels)) for labels in maps])
        self.instances = found if regions else found[:, None]
        self.logits = 2 * torch.randn(2, CLASSES, *space)
        self.weights = {
            "no weight": None,
            "weight of voxels": make_weight(tuple(space), 1),
            "weight of classes": make_weight(tuple(space), CLASSES),
            "inverse weights": inverse_weights(self.instances),
        }


def value_and_gradient(
    loss: Loss, logits: Tensor, target: Tensor, weight: Tensor | None, known: dict[str, Tensor]
) -> Any:
    leaf = logits.detach().clone().requires_grad_()
    value = loss(leaf, target, weight, **known)
    (gradient,) = torch.autograd.grad(value, leaf)
    return value.detach().double().cpu(), gradient.double().cpu()


def errors(
    loss: Loss, problem: Problem, weight: Tensor | None, dtype: torch.dtype, device: torch.device
) -> tuple[float, float]:
    """Of the value and of the gradient; infinite where something is not finite."""
    logits = problem.logits.to(dtype)
    known = {"instances": problem.instances} if "instances" in loss.needs else {}
    value, gradient = value_and_gradient(
        loss,
        logits.to(device),
        problem.target.to(device),
        None if weight is None else weight.float().to(device),
        {name: tensor.to(device) for name, tensor in known.items()},
    )
    double = None if weight is None else weight.float().double()
    reference, slope = value_and_gradient(loss, logits.double(), problem.target, double, known)
    if not (value.isfinite() and gradient.isfinite().all()):
        return math.inf, math.inf
    size = slope.norm().item()
    return (
        ((value - reference).abs() / reference.abs().clamp_min(1e-6)).item(),
        (gradient - slope).norm().item() / max(size, 1e-12),
    )


def cells_by_cpu(ids: Tensor, spacing: Any) -> Tensor:
    return nearest_component(ids.cpu(), spacing).to(ids.device)


def weights_agree(problem: Problem, device: torch.device) -> float:
    """The largest relative difference of inverse weights between the devices."""
    here, there = problem.weights["inverse weights"], inverse_weights(problem.instances.to(device)).cpu()
    return ((here - there).abs() / here.clamp_min(1e-12)).max().item()


def main() -> int:
    """Compare, print the worst of each loss, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "gpu_check.json")
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--edge", type=int, default=16, help="of the 3D patch, in voxels; that of 2D is three times it")
    parser.add_argument("--losses", nargs="+", default=list(CATALOGUE))
    options = parser.parse_args()
    connected_component.nearest_component = cells_by_cpu  # type: ignore[attr-defined]
    begun = time.perf_counter()
    problems = [Problem(regions, dimensions, options.edge) for regions, dimensions in product((False, True), (2, 3))]
    worst: dict[tuple[str, str], dict[str, Any]] = defaultdict(lambda: {"value": 0.0, "gradient": 0.0, "cells": 0})
    failures = []
    for subject in (one for one in ALL if one.name in options.losses):
        for problem, (name, dtype) in product(problems, TYPES.items()):
            for kind, weight in problem.weights.items():
                cell = f"{subject}, {problem.name}, {kind}, {name}"
                try:
                    loss = subject.make(regions=problem.regions, batch=True)
                    found = dict(
                        zip(("value", "gradient"), errors(loss, problem, weight, dtype, options.device), strict=True)
                    )
                except Exception as error:  # of one cell; the table shows it, and the others go on
                    failures.append(f"{cell}: {type(error).__name__}: {str(error).strip().splitlines()[0][:200]}")
                    continue
                row = worst[subject.name, name]
                row["cells"] += 1
                for what, tolerance in zip(found, TOLERANCES[name], strict=True):
                    if found[what] > row[what]:
                        row[what], row[f"{what}_at"] = found[what], cell
                    if not found[what] <= tolerance:
                        failures.append(f"{cell}: error of the {what} {found[what]:.2g}")
    result = {
        "what": f"relative errors against double precision on the CPU; 3D patches of {options.edge}³",
        "hardware": hardware(options.device),
        "versions": versions(),
        "seconds": time.perf_counter() - begun,
        "tolerances": TOLERANCES,
        "inverse_weights": max(weights_agree(problem, options.device) for problem in problems),
        "losses": [{"loss": loss, "type": name} | worst[loss, name] for loss, name in product(options.losses, TYPES)],
        "failures": failures,
    }
    with write_atomically(options.out) as path:
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    for name in TYPES:
        rows = [row for row in result["losses"] if row["type"] == name]
        largest = {what: max(rows, key=lambda row: row[what]) for what in ("value", "gradient")}
        said = ", ".join(f"{what} {row[what]:.2g} ({row['loss']})" for what, row in largest.items())
        print(f"{name}: {sum(row['cells'] for row in rows)} cells; largest errors: {said}")
    print(f"inverse weights: {result['inverse_weights']:.2g}; {result['seconds']:.0f} s", *failures[:40], sep="\n")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
