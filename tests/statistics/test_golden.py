"""Two stored studies: what the statistics said before the rooms were rearranged, they say today, cell by cell.

golden/demo has the tables of the demo's first committed run; golden/repeats is simulated, with two data sets, two
labels, repeated seeds, empty cases, a collapse and a trainer that lacks a fold.
"""

from pathlib import Path

import pandas as pd
import pytest

from nnunet_losses.base.tables.schema import Table
from nnunet_losses.statistics import TABLES, compare
from nnunet_losses.statistics.tables import papers

GOLDEN = Path(__file__).parent / "golden"
BASELINES = {"demo": "DiceCrossEntropyTrainer_10epochs_40iters", "repeats": "DiceCrossEntropyTrainer"}
MARGINS = {**dict.fromkeys(["hd", "hd95", "hd95_pooled", "assd", "masd"], 0.5),
           **dict.fromkeys(["false_positive_count", "negative_false_positive_count"], 0.0)}  # fmt: skip
OPTIONS = {"resamples": 400, "test_resamples": 100, "draws": 400, "seed": 3, "rope": MARGINS}


def read(folder: Path) -> dict[str, pd.DataFrame]:
    return {file.stem: pd.read_parquet(file) for file in sorted(folder.glob("*.parquet"))}


@pytest.fixture(scope="module", params=sorted(BASELINES))
def study(request):
    tables = read(GOLDEN / request.param / "tables")
    found = compare(
        tables.pop("cases"), baseline=BASELINES[request.param], foreground_mean=request.param == "repeats", **tables,
        **OPTIONS,
    )  # fmt: skip
    return request.param, found


def as_it_is_meant(table: str, expected: pd.DataFrame) -> pd.DataFrame:
    """What was wrong then.

    An unknown status had a column, collapsed trainings did not count as completed, NLL had a logit, an interval of a
    count an end below zero.
    """
    if table == "failures":
        completed = expected["completed"] + expected["collapsed"]
        return expected.drop(columns=["other", "hours_per_run"]).assign(completed=completed)
    if table == "mixed":
        return expected[(expected["metric"] != "nll") | (expected["scale"] != "logit")].reset_index(drop=True)
    if table == "ranking":
        return expected.assign(mean_low=expected["mean_low"].clip(lower=0))
    return expected


@pytest.mark.slow
def test_every_cell_is_as_it_was(study):
    name, found = study
    for table, then in read(GOLDEN / name / "statistics").items():
        expected = as_it_is_meant(table, then)
        pd.testing.assert_frame_equal(
            found[table][list(expected)], expected, check_dtype=False, rtol=1e-9, atol=1e-12, obj=f"{name}: {table}"
        )


@pytest.mark.slow
def test_every_table_is_as_its_schema_says(study):
    _, found = study
    of_log_odds = {"reliability", "temperatures", "temperature_scaling"}  # these studies have none
    of_covariates = {"subgroups", "interactions"}  # likewise
    of_papers = {table.name for table in vars(papers).values() if isinstance(table, Table)}
    assert set(found) == set(TABLES) - of_log_odds - of_covariates - of_papers
    for name, table in found.items():
        assert list(table) == list(TABLES[name].columns)
        TABLES[name].check(table)
