"""What jobs ask for, against what was measured, and that more data or a larger network never ask for less."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nnunet_losses.nnunet.benchmark import Figure
from nnunet_losses.study.resources import (
    LONGEST,
    SHORTEST,
    Sizes,
    ensemble_mb,
    evaluation_mb,
    evaluation_minutes,
    planned_sizes,
    preprocessing_mb,
    preprocessing_minutes,
    preprocessing_threads,
    read_sizes,
    training_mb,
    training_minutes,
)

SUMMARY = {
    "cases": [
        {"shape": [100, 80, 10], "spacing_mm": [1.0, 1.0, 3.0]},
        {"shape": [100, 80, 20], "spacing_mm": [1.0, 1.0, 3.0]},
    ],
    "channel_names": ["T1", "FLAIR"],
    "labels": {"background": 0, "lesion": 1},
}


def configuration(patch: list[int], spacing: list[float], features: list[int], batch: int = 1) -> dict[str, Any]:
    stages = len(features)
    kwargs = {
        "features_per_stage": features,
        "strides": [[1] * len(patch), *[[2] * len(patch)] * (stages - 1)],
        "n_conv_per_stage": [2] * stages,
        "n_conv_per_stage_decoder": [2] * (stages - 1),
    }
    return {
        "patch_size": patch,
        "batch_size": batch,
        "spacing": spacing,
        "median_image_size_in_voxels": [45, 80, 100][-len(patch) :],
        "architecture": {"arch_kwargs": kwargs},
    }


LARGE = configuration([768, 768], [1.0, 1.0], [32, 64, 128, 256, 512, 512, 512, 512])
VOLUMES = configuration([64, 80, 96], [1.0, 1.0, 1.0], [32, 64, 128], batch=2)


def test_sizes_follow_from_data_and_plan() -> None:
    sizes = planned_sizes(SUMMARY, VOLUMES)
    assert (sizes.cases, sizes.voxels, sizes.largest, sizes.channels, sizes.heads) == (2, 120_000, 160_000, 2, 2)
    assert sizes.resampled == 100 * 80 * 60  # slices of 3 mm become slices of 1 mm
    voxels = 64 * 80 * 96
    assert sizes.batch_values == 2 * voxels * 3  # two channels and the labels
    # two convolutions on the way down; up, one more that enlarges
    assert sizes.network_values == 2 * (voxels * 32 * 5 + voxels / 8 * 64 * 5 + voxels / 64 * 128 * 2)
    assert planned_sizes(SUMMARY, LARGE).resampled == 160_000  # in 2D, slices stay as they are


def test_a_training_on_a_cpu_gets_what_it_was_seen_to_need() -> None:
    # peak memory of one step of nnU-Net's network of retinal images was 3,000 MB
    assert 3000 <= training_mb(planned_sizes(SUMMARY, LARGE), "cpu", 1) <= 9000
    # those of ten epochs of a small one, validation included, 1,370 to 1,650 MB
    small = planned_sizes(SUMMARY, configuration([192, 192], [1.0, 1.0], [8, 16, 32, 64], batch=4))
    assert 2000 <= training_mb(small, "cpu", 1) <= 4000


def test_the_evaluation_gets_what_it_was_seen_to_need() -> None:
    sizes = replace(planned_sizes(SUMMARY, VOLUMES), largest=192 * 512 * 512, voxels=192 * 512 * 512)
    arrays_mb = sizes.largest * (2 * 4 + 2 + 2) / 1e6  # probabilities and two label maps
    assert evaluation_mb(sizes, 1) > arrays_mb + 240 + 500
    assert evaluation_minutes(replace(sizes, cases=100), 100, 1) >= 100 * 1.0 / 60
    assert evaluation_minutes(sizes, 100, 8) < evaluation_minutes(sizes, 100, 1)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("key", ["largest", "resampled", "channels", "heads", "batch_values", "network_values"])
def test_more_never_asks_for_less(device: str, key: str) -> None:
    before = planned_sizes(SUMMARY, VOLUMES)
    after = replace(before, **{key: 1000 * getattr(before, key)})
    threads = 1 if device == "cpu" else 12
    assert training_mb(after, device, threads) >= training_mb(before, device, threads)
    assert evaluation_mb(after, threads) >= evaluation_mb(before, threads)
    assert ensemble_mb(after) >= ensemble_mb(before)
    assert preprocessing_mb(after, threads) >= preprocessing_mb(before, threads)


def test_minutes_follow_from_measured_steps() -> None:
    sizes = planned_sizes(SUMMARY, VOLUMES)
    figures = [
        Figure("Dataset001_A", "3d", loss, step, step / 2, 0.01, 1000, "a GPU")
        for loss, step in (("DiceTrainer", 0.1), ("BoundaryTrainer", 0.4))
    ]
    epoch = 250 * 0.1 + 50 * 0.05
    fast = training_minutes(sizes, figures, "DiceTrainer", 100, 250, 2)
    assert 2 * 100 * epoch / 60 <= fast <= 2 * 100 * epoch / 60 + 30
    assert training_minutes(sizes, figures, "AnotherTrainer", 100, 250, 2) > 3 * fast  # as slow as the slowest
    assert training_minutes(sizes, figures, "DiceTrainer", 10_000, 250, 2) == LONGEST["train"]
    assert training_minutes(sizes, figures, "DiceTrainer", 1, 1, 2) == SHORTEST
    assert training_minutes(sizes, [], "DiceTrainer", 1, 1, 2) == LONGEST["train"]


def test_without_prepared_data_usual_figures_are_asked_for(tmp_path: Path) -> None:
    nothing = read_sizes(tmp_path / "summary.json", tmp_path / "3d.json")
    assert nothing is None
    assert (training_mb(nothing, "cpu", 1), training_mb(nothing, "cuda", 12)) == (4000, 32000)
    assert preprocessing_mb(nothing, preprocessing_threads(nothing)) == 16000
    assert (preprocessing_minutes("plan", nothing, 2), evaluation_minutes(nothing, 0, 1)) == (240, 120)


def test_sizes_are_read_again_once_more_is_known(tmp_path: Path) -> None:
    summary, planned = tmp_path / "summary.json", tmp_path / "3d.json"
    assert read_sizes(summary, planned) is None
    summary.write_text(json.dumps(SUMMARY))
    first = read_sizes(summary, planned)
    assert isinstance(first, Sizes)
    assert first.patch == ()
    assert preprocessing_threads(first) == 2  # not more than cases
    planned.write_text(json.dumps({"configuration": VOLUMES}))
    assert read_sizes(summary, planned) == planned_sizes(SUMMARY, VOLUMES)
    planned.write_text(json.dumps({"configuration": LARGE}))
    os.utime(planned, ns=(1, 1))
    assert read_sizes(summary, planned) == planned_sizes(SUMMARY, LARGE)
