"""Failures are counted and named."""

import pandas as pd
import pytest

from nnunet_losses.statistics.tables.failures import failures_table


def test_runs_are_counted_by_status_and_named() -> None:
    jobs = pd.DataFrame(
        {
            "dataset": "D", "configuration": "2d", "trainer": ["A", "A", "A_seed1", "B"], "fold": [0, 1, 0, 0],
            "seed": [0, 0, 1, 0], "status": ["completed", "collapsed", "timeout", "completed"],
            "seconds": [3600.0, 1800.0, 0.0, 7200.0], "peak_memory_mb": [100.0, 300.0, 50.0, 10.0],
        }
    )  # fmt: skip
    table = failures_table(jobs).set_index("trainer")
    assert table.loc["A", ["jobs", "completed", "collapsed", "diverged", "missing", "other"]].tolist() == [
        3,
        1,
        1,
        0,
        0,
        1,
    ]
    assert table.loc["A", "failed_runs"] == "fold 1: collapsed; fold 0 seed 1: timeout"
    assert table.loc["A", ["hours", "hours_per_run", "peak_memory_mb"]].tolist() == [1.5, 1.0, 300.0]
    assert table.loc["B", "failed_runs"] == ""


def test_a_table_without_status_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the columns"):
        failures_table(pd.DataFrame({"dataset": []}))
