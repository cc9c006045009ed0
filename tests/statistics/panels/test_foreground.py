"""Labels averaged per case, before cases are compared."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.statistics import Results, compare
from nnunet_losses.statistics.panels.foreground import FOREGROUND_MEAN, with_foreground_mean

MakeCases = Callable[..., pd.DataFrame]


def test_labels_are_averaged_in_the_cases_that_have_them_all(make_cases: MakeCases) -> None:
    cases = pd.concat(
        [
            make_cases({"A": [0.8, np.nan, 0.5]}, label="front", status={"A": ["ok", "both_empty", "ok"]}),
            make_cases({"A": [0.6, 0.9]}, label="back"),
        ]
    )
    mean = with_foreground_mean(cases).query("label == @FOREGROUND_MEAN").set_index("case")
    assert mean["value"].to_dict() == {"c0": pytest.approx(0.7), "c1": pytest.approx(np.nan, nan_ok=True)}
    assert mean["status"].to_dict() == {"c0": "ok", "c1": "both_empty"}


def test_a_single_label_is_its_own_mean(make_cases: MakeCases) -> None:
    cases = make_cases({"A": [0.8, 0.5]})
    pd.testing.assert_frame_equal(with_foreground_mean(cases), cases)


@pytest.mark.slow
def test_the_mean_is_compared_like_a_label(study: pd.DataFrame) -> None:
    cases = pd.concat([study, study.assign(label="other", value=1 - study["value"])])
    options = {"resamples": 100, "test_resamples": 20, "draws": 100, "foreground_mean": True}
    ranking = compare(cases, baseline="A", **options)["ranking"]
    mean = ranking[ranking["label"] == FOREGROUND_MEAN]
    assert mean["mean"].to_numpy() == pytest.approx(np.full(4, 0.5))
    assert set(mean["rank"]) == {1}


def test_labels_are_not_averaged_unless_asked(study: pd.DataFrame) -> None:
    cases = pd.concat([study, study.assign(label="other")])
    assert {panel.label for panel in Results.of(cases, baseline="A").panels()} == {"lesion", "other"}
