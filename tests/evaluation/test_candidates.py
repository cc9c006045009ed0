"""Scores of predicted components."""

import math

import numpy as np
import pytest
from scipy.ndimage import label
from scipy.special import logit

from nnunet_losses.evaluation.candidates import log_odds


def test_scores_are_the_largest_and_mean_log_odds_of_each_component(evaluate_foreground, scored):
    reference, prediction, foreground = scored
    table = evaluate_foreground(reference, prediction, foreground)["lesions"]
    components, count = label(prediction, np.ones((3, 3, 3)))
    expected = [log_odds(foreground[components == k + 1]) for k in range(count)]
    rows = table[table.side == "prediction"]
    assert sorted(rows.score_max) == pytest.approx(sorted(e.max() for e in expected), rel=1e-5)
    assert sorted(rows.score_mean) == pytest.approx(sorted(e.mean() for e in expected), rel=1e-5)


def test_a_lesion_takes_the_score_of_the_component_that_hits_it_best(evaluate_foreground):
    reference, prediction = np.zeros((2, 3, 3, 12), bool)
    reference[1, 1, 0:6] = reference[1, 1, 9] = True
    prediction[1, 1, 0:2] = prediction[1, 1, 3:6] = True
    foreground = np.where(prediction, 0.9, 0.0).astype(np.float32)
    foreground[1, 1, 3:6] = 0.7
    table = evaluate_foreground(reference, prediction, foreground)["lesions"]
    hit, missed = table[table.side == "reference"].itertuples()
    assert hit.score_max == pytest.approx(logit(0.7), rel=1e-5)  # 3 shared voxels beat 2 of higher score
    assert math.isnan(missed.score_max)


def test_log_odds_are_finite_at_certainty_and_exact_elsewhere():
    p = np.array([0, 1e-30, 0.2, 0.5, 0.9, 1], np.float32)
    assert log_odds(p)[[0, 1, 5]] == pytest.approx(logit([2**-24, 2**-24, 1 - 2**-24]))
    assert log_odds(p)[2:5] == pytest.approx(logit(p[2:5].astype(float)))
