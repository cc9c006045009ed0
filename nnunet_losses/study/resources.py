"""What the jobs of a study need: memory, minutes and cores, by the size of the data and of the network.

Each rule states where its figures are from. They are meant to be a little too high: a job that asks for too little is
killed, and one that asks for too much waits somewhat longer.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import mean, median
from typing import Any

from nnunet_losses.nnunet.benchmark import Figure
from nnunet_losses.study.cost import case_seconds, training_seconds

LONGEST = {"train": 1200, "predict": 60, "evaluate": 120, "plan": 240, "preprocess": 480}
"""Minutes that a job gets at most, and if nothing is known. The first three are one job on a cluster: 23 hours, because
24 is a usual limit. A training that needs more is resumed."""
SHORTEST = 30
"""Minutes that a job gets at least."""
MARGIN = 1.5
"""Memory; minutes get twice what is expected, because nodes differ more in speed."""

# Memory of a process with torch and nnU-Net loaded: 710 to 860 MB measured (torch 2.15, CPU). With CUDA, its libraries
# and its context come on top: a rule of thumb.
_PROCESS_MB, _CUDA_MB = 900, 4000
# A process that measures, or that augments: both share most of what they have loaded with their parent.
_WORKER_MB = 500
# Per value of the feature maps of a step, kept for the backward pass: 10 to 15 measured with three networks (CPU).
# nnU-Net's planner takes 8 GB for 560 million values: 14.
_BYTES_VALUE = 16
_FLOAT, _HALF = 4, 2
_LABEL = 2
# Of a case at once: as read, cropped, normalised and resampled.
_COPIES = 4
# Measured on an image of 50 million voxels with 250 lesions: all measures take about 1 s, and 240 MB beside the arrays
# (benchmarks/evaluation.py). Reading compressed probabilities takes longer, so more is asked for.
_EVALUATION_S_VOXEL, _EVALUATION_S_CASE, _EVALUATION_BYTES_VOXEL = 4e-7, 5.0, 8
# Resampling by cubic splines and compression: a rule of thumb.
_PREPROCESSING_S_VOXEL, _PREPROCESSING_S_CASE = 4e-6, 5.0
# nnU-Net's own defaults for preprocessing.
_WORKERS = {2: 8, 3: 4}


@dataclass(frozen=True)
class Sizes:
    """How large the data are, and the network once it has been planned.

    cases: their number.
    voxels: of an image, mean.
    largest: voxels of the largest image.
    resampled: voxels of the image that is the largest after resampling.
    channels: of the images.
    heads: channels of the network's output.
    axes: of the patches: 2 or 3; without a plan, of the images.
    batch_values: numbers in a batch of patches; 0 without a plan.
    network_values: numbers in the feature maps of a training step; 0 without a plan.
    shape: of a median image, resampled; empty without a plan.
    patch: voxels along each axis; empty without a plan.
    """

    cases: int
    voxels: float
    largest: float
    resampled: float
    channels: int
    heads: int
    axes: int
    batch_values: float = 0
    network_values: float = 0
    shape: tuple[int, ...] = ()
    patch: tuple[int, ...] = ()


def data_sizes(summary: Mapping[str, Any]) -> Sizes:
    """The sizes of a prepared data set, of which nothing has been planned; resampled to its median spacing.

    Args:
        summary: of the data set, as `results/datasets/<data set>/summary.json` holds it.
    """
    cases = summary["cases"]
    voxels = [math.prod(case["shape"]) for case in cases]
    spacing = [median(axis) for axis in zip(*(case["spacing_mm"] for case in cases), strict=True)]
    return Sizes(
        cases=len(cases),
        voxels=mean(voxels),
        largest=max(voxels),
        resampled=max(_resampled(case, spacing) for case in cases),
        channels=len(summary["channel_names"]),
        heads=len(summary["labels"]),
        axes=len(spacing),
    )


def planned_sizes(summary: Mapping[str, Any], configuration: Mapping[str, Any]) -> Sizes:
    """The sizes of a data set and of a configuration that has been planned for it.

    Args:
        summary: as in `data_sizes`.
        configuration: of nnU-Net's plans, with what it inherits.
    """
    sizes = data_sizes(summary)
    patch = tuple(int(n) for n in configuration["patch_size"])
    # in 2D, slices are not resampled across
    spacing = list(configuration["spacing"])[-len(patch) :]
    return replace(
        sizes,
        resampled=max(_resampled(case, spacing) for case in summary["cases"]),
        axes=len(patch),
        batch_values=configuration["batch_size"] * math.prod(patch) * (sizes.channels + 1),
        network_values=_network_values(configuration),
        shape=tuple(int(n) for n in configuration["median_image_size_in_voxels"]),
        patch=patch,
    )


def read_sizes(summary: Path, configuration: Path | None = None) -> Sizes | None:
    """The sizes that files of the workflow tell; None before the data are prepared.

    Args:
        summary: of the data set.
        configuration: a record of what was preprocessed; without it, or before that, there is no plan.
    """
    return _read_sizes(summary, _written(summary), configuration, configuration and _written(configuration))


def _written(file: Path) -> int | None:
    """When a file was written; None if it is not there."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None


@lru_cache(maxsize=1000)  # thousands of jobs ask
def _read_sizes(summary: Path, _: int | None, configuration: Path | None, planned: int | None) -> Sizes | None:
    try:
        data = json.loads(summary.read_text(encoding="utf-8"))
        if configuration is not None and planned is not None:
            return planned_sizes(data, json.loads(configuration.read_text(encoding="utf-8"))["configuration"])
        return data_sizes(data)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there yet, or of another version: the job itself will say what is wrong


def training_mb(sizes: Sizes | None, device: str, threads: int) -> int:
    """Main memory of a training and of the prediction of its fold, in MB.

    Args:
        sizes: of a planned configuration.
        device: on a CPU, the feature maps are in main memory as well.
        threads: on a GPU, one for each process that augments; a quarter of them write predictions.
    """
    if sizes is None or not sizes.patch:
        return 4000 if device == "cpu" else 32000
    exporting, augmenting = (1, 1) if device == "cpu" else (max(1, threads // 4), threads)
    # nnU-Net augments patches that are up to twice as large, and keeps some batches ready
    batches = (3 * augmenting + 6) * 2 * sizes.batch_values * _FLOAT
    # as resampled and as the image was, then probabilities; others wait to be written
    exported = sizes.heads * _FLOAT * (sizes.resampled + 3 * sizes.largest)
    waiting = 3 * sizes.heads * _HALF * sizes.resampled
    if device == "cpu":
        return _mb(_PROCESS_MB, sizes.network_values * _BYTES_VALUE + batches + exported + waiting, at_least=4000)
    processes = _PROCESS_MB + _CUDA_MB + augmenting * _WORKER_MB + exporting * _PROCESS_MB
    return _mb(processes, batches + exporting * exported + waiting, at_least=16000)


def evaluation_mb(sizes: Sizes | None, threads: int) -> int:
    """Memory to evaluate the cases of a fold, one in each thread, in MB."""
    if sizes is None:
        return 4000 * threads
    case = sizes.largest * (2 * sizes.heads * _FLOAT + 2 * _LABEL + _EVALUATION_BYTES_VOXEL)
    return _mb(threads * _WORKER_MB, threads * case, at_least=2000)


def ensemble_mb(sizes: Sizes | None) -> int:
    """Memory to average the probabilities of the cases of a fold, one by one, in MB."""
    if sizes is None:
        return 8000
    return _mb(_WORKER_MB, sizes.largest * sizes.heads * _FLOAT * _COPIES, at_least=2000)


def preprocessing_mb(sizes: Sizes | None, threads: int) -> int:
    """Memory to analyse or preprocess cases, one in each thread, in MB."""
    if sizes is None:
        return 8000 * threads
    case = (sizes.largest + sizes.resampled) * (sizes.channels * _FLOAT + _LABEL) * _COPIES
    return _mb((1 + threads) * _PROCESS_MB, threads * case, at_least=4000)


def preprocessing_threads(sizes: Sizes | None) -> int:
    """Cases that are preprocessed at once."""
    return 2 if sizes is None else min(sizes.cases, _WORKERS[sizes.axes])


def training_minutes(
    sizes: Sizes | None, figures: Sequence[Figure], loss: str, epochs: int, iterations: int, validated: int
) -> int:
    """Minutes of a training and of the prediction of its fold.

    Args:
        sizes: of the planned configuration.
        figures: measured in this configuration.
        loss: its own figure is taken, or else the slowest.
        epochs: of the training.
        iterations: of an epoch.
        validated: cases of its fold.
    """
    own = [figure for figure in figures if figure.loss == loss] or figures
    if sizes is None or not sizes.patch or not own:
        return LONGEST["train"]
    seconds = max(training_seconds(figure.step, figure.validation_step, epochs, iterations) for figure in own)
    return _minutes("train", seconds + validated * case_seconds(sizes.shape, sizes.patch, max(f.patch for f in own)))


def evaluation_minutes(sizes: Sizes | None, validated: int, threads: int) -> int:
    """Minutes to evaluate so many cases."""
    if sizes is None:
        return LONGEST["evaluate"]
    case = _EVALUATION_S_CASE + _EVALUATION_S_VOXEL * sizes.voxels
    return _minutes("evaluate", math.ceil(validated / threads) * case)


def preprocessing_minutes(rule: str, sizes: Sizes | None, threads: int) -> int:
    """Minutes to analyse or preprocess all cases.

    Args:
        rule: "plan" or "preprocess".
        sizes: of the data.
        threads: cases at once.
    """
    if sizes is None:
        return LONGEST[rule]
    case = _PREPROCESSING_S_CASE + _PREPROCESSING_S_VOXEL * (sizes.voxels + sizes.resampled) * sizes.channels
    return _minutes(rule, math.ceil(sizes.cases / threads) * case)


def _mb(processes: float, arrays: float, *, at_least: int) -> int:
    """Megabytes with a margin, in whole thousands: jobs that ask for the same are easier to schedule."""
    return max(at_least, 1000 * math.ceil(MARGIN * (processes + arrays / 1e6) / 1000))


def _minutes(rule: str, seconds: float) -> int:
    return min(LONGEST[rule], max(SHORTEST, 10 * math.ceil(2 * seconds / 600)))


def _resampled(case: Mapping[str, Any], spacing: Sequence[float]) -> float:
    """Voxels of a case after resampling of its last axes to a spacing; the order of the axes does not matter in 3D."""
    shape, own = case["shape"], case["spacing_mm"]
    if len(spacing) < len(shape):  # slices of a volume: nnU-Net keeps the axis of the largest spacing
        across = max(range(len(own)), key=lambda axis: own[axis])
        kept = shape[across]
        shape, own = [n for i, n in enumerate(shape) if i != across], [mm for i, mm in enumerate(own) if i != across]
        return float(kept * math.prod(shape) * math.prod(own) / math.prod(spacing))
    return float(math.prod(shape) * math.prod(own) / math.prod(spacing))


def _network_values(configuration: Mapping[str, Any]) -> float:
    """Numbers in the outputs of all convolutions for a batch; nnU-Net's planner counts them in the same way."""
    given = configuration["architecture"]["arch_kwargs"]
    encoder = given.get("n_conv_per_stage") or [2 * n for n in given["n_blocks_per_stage"]]
    decoder = given["n_conv_per_stage_decoder"]
    voxels, values = math.prod(configuration["patch_size"]), 0.0
    for stage, (features, stride) in enumerate(zip(given["features_per_stage"], given["strides"], strict=True)):
        voxels /= math.prod(stride)
        values += features * voxels * (encoder[stage] + (1 + decoder[stage] if stage < len(decoder) else 0))
    return float(configuration["batch_size"] * values)
