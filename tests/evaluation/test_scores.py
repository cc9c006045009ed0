"""Everything that is read from probabilities: candidate scores, threshold counts, calibration."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from nnunet_losses.evaluation import EvaluationSettings, Reference, evaluate_case
from nnunet_losses.evaluation.candidates import log_odds
from nnunet_losses.evaluation.thresholds import threshold_counts, threshold_grid

LESION = {"background": 0, "lesion": 1}
ISO = (1.0, 1.0, 1.0)


def evaluate(reference, prediction, foreground, spacing=ISO, **kwargs):
    made = Reference(reference.astype(np.uint8), spacing, LESION, EvaluationSettings(**kwargs))
    stacked = np.stack([1 - foreground, foreground]).astype(np.float32)
    return evaluate_case(made, prediction.astype(np.uint8), stacked)


@pytest.fixture(name="case")
def _case(blobs):
    reference = blobs(1, (12, 13, 14))
    rng = np.random.default_rng(0)
    foreground = np.clip(0.6 * reference + 0.4 * blobs(2, (12, 13, 14)) + rng.normal(0, 0.1, reference.shape), 0, 1)
    foreground = foreground.astype(np.float32)
    return reference, foreground > 0.5, foreground


def test_scores_are_the_largest_and_mean_log_odds_of_each_component(case):
    from scipy.ndimage import label

    reference, prediction, foreground = case
    table = evaluate(reference, prediction, foreground)["lesions"]
    components, count = label(prediction, np.ones((3, 3, 3)))
    expected = [log_odds(foreground[components == k + 1]) for k in range(count)]
    rows = table[table.side == "prediction"]
    assert sorted(rows.score_max) == pytest.approx(sorted(e.max() for e in expected), rel=1e-5)
    assert sorted(rows.score_mean) == pytest.approx(sorted(e.mean() for e in expected), rel=1e-5)


def test_a_lesion_takes_the_score_of_the_component_that_hits_it_best():
    reference, prediction = np.zeros((2, 3, 3, 12), bool)
    reference[1, 1, 0:6] = reference[1, 1, 9] = True
    prediction[1, 1, 0:2] = prediction[1, 1, 3:6] = True
    foreground = np.where(prediction, 0.9, 0.0).astype(np.float32)
    foreground[1, 1, 3:6] = 0.7
    table = evaluate(reference, prediction, foreground)["lesions"]
    hit, missed = table[table.side == "reference"].itertuples()
    assert hit.score_max == pytest.approx(logit(0.7), rel=1e-5)  # 3 shared voxels beat 2 of higher score
    assert math.isnan(missed.score_max)


def test_log_odds_are_finite_at_certainty_and_exact_elsewhere():
    p = np.array([0, 1e-30, 0.2, 0.5, 0.9, 1], np.float32)
    assert np.isfinite(log_odds(p)).all()
    assert log_odds(p)[2:5] == pytest.approx(logit(p[2:5].astype(float)))


def test_thresholds_are_symmetric_in_log_odds_and_hold_one_half():
    grid = threshold_grid(EvaluationSettings())
    assert 0.5 in grid
    assert logit(grid) == pytest.approx(-logit(grid)[::-1])
    assert (np.diff(grid) > 0).all()


def test_counts_at_every_threshold_equal_a_loop(case):
    reference, prediction, foreground = case
    table = evaluate(reference, prediction, foreground)["thresholds"]
    for row in table.itertuples():
        mask = foreground > row.threshold
        assert row.tp == np.sum(mask & reference)
        assert row.fp == np.sum(mask & ~reference)
        assert row.fn == np.sum(~mask & reference)


def test_a_probability_equal_to_a_threshold_is_not_above_it():
    probability = np.array([0.25, 0.5, 0.75], np.float32)
    table = threshold_counts(probability, np.ones(3, bool), None, np.array([0.25, 0.5, 0.75]))
    assert table.tp.tolist() == [2, 1, 0]


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_blocks_do_not_change_the_counts(seed, share):
    from nnunet_losses.evaluation import thresholds

    rng = np.random.default_rng(seed)
    probability, truth, ignored = rng.random(100).astype(np.float32), rng.random(100) < 0.3, rng.random(100) < 0.2
    truth &= ~ignored
    grid = threshold_grid(EvaluationSettings())
    whole = threshold_counts(probability, truth, ignored, grid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thresholds, "_BLOCK", 7 * share)
        assert threshold_counts(probability, truth, ignored, grid).equals(whole)
    assert (whole.tp + whole.fn == truth.sum()).all()


def test_calibration_by_hand():
    reference = np.zeros((1, 1, 6), bool)
    reference[0, 0, 1:3] = True
    foreground = np.array([[[0.1, 0.9, 0.4, 0.3, 0.8, 1.0]]])
    found = evaluate(reference, foreground > 0.5, foreground, margin_mm=2, calibration_bins=2)
    table = found["calibration"]  # voxels 0..4: the lesion and 2 mm on both sides
    assert table["count"].tolist() == [3, 2]
    assert table.confidence.tolist() == pytest.approx([0.8 / 3, 1.7 / 2])
    assert table.accuracy.tolist() == pytest.approx([1 / 3, 1 / 2])
    values = found["cases"].set_index("metric").value
    assert values["ece"] == pytest.approx((abs(0.8 - 1) + abs(1.7 - 1)) / 5)
    assert values["brier"] == pytest.approx((0.1**2 + 0.1**2 + 0.6**2 + 0.3**2 + 0.8**2) / 5)
    assert values["nll"] == pytest.approx(-np.log([0.9, 0.9, 0.4, 0.7, 0.2]).mean())


def test_calibration_is_measured_in_the_boxes_around_lesions_in_mm():
    reference = np.zeros((20, 20, 20), bool)
    reference[10, 10, 10] = reference[10, 11, 10] = True
    found = evaluate(reference, reference, reference.astype(float), spacing=(4.0, 1.0, 2.0), margin_mm=4)
    assert found["calibration"]["count"].sum() == 3 * 10 * 5
    assert found["cases"].set_index("metric").value["ece"] == 0


def test_calibration_equals_numpy_on_the_whole_region(case):
    reference, prediction, p = case
    found = evaluate(reference, prediction, p, margin_mm=100, calibration_bins=10)
    values = found["cases"].set_index("metric").value
    assert found["calibration"]["count"].sum() == p.size
    p = p.astype(float)
    bins = np.minimum((p * 10).astype(int), 9)
    gaps = [abs((p[bins == b] - reference[bins == b]).sum()) for b in range(10)]
    assert values["ece"] == pytest.approx(sum(gaps) / p.size, rel=1e-5)
    assert values["brier"] == pytest.approx(np.mean((p - reference) ** 2), rel=1e-5)
    kept = np.maximum(np.where(reference, p, 1 - p), 2.0**-24)
    assert values["nll"] == pytest.approx(-np.log(kept).mean(), rel=1e-5)


def test_calibration_without_lesions_is_undefined():
    empty = np.zeros((4, 4, 4))
    values = evaluate(empty, empty, empty)["cases"].set_index("metric")
    assert values.value[["ece", "brier", "nll"]].isna().all()
    assert set(values.status[["ece", "brier", "nll"]]) == {"both_empty"}
