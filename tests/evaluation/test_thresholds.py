"""Voxel counts at every threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from nnunet_losses.base.errors import UserError
from nnunet_losses.evaluation import EvaluationSettings, thresholds
from nnunet_losses.evaluation.thresholds import threshold_counts, threshold_grid


def test_thresholds_are_evenly_spaced_in_log_odds_around_one_half():
    grid = threshold_grid(EvaluationSettings())
    assert logit(grid) == pytest.approx(np.linspace(-7, 7, 57))
    assert 0.5 in grid
    assert len(threshold_grid(EvaluationSettings(threshold_logit_max=1, threshold_logit_step=0.3))) == 7
    assert len(threshold_grid(EvaluationSettings(threshold_logit_max=0.3, threshold_logit_step=0.1))) == 7


def test_counts_at_every_threshold_equal_a_loop(evaluate_foreground, scored):
    reference, prediction, foreground = scored
    table = evaluate_foreground(reference, prediction, foreground)["thresholds"]
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
@settings(max_examples=20)
def test_blocks_do_not_change_the_counts(seed, share):
    rng = np.random.default_rng(seed)
    probability, truth, ignored = rng.random(100).astype(np.float32), rng.random(100) < 0.3, rng.random(100) < 0.2
    truth &= ~ignored
    grid = threshold_grid(EvaluationSettings())
    whole = threshold_counts(probability, truth, ignored, grid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thresholds, "_BLOCK", 7 * share)
        assert threshold_counts(probability, truth, ignored, grid).equals(whole)
    assert (whole.tp + whole.fn == truth.sum()).all()


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_numbers_that_are_no_probabilities_are_refused(wrong):
    probability = np.array([0.5, wrong], np.float32)
    with pytest.raises(UserError, match=r"outside \[0, 1\] or NaN"):
        threshold_counts(probability, np.ones(2, bool), None, np.array([0.5]))
