"""Calibration near the lesions."""

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.evaluation import calibration


def test_calibration_by_hand(evaluate_foreground):
    reference = np.zeros((1, 1, 6), bool)
    reference[0, 0, 1:3] = True
    foreground = np.array([[[0.1, 0.9, 0.4, 0.3, 0.8, 1.0]]])
    found = evaluate_foreground(reference, foreground > 0.5, foreground, margin_mm=2, calibration_bins=2)
    table = found["calibration"]  # voxels 0..4: the lesion and 2 mm on both sides
    assert table["count"].tolist() == [3, 2]
    assert table.confidence.tolist() == pytest.approx([0.8 / 3, 1.7 / 2])
    assert table.accuracy.tolist() == pytest.approx([1 / 3, 1 / 2])
    values = found["cases"].set_index("metric").value
    assert values["ece"] == pytest.approx((abs(0.8 - 1) + abs(1.7 - 1)) / 5)
    assert values["brier"] == pytest.approx((0.1**2 + 0.1**2 + 0.6**2 + 0.3**2 + 0.8**2) / 5)
    assert values["nll"] == pytest.approx(-np.log([0.9, 0.9, 0.4, 0.7, 0.2]).mean())


def test_calibration_is_measured_in_the_boxes_around_lesions_in_mm(evaluate_foreground):
    reference = np.zeros((20, 20, 20), bool)
    reference[10, 10, 10] = reference[10, 11, 10] = True
    found = evaluate_foreground(reference, reference, reference.astype(float), spacing=(4.0, 1.0, 2.0), margin_mm=4)
    assert found["calibration"]["count"].sum() == 3 * 10 * 5
    assert found["cases"].set_index("metric").value["ece"] == 0


def test_calibration_equals_numpy_on_the_whole_region(evaluate_foreground, scored):
    reference, prediction, p = scored
    found = evaluate_foreground(reference, prediction, p, margin_mm=100, calibration_bins=10)
    values = found["cases"].set_index("metric").value
    assert found["calibration"]["count"].sum() == p.size
    p = p.astype(float)
    bins = np.minimum((p * 10).astype(int), 9)
    gaps = [abs((p[bins == b] - reference[bins == b]).sum()) for b in range(10)]
    assert values["ece"] == pytest.approx(sum(gaps) / p.size, rel=1e-5)
    assert values["brier"] == pytest.approx(np.mean((p - reference) ** 2), rel=1e-5)
    kept = np.maximum(np.where(reference, p, 1 - p), 2.0**-24)
    assert values["nll"] == pytest.approx(-np.log(kept).mean(), rel=1e-5)


def test_calibration_without_lesions_is_undefined(evaluate_foreground):
    empty = np.zeros((4, 4, 4))
    values = evaluate_foreground(empty, empty, empty)["cases"].set_index("metric")
    assert values.value[["ece", "brier", "nll"]].isna().all()
    assert set(values.status[["ece", "brier", "nll"]]) == {"both_empty"}


def test_blocks_do_not_change_the_calibration(evaluate_foreground, scored, monkeypatch):
    whole = evaluate_foreground(*scored)
    monkeypatch.setattr(calibration, "_BLOCK", 97)
    parts = evaluate_foreground(*scored)
    pd.testing.assert_frame_equal(parts["calibration"], whole["calibration"], rtol=1e-6)
    pd.testing.assert_frame_equal(parts["cases"], whole["cases"], rtol=1e-6)


def test_an_empty_bin_has_no_confidence_and_no_accuracy(evaluate_foreground):
    mask = np.ones((3, 3, 3), bool)
    table = evaluate_foreground(mask, mask, mask.astype(float), calibration_bins=4)["calibration"]
    assert table["count"].tolist() == [0, 0, 0, 27]
    assert table.confidence.isna().tolist() == table.accuracy.isna().tolist() == [True, True, True, False]
    assert (table.confidence[3], table.accuracy[3]) == (1, 1)
