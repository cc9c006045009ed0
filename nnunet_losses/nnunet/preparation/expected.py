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

from nnunet_losses.base.files import write_json
from nnunet_losses.base.images import NO_THICKNESS
from nnunet_losses.nnunet.preparation.plans import MIN_FEATURE_MAP_SIZE, derive_configuration

_FEATURES = (8, 16, 32, 64)
_LARGEST = {2: 192, 3: 48}
"""Edge of a pilot's patch, in voxels, by the number of axes."""
_SHARE_FORWARD = 1 / 3
"""Of a training step: the backward pass costs about twice the forward pass."""


@dataclass(frozen=True)
class Step:
    """What a training step of a configuration costs.

    seconds: on this machine.
    measured: whether it was measured, or follows from another one by the number of floating-point operations.
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

    On a GPU both are measured. On a CPU, or if its memory is too small, the parent's follows by the ratio of
    floating-point operations.
    """
    derived = derive_configuration(plans, "pilot", inherits_from=parent, **small)
    little, work_little, seconds = _cost(derived, channels, classes, device, measure=True)
    full, work_full, measured = _cost(
        plans["configurations"][parent], channels, classes, device, measure=device != "cpu"
    )
    scaled = seconds * work_full / work_little if measured is None else measured
    assert seconds is not None, "the pilot's network is small"
    return Step(seconds, True, little), Step(scaled, measured is not None, full)


def _cost(
    configuration: Mapping[str, Any], channels: int, classes: int, device: str, *, measure: bool
) -> tuple[int, int, Any]:
    """Parameters, floating-point operations of a forward pass, and seconds of a step if it is measured."""
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from torch.utils.flop_counter import FlopCounterMode

    architecture = configuration["architecture"]
    network = get_network_from_plans(
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        channels,
        classes,
        deep_supervision=True,
    )
    shape = (int(configuration["batch_size"]), channels, *map(int, configuration["patch_size"]))
    parameters = sum(p.numel() for p in network.parameters())
    seconds = _timed(network, shape, device) if measure else None
    network.to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(shape, device="meta"))
    return parameters, counter.get_total_flops(), seconds


def _timed(network: Any, shape: Sequence[int], device: str) -> float | None:
    """Seconds of a step, the better of two after one to warm up; None if it does not fit into the device's memory."""
    import torch

    times = []
    try:
        network.to(device)
        images = torch.zeros(tuple(shape), device=device)
        for _ in range(3):
            start = time.perf_counter()
            sum(output.float().mean() for output in network(images)).backward()
            if device != "cpu":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
    except torch.OutOfMemoryError:
        return None
    return min(times[1:])
