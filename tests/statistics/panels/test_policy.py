"""The metric says whether it needs a reference, what its worst value is; the policy does the rest and keeps count."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.metrics import METRICS, Metric
from nnunet_losses.statistics import Policy, Results, compare

MakeCases = Callable[..., pd.DataFrame]
nan = np.nan
QUICK = {"resamples": 50, "test_resamples": 10, "draws": 50}


@pytest.mark.parametrize("metric", ["lesion_dice", "lesion_sq", "ece", "brier", "nll", "lesion_recall_tiny"])
def test_what_is_measured_on_reference_lesions_is_left_out_where_there_are_none(
    make_cases: MakeCases, metric: str
) -> None:
    status = {t: ["ok", "both_empty", "reference_empty"] for t in "AB"}
    cases = make_cases({"A": [0.5, nan, nan], "B": [0.4, nan, nan]}, metric=metric, status=status)
    (panel,) = Results.of(cases, baseline="B", policy=Policy(both_empty="perfect")).panels()
    assert panel.cases == ["c0"]
    assert panel.coverage["n_worst"].tolist() == [0, 0]


def test_a_missed_lesion_still_counts_as_the_worst(make_cases: MakeCases) -> None:
    cases = make_cases(
        {"A": [0.5, nan], "B": [0.4, 0.2]}, metric="lesion_dice_found", status={"A": ["ok", "prediction_empty"]}
    )
    (panel,) = Results.of(cases, baseline="B").panels()
    assert panel.values.tolist() == [[0.5, 0.4], [0.0, 0.2]]


@pytest.mark.parametrize(("metric", "worst", "best"), [("precision", 0, 1), ("lesion_fdr", 1, 0)])
def test_worst_and_perfect_are_the_ends_of_the_metrics_range(
    make_cases: MakeCases, metric: str, worst: float, best: float
) -> None:
    status = {"A": ["ok", "prediction_empty", "both_empty"], "B": ["ok", "ok", "both_empty"]}
    cases = make_cases({"A": [0.5, nan, nan], "B": [0.4, 0.2, nan]}, metric=metric, status=status)
    (panel,) = Results.of(cases, baseline="B", policy=Policy(both_empty="perfect")).panels()
    assert panel.values[1:].tolist() == [[worst, 0.2], [best, best]]
    assert panel.resolved.tolist() == [["", ""], ["worst", ""], ["perfect", "perfect"]]


def test_only_cases_where_both_masks_are_empty_are_perfect(make_cases: MakeCases) -> None:
    status = {"A": ["ok", "prediction_empty", "both_empty"], "B": ["ok", "ok", "both_empty"]}
    cases = make_cases({"A": [0.5, nan, nan], "B": [0.4, 0.2, nan]}, metric="precision", status=status)
    policy = Policy(both_empty="perfect", one_empty="exclude")
    (panel,) = Results.of(cases, baseline="B", policy=policy).panels()
    assert panel.cases == ["c0", "c2"]
    assert panel.values.tolist() == [[0.5, 0.4], [1, 1]]


def test_a_metric_of_ones_own_is_described_by_the_caller(make_cases: MakeCases) -> None:
    own = Metric("mcc", "MCC", "1", True, "Matthews correlation coefficient.", bounds=(-1.0, 1.0), margin=0.02)
    cases = make_cases({"A": [0.5, nan], "B": [-0.4, 0.2]}, metric="mcc", status={"A": ["ok", "prediction_empty"]})
    tables = compare(cases, baseline="B", own_metrics={"mcc": own}, **QUICK)
    assert tables["values"].set_index(["case", "trainer"])["value"][("c1", "A")] == -1
    assert tables["pairwise"]["rope"].tolist() == [0.02]
    assert set(tables["mixed"]["scale"]) == {"raw", "rank"}  # not a share: no logit


def test_values_and_what_became_of_undefined_ones_are_tables(make_cases: MakeCases) -> None:
    cases = pd.concat(
        [
            make_cases(
                {"A": [0.8, nan, nan, 0.6], "B": [0.7, 0.3, nan, 0.5]},
                metric="precision",
                status={"A": ["ok", "prediction_empty", "both_empty", "ok"], "B": ["ok", "ok", "both_empty", "ok"]},
            ),
            make_cases({"A_seed1": [0.6, nan, nan, 0.4]}, metric="precision", seed=1,
                       status={"A_seed1": ["ok", "prediction_empty", "both_empty", "ok"]}),
        ]
    )  # fmt: skip
    tables = compare(cases, baseline="B", **QUICK)
    values = tables["values"].set_index(["case", "trainer"])
    assert values["value"].unstack("trainer").to_dict("list") == {  # noqa: PD010 (a Series has no pivot_table)
        "A": [pytest.approx(0.7), 0.0, pytest.approx(0.5)],
        "B": [0.7, 0.3, 0.5],
    }
    assert values["resolved"].to_dict() == {
        ("c0", "A"): "", ("c0", "B"): "", ("c1", "A"): "worst", ("c1", "B"): "", ("c3", "A"): "", ("c3", "B"): "",
    }  # fmt: skip
    means = tables["ranking"].set_index("trainer")["mean"]
    assert values["value"].groupby("trainer").mean().to_dict() == pytest.approx(means.to_dict())
    undefined = tables["undefined"].set_index(["trainer", "status", "resolved"])["n"].to_dict()
    assert undefined == {
        ("A", "prediction_empty", "worst"): 2, ("A", "both_empty", "left out"): 2, ("B", "both_empty", "left out"): 1,
    }  # fmt: skip


def test_metrics_know_their_range() -> None:
    assert METRICS["nll"].bounds == (0, np.inf)
    assert METRICS["nll"].worst is None
    assert not METRICS["nll"].is_share
    assert METRICS["hd95"].best == 0
    shares = {name for name, metric in METRICS.items() if metric.is_share}
    assert {m.name for m in METRICS.values() if m.unit == "1"} - shares == {"nll"}
