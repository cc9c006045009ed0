"""Failures are counted and named."""

import pandas as pd
import pytest

from nnunet_losses.base.states import RunStatus
from nnunet_losses.statistics.failures import costs_table, failures_table


def test_runs_are_counted_by_status_and_named() -> None:
    jobs = pd.DataFrame(
        {
            "dataset": "D", "configuration": "2d", "trainer": ["A", "A", "A", "B"], "fold": [0, 1, 0, 0],
            "seed": [0, 0, 1, 0], "status": ["completed", "completed", "unfinished", "completed"],
            "collapsed": [False, True, False, False],
            "seconds": [3600.0, 1800.0, 0.0, 7200.0], "peak_memory_mb": [100.0, 300.0, 50.0, 10.0],
        }
    )  # fmt: skip
    table = failures_table(jobs).set_index("trainer")
    counts = {"completed": 2, "collapsed": 1, "diverged": 0, "unfinished": 1, "missing": 0}
    assert table.loc["A", ["jobs", *counts]].tolist() == [3, *counts.values()]
    assert table.loc["A", "failed_runs"] == "fold 1: collapsed; fold 0 seed 1: unfinished"
    assert table.loc["A", ["hours", "hours_per_run", "peak_memory_mb"]].tolist() == [1.5, 0.75, 300.0]
    assert table.loc["B", "failed_runs"] == ""


@pytest.mark.parametrize("status", list(RunStatus))
def test_every_word_of_state_has_its_column(status: RunStatus) -> None:
    job = {
        "dataset": "D",
        "configuration": "2d",
        "trainer": "A",
        "fold": 0,
        "seed": 0,
        "seconds": 1.0,
        "collapsed": False,
    }
    table = failures_table(pd.DataFrame([{**job, "peak_memory_mb": 1.0, "status": status}]))
    assert table[[str(other) for other in RunStatus]].iloc[0].to_dict() == {s: int(s == status) for s in RunStatus}


def test_costs_are_those_of_completed_trainings_collapsed_ones_included() -> None:
    jobs = pd.DataFrame(
        {
            "dataset": "D", "configuration": "2d", "trainer": ["A", "A", "A", "B"], "fold": [0, 1, 2, 0], "seed": 0,
            "status": ["completed", "completed", "diverged", "missing"], "seconds": [10.0, 30.0, 1.0, float("nan")],
            "collapsed": [True, False, False, False],
            "peak_memory_mb": [100.0, 200.0, 900.0, float("nan")], "hardware": ["y", "x", "z", None],
        }
    )  # fmt: skip
    assert costs_table(jobs).to_dict("records") == [
        {
            "dataset": "D", "configuration": "2d", "trainer": "A", "runs": 2, "seconds": 20.0, "fastest": 10.0,
            "slowest": 30.0, "peak_memory_mb": 200.0, "hardware": "x, y",
        }
    ]  # fmt: skip
    assert costs_table(jobs.drop(columns="hardware"))["hardware"].tolist() == [""]
    assert costs_table(jobs.tail(1)).empty


def test_a_training_that_lost_what_it_had_learned_is_counted() -> None:
    run = {"dataset": "D", "configuration": "2d", "seed": 0}
    jobs = pd.DataFrame(
        [
            {**run, "trainer": t, "fold": f, "status": "completed", "collapsed": False, "seconds": 1.0,
             "peak_memory_mb": 1.0}
            for t in "AB"
            for f in range(3)
        ]
    )  # fmt: skip
    curves = {
        ("A", 0): [0.1, 0.6, 0.2], ("A", 1): [0.1, 0.6, 0.31], ("A", 2): [0.02, 0.09, 0.0],
        ("B", 0): [0.0, 0.1, 0.04], ("B", 1): [0.6, 0.7, 0.0], ("B", 2): [0.5, 0.6, 0.7],
    }  # fmt: skip
    training = pd.DataFrame(
        [
            {**run, "trainer": t, "fold": f, "epoch": e, "ema_pseudo_dice": value}
            for (t, f), values in curves.items()
            for e, value in enumerate(values)
        ]
    )
    found = failures_table(jobs, training).set_index("trainer")["learned_then_lost"]
    assert found.to_dict() == {"A": 1, "B": 2}
    assert set(failures_table(jobs)["learned_then_lost"]) == {0}
