"""What a study costs in time and on the disk, by rules that are stated with the numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnunet_losses.nnunet.names.changes import DEFAULT_ITERATIONS
from nnunet_losses.nnunet.preparation.expected import Step

VALIDATION = 50
"""Steps of validation in an epoch of nnU-Net's length."""
_CHECKPOINTS = 3
"""Kept of each training: nnU-Net's last and best one, and a copy for the results."""
_BYTES_PARAMETER = 8
"""The parameter and its momentum."""
_BYTES_VOXEL, _BYTES_LABEL = 4, 2

RULE = (
    "The time is that of all training and validation steps and of the prediction of the validation cases, with "
    "overlapping patches and all mirror images, one training after the other. Preparation, evaluation and the report "
    "come on top, and so do loading and augmenting the data, on a GPU where they are slower than the network, on a CPU "
    "always: a pilot on a CPU took half as long again. The disk holds a copy of the data, "
    "the preprocessed data without compression, and three checkpoints of each training."
)


@dataclass(frozen=True)
class Cost:
    """What a study costs.

    trainings: their number.
    seconds: of all trainings and predictions, one after the other.
    bytes: on the disk at the end.
    """

    trainings: int
    seconds: float
    bytes: int


def cost(
    configuration: Mapping[str, Any],
    patch_size: Sequence[int],
    batch_size: int,
    step: Step,
    *,
    cases: int,
    channels: int,
    raw_bytes: int,
    trainers: int,
    folds_run: int,
    folds: int,
    epochs: int,
    iterations: int,
) -> Cost:
    """Estimate a study of one configuration and one seed, of data that nobody has preprocessed yet.

    Args:
        configuration: of nnU-Net's plans; the parent of a small one.
        patch_size: voxels.
        batch_size: patches in a step.
        step: what a step costs.
        cases: number of cases.
        channels: of the images.
        raw_bytes: of the data as they lie.
        trainers: number of losses.
        folds_run: number of folds that are trained.
        folds: number of folds.
        epochs: of a training.
        iterations: of an epoch.
    """
    shape = [int(n) for n in configuration["median_image_size_in_voxels"]]
    trainings = trainers * folds_run
    training = training_seconds(step.seconds, step.forward_seconds, epochs, iterations)
    predicted = cases * folds_run / folds * trainers
    preprocessed = cases * math.prod(shape) * (channels * _BYTES_VOXEL + _BYTES_LABEL)
    return Cost(
        trainings,
        trainings * training + predicted * case_seconds(shape, patch_size, step.forward_seconds / batch_size),
        raw_bytes + preprocessed + trainings * checkpoint_bytes(step.parameters),
    )


def training_seconds(step: float, validation_step: float, epochs: float, iterations: int) -> float:
    """Seconds of all epochs of a training.

    Args:
        step: seconds of a training step.
        validation_step: seconds of a validation step.
        epochs: their number.
        iterations: training steps in an epoch.
    """
    return epochs * (iterations * step + max(1, round(VALIDATION * iterations / DEFAULT_ITERATIONS)) * validation_step)


def case_seconds(shape: Sequence[int], patch_size: Sequence[int], patch: float) -> float:
    """Seconds to predict a case as nnU-Net does: overlapping patches, and all mirror images of each.

    Args:
        shape: of the resampled image, in voxels.
        patch_size: voxels; in 2D, slices are predicted one by one.
        patch: seconds of the forward pass of one patch.
    """
    slices = math.prod(shape[: len(shape) - len(patch_size)])
    inner = shape[len(shape) - len(patch_size) :]
    tiles = math.prod(max(1, math.ceil((n - p) / (p / 2)) + 1) for n, p in zip(inner, patch_size, strict=True))
    return slices * tiles * 2 ** len(patch_size) * patch


def checkpoint_bytes(parameters: int) -> int:
    """Bytes of what is kept of a training's network of so many parameters."""
    return _CHECKPOINTS * _BYTES_PARAMETER * parameters


def duration(seconds: float) -> str:
    """A time for a person.

    >>> duration(40), duration(600), duration(7200), duration(40 * 3600), duration(86400 * 100)
    ('1 minute', '10 minutes', '2.0 hours', '40 hours', '100 days')
    """
    minutes = max(1, round(seconds / 60))
    if minutes < 90:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours = seconds / 3600
    if hours < 72:
        return f"{hours:.1f} hours" if hours < 10 else f"{hours:.0f} hours"
    days = hours / 24
    return f"{days:.0f} days" if days < 1000 else f"{days / 365.25:.0f} years"
