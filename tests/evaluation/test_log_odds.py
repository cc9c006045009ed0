"""Voxels near the lesions by log-odds and truth."""

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.evaluation import log_odds


def test_bins_by_hand(evaluate_foreground):
    reference = np.zeros((1, 1, 6), bool)
    reference[0, 0, 1:3] = True
    foreground = np.array([[[0.1, 0.9, 0.5, 0.1, 1.0, 0.3]]])  # the last voxel is far from the lesion
    table = evaluate_foreground(reference, foreground > 0.5, foreground, margin_mm=2)["log_odds"]
    assert table["bin"].tolist() == [59, 68, 76, 134]
    assert table["log_odds"].tolist() == pytest.approx([-np.log(9), 0, np.log(9), 24 * np.log(2)], rel=1e-5, abs=1e-6)
    assert table["background"].tolist() == [2, 0, 0, 1]
    assert table["foreground"].tolist() == [0, 1, 1, 0]


def test_the_scores_of_a_case_follow_from_its_bins(evaluate_foreground, scored, monkeypatch):
    found = evaluate_foreground(*scored)
    rows, values = found["log_odds"], found["cases"].set_index("metric")["value"]
    z, background, foreground = (rows[name].to_numpy() for name in ("log_odds", "background", "foreground"))
    voxels = (background + foreground).sum()
    assert voxels == found["calibration"]["count"].sum()
    nll = (foreground * np.logaddexp(0, -z) + background * np.logaddexp(0, z)).sum() / voxels
    assert nll == pytest.approx(values["nll"], rel=2e-3)
    monkeypatch.setattr(log_odds, "_BLOCK", 97)
    pd.testing.assert_frame_equal(evaluate_foreground(*scored)["log_odds"], rows, rtol=1e-9)


def test_without_lesions_there_is_nothing_to_count(evaluate_foreground):
    empty = np.zeros((4, 4, 4))
    assert evaluate_foreground(empty, empty, empty)["log_odds"].empty
