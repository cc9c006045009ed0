"""Overlap of voxels."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import DiceMetric


def test_hand_worked_counts_give_the_textbook_values(measure):
    reference, prediction = np.zeros((4, 5, 5)), np.zeros((4, 5, 5))
    reference[1, 1, :4] = 1  # 4 voxels
    prediction[1, 1, 2:5] = 1  # 2 hits, 1 too many, 2 missed
    metrics = measure(reference, prediction, (2.0, 1.0, 5.0))
    assert metrics["dice"] == pytest.approx(4 / 7)
    assert metrics["iou"] == pytest.approx(2 / 5)
    assert metrics["precision"] == pytest.approx(2 / 3)
    assert metrics["recall"] == pytest.approx(2 / 4)
    assert metrics["specificity"] == pytest.approx(95 / 96)
    assert metrics["f2"] == pytest.approx(5 * 2 / (5 * 2 + 4 * 2 + 1))
    assert metrics["volume_difference_ml"] == pytest.approx(1 * 10 / 1000)


def test_dice_equals_monai(measure, blobs):
    a, b = blobs(1), blobs(101) | blobs(1)
    expected = DiceMetric(include_background=True)(
        torch.tensor(b[None, None], dtype=torch.float32), torch.tensor(a[None, None], dtype=torch.float32)
    )
    assert measure(a, b)["dice"] == pytest.approx(float(expected), abs=1e-6)


@given(st.integers(0, 2**27 - 1), st.integers(0, 2**27 - 1))
@settings(max_examples=30)
def test_swapping_the_sides_swaps_precision_and_recall(measure, a, b):
    first, second = (np.array([n >> i & 1 for i in range(27)]).reshape(3, 3, 3) for n in (a, b))
    one, two = measure(first, second), measure(second, first)
    for name, mirrored in (("dice", "dice"), ("iou", "iou"), ("precision", "recall"), ("recall", "precision")):
        assert one[name] == pytest.approx(two[mirrored], nan_ok=True)
    assert one["volume_difference_ml"] == two["volume_difference_ml"]


def test_one_voxel_on_target_is_perfect_and_beside_it_is_nothing(measure):
    reference, beside = np.zeros((3, 3, 3)), np.zeros((3, 3, 3))
    reference[1, 1, 1], beside[1, 1, 2] = 1, 1
    assert measure(reference, reference)["dice"] == 1
    assert measure(reference, beside)["dice"] == 0


@pytest.mark.parametrize(
    ("reference", "prediction", "expected"),
    [
        (0, 0, {"dice": math.nan, "precision": math.nan, "recall": math.nan, "specificity": 1.0}),
        (0, 1, {"dice": 0.0, "precision": 0.0, "recall": math.nan, "f2": 0.0}),
        (1, 0, {"dice": 0.0, "precision": math.nan, "recall": 0.0, "f2": 0.0}),
    ],
)
def test_empty_masks_are_undefined_only_where_nothing_can_be_counted(measure, reference, prediction, expected):
    ours, theirs = np.zeros((4, 4, 4)), np.zeros((4, 4, 4))
    ours[1, 1, 1], theirs[2, 2, 2] = reference, prediction
    metrics = measure(ours, theirs)
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value, nan_ok=True), name
