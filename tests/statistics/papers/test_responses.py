"""Response curves."""

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.statistics import TABLES, compare
from nnunet_losses.statistics.papers.responses import Curve
from tests.statistics.papers.test_reproduction import of_losses

CURVE = Curve("loss", "fn", {"A": 0.5, "B": 0.7, "D": 0.9}, {"paper's": 0.8})


def responses(cases: pd.DataFrame, **options) -> pd.DataFrame:
    found = compare(cases, baseline="A", resamples=200, curves=[CURVE], **options)
    return TABLES["responses"].check(found["responses"]), found["ranking"].set_index("trainer")


def test_a_point_is_the_mean_of_the_ranking_with_its_interval(study):
    rows, ranking = responses(study)
    assert list(rows["x"]) == [0.5, 0.7, 0.9]
    for row in rows.to_dict("records"):
        own = ranking.loc[row["trainer"]]
        told = [row["value"], row["low"], row["high"]]
        assert told == pytest.approx(own[["mean", "mean_low", "mean_high"]].tolist(), rel=1e-12)


@pytest.mark.slow
def test_the_band_over_trainings_is_students_interval_of_the_folds(make_cases):
    rng = np.random.default_rng(1)
    effects = rng.normal(0, 0.02, (5, 3))
    values = {name: 0.5 + np.tile(effects[:, k], 12) for k, name in enumerate(CURVE.values)}
    rows, _ = responses(make_cases(values))
    # what a fold does to all losses alike is no effect of a training; two thirds of the variance of three remain
    own = effects - effects.mean(axis=1, keepdims=True)
    sd = own.std(axis=0, ddof=1) / np.sqrt(2 / 3)
    half = 2.7764451 * sd / np.sqrt(5)  # Student's t for 95 % and 4 degrees of freedom
    assert (rows["training_high"] - rows["value"]).tolist() == pytest.approx(half.tolist(), rel=1e-6)
    assert (rows["trainings"] == 5).all()


def test_one_training_of_each_has_no_band_and_says_so(study):
    rows, _ = responses(study.assign(fold=0))
    assert rows["training_low"].isna().all()
    assert (rows["reason"] == "one training of each: no band over trainings").all()


def test_published_points_of_the_same_metric_lie_beside(study):
    numbers = pd.concat([of_losses({"paper's": 0.6}), of_losses({"paper's": 0.9}, metric="recall")])
    rows, _ = responses(study, published=numbers, loss_names={})
    told = rows[rows["kind"] == "published"]
    assert told[["x", "value", "data"]].values.tolist() == [[0.8, 0.6, "Paper's set"]]
