"""What nnU-Net will plan for data that it has not seen yet, and what a training step of it costs on this machine."""

import contextlib
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np

from nnunet_losses.base.files import write_json
from nnunet_losses.base.images import NO_THICKNESS
from nnunet_losses.nnunet.preparation.plans import MIN_FEATURE_MAP_SIZE, derive_configuration

_FEATURES = (8, 16, 32, 64)
_LARGEST = {2: 192, 3: 48}
"""Edge of a pilot's patch, in voxels, by the number of axes."""
_AFFORDED_FLOPS = 3e10
"""Of a forward pass that is measured on a CPU: some seconds."""
_LONGEST_S = 20.0
"""After which a step is not repeated for a second measurement."""
_SHARE_FORWARD = 1 / 3
"""Of a training step: the backward pass costs about twice the forward pass."""


@dataclass(frozen=True)
class Step:
    """What a training step of a configuration costs.

    seconds: on this machine; on a CPU, on one core of it.
    measured: whether it was measured itself, or follows from a smaller one by the number of floating-point operations.
    parameters: of the network.
    """

    seconds: float
    measured: bool
    parameters: int

    @property
    def forward_seconds(self) -> float:
        """Of the forward pass."""
        return self.seconds * _SHARE_FORWARD


def expected_plans(
    dataset_json: Mapping[str, Any], shapes: Sequence[Sequence[int]], spacings: Sequence[Sequence[float]]
) -> dict[str, Any]:
    """Let nnU-Net's planner plan for images of these shapes; images are taken whole, as if none were cropped.

    Args:
        dataset_json: of the raw data set.
        shapes: of the images, in the order of a file's axes (x, y, z), or (x, y).
        spacings: likewise, in mm.
    """
    said = io.StringIO()
    with contextlib.redirect_stdout(said), TemporaryDirectory() as scratch:
        from nnunetv2.experiment_planning.experiment_planners import default_experiment_planner as module
        from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

        class Planner(module.ExperimentPlanner):
            def determine_reader_writer(self) -> Any:
                return SimpleITKIO  # which is not used: there are no files to look at

        name = "Dataset999_Expected"
        raw, preprocessed = Path(scratch, "raw"), Path(scratch, "preprocessed")
        for folder in (raw / name, preprocessed / name):
            folder.mkdir(parents=True)
        write_json(raw / name / "dataset.json", {**dataset_json, "dataset": {}})
        write_json(
            preprocessed / name / "dataset_fingerprint.json",
            {
                "spacings": [[*([NO_THICKNESS] if len(s) == 2 else []), *reversed(s)] for s in spacings],
                "shapes_after_crop": [[*([1] if len(s) == 2 else []), *reversed(s)] for s in shapes],
                "median_relative_size_after_cropping": 1.0,
                "foreground_intensity_properties_per_channel": {},
            },
        )
        with patch.multiple(module, nnUNet_raw=str(raw), nnUNet_preprocessed=str(preprocessed)):
            plans: dict[str, Any] = Planner(name).plan_experiment()
    return plans


def pilot_configuration(plans: Mapping[str, Any], parent: str) -> dict[str, Any]:
    """The keys of a small configuration for a study: patch, batch and features that fit these plans."""
    from nnunetv2.experiment_planning.experiment_planners.network_topology import get_pool_and_conv_props

    planned = plans["configurations"][parent]
    spacing, patch_size = [float(mm) for mm in planned["spacing"]], [int(n) for n in planned["patch_size"]]
    small = [min(n, _LARGEST[len(patch_size)]) for n in patch_size]
    _, strides, _, fitting, _ = get_pool_and_conv_props(spacing, small, MIN_FEATURE_MAP_SIZE, len(_FEATURES) - 1)
    return {
        "patch_size": [int(n) for n in fitting],
        "batch_size": 2 if len(small) == 3 else 4,
        "features_per_stage": list(_FEATURES[: len(strides)]),
    }


def step_costs(
    plans: Mapping[str, Any], parent: str, small: Mapping[str, Any], channels: int, classes: int, device: str
) -> tuple[Step, Step]:
    """What a step of the pilot's configuration costs, measured, and one of its parent.

    On a GPU both are measured as they are. On a CPU, or if the GPU's memory is too small, the parent is measured on one
    patch, made smaller until it can be afforded, and its cost follows by the ratio of floating-point operations.
    """
    derived = derive_configuration(plans, "pilot", inherits_from=parent, **small)
    return (
        _step(derived, channels, classes, device, most=_AFFORDED_FLOPS),
        _step(plans["configurations"][parent], channels, classes, device, most=_AFFORDED_FLOPS),
    )


def _step(configuration: Mapping[str, Any], channels: int, classes: int, device: str, *, most: float) -> Step:
    """Measure a training step, on one patch or a part of it if it needs too much time or memory.

    Args:
        configuration: of nnU-Net's plans.
        channels: of the images.
        classes: of the network's output.
        device: to measure on.
        most: floating-point operations of a forward pass that can be afforded where not the step itself is measured.
    """
    network = network_of(configuration, channels, classes)
    patch, batch = [int(n) for n in configuration["patch_size"]], int(configuration["batch_size"])
    wanted = _flops(configuration, (batch, channels, *patch), classes)
    parameters = sum(p.numel() for p in network.parameters())
    seconds = None if device == "cpu" and wanted > most else timed_step(network, (batch, channels, *patch), device)
    if seconds is not None:
        return Step(seconds, True, parameters)
    divisors = np.prod(configuration["architecture"]["arch_kwargs"]["strides"], axis=0)
    while (little := _flops(configuration, (1, channels, *patch), classes)) > most and _halve(patch, divisors):
        pass
    seconds = timed_step(network, (1, channels, *patch), device)
    assert seconds is not None, "one small patch fits into any memory"
    return Step(seconds * wanted / little, False, parameters)


def _halve(patch: list[int], divisors: Sequence[int]) -> bool:
    """Halve the longest axis of a patch that the network can do with at half its length; False if there is none."""
    # at the bottom, one voxel is left of each divisor; instance norm needs several
    halves = [axis for axis, n in enumerate(patch) if n % (2 * divisors[axis]) == 0 and n >= 4 * divisors[axis]]
    if halves:
        patch[max(halves, key=lambda axis: patch[axis])] //= 2
    return bool(halves)


def parameters_of(plans_file: Path, dataset_json: Mapping[str, Any], configuration: str) -> int:
    """How many parameters the network of a configuration in nnU-Net's plans has."""
    import torch
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans = PlansManager(str(plans_file))
    chosen = plans.get_configuration(configuration)
    classes = plans.get_label_manager(dict(dataset_json)).num_segmentation_heads
    with torch.device("meta"):  # without weights
        network = network_of(chosen.configuration, determine_num_input_channels(plans, chosen, dataset_json), classes)
    return sum(p.numel() for p in network.parameters())


def network_of(configuration: Mapping[str, Any], channels: int, classes: int) -> Any:
    """The network of a configuration."""
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    architecture = configuration["architecture"]
    return get_network_from_plans(
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        channels,
        classes,
        deep_supervision=True,
    )


def _flops(configuration: Mapping[str, Any], shape: Sequence[int], classes: int) -> int:
    """Floating-point operations of a forward pass."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):  # without weights
        network = network_of(configuration, shape[1], classes)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(tuple(shape), device="meta"))
    return int(counter.get_total_flops())


def timed_step(network: Any, shape: Sequence[int], device: str) -> float | None:
    """Seconds of a step, the best of two after one to warm up; None if it does not fit into the device's memory.

    On a CPU it is the time of one core, so that other work on the machine does not count.
    """
    import torch

    clock = time.process_time if device == "cpu" else time.perf_counter
    threads = torch.get_num_threads()
    times: list[float] = []
    try:
        if device == "cpu":
            torch.set_num_threads(1)
        network.to(device)
        images = torch.rand(tuple(shape), device=device)
        begun = time.perf_counter()
        while len(times) < 3 and (len(times) < 2 or time.perf_counter() - begun < _LONGEST_S):
            start = clock()
            sum(output.float().mean() for output in network(images)).backward()
            if device != "cpu":
                torch.cuda.synchronize()
            times.append(clock() - start)
    except torch.OutOfMemoryError:
        return None
    finally:
        torch.set_num_threads(threads)
    return min(times[1:])
