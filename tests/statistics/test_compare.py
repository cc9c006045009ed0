"""The whole comparison: every table, its columns, its documentation."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.tables.published import PUBLISHED
from nnunet_losses.statistics import TABLES, compare
from nnunet_losses.statistics.papers.claims import Claim, Direction, difference
from nnunet_losses.statistics.papers.responses import Curve

QUICK = {"resamples": 200, "test_resamples": 50, "draws": 200}


@pytest.fixture
def tables(study: pd.DataFrame, lits_lesions: Callable[[str], pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Everything `compare` returns for a study of two data sets with lesions, thresholds and jobs."""
    lesions = pd.concat([lits_lesions("bce").assign(trainer=t) for t in "ABCD"])
    lesions = lesions.assign(dataset="Dataset001_Toy", configuration="3d_fullres", label="lesion")
    lesions["case"] = "c" + lesions["case"]
    thresholds = study[["dataset", "configuration", "trainer", "fold", "seed", "case", "label"]]
    thresholds = pd.concat([thresholds.assign(threshold=t, tp=9, fp=3, fn=2) for t in (0.3, 0.5)])
    bins = [thresholds.assign(bin=b, log_odds=b - 2.0, background=4 - b, foreground=b) for b in (1, 2, 3)]
    log_odds = pd.concat(bins).drop(columns=["threshold", "tp", "fp", "fn"]).drop_duplicates()
    jobs = thresholds.assign(seconds=1.0, peak_memory_mb=1.0, status="completed").drop_duplicates(["trainer", "fold"])
    others = [study.assign(dataset="Dataset002_Toy"), study.assign(metric="recall"), study.assign(metric="precision")]
    cases = pd.concat([study, *others])
    sites = study[["dataset", "case"]].drop_duplicates().assign(covariate="site", value=["x", "y"] * 20)
    further = {"lesions": lesions, "thresholds": thresholds, "log_odds": log_odds, "jobs": jobs, "covariates": sites}
    numbers = dict.fromkeys(PUBLISHED.columns, "") | {"trainer": "B", "metric": "dice", "value": 0.5, "mark": "code"}
    numbers |= {"spread": 0.1, "n": 4.0}
    claim = Claim("p", "c", "So.", "dice", Direction.HIGHER, [difference(["B"], ["A"])])
    papers = {
        "curves": [Curve("all", "x", {"A": 1.0, "B": 2.0})],
        "claims": [claim],
        "published": pd.DataFrame([numbers]),
        "loss_names": {t: (t, "") for t in "ABCD"},
    }
    return compare(cases, baseline="A", **further, **papers, **QUICK)


def test_every_table_has_rows_and_is_as_its_schema_says(tables: dict[str, pd.DataFrame]) -> None:
    assert list(tables) == list(TABLES)
    assert [name for name, table in tables.items() if table.empty] == ["undefined", "challenge_ranking"]
    for name, table in tables.items():
        TABLES[name].check(table)


def test_every_column_is_documented() -> None:
    assert [(t.name, c) for t in TABLES.values() for c, column in t.columns.items() if not column.description] == []


def test_an_empty_table_has_its_columns(study: pd.DataFrame) -> None:
    tables = compare(study, baseline="A", **QUICK)
    for name in ("pareto", "consensus"):
        assert tables[name].empty
        assert list(tables[name]) == list(TABLES[name].columns)
    assert "froc" not in tables


def test_the_same_seed_gives_the_same_tables(study: pd.DataFrame) -> None:
    first, second = (compare(study, baseline="A", seed=3, **QUICK) for _ in range(2))
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, second[name])


def test_the_order_of_rows_does_not_matter(study: pd.DataFrame) -> None:
    shuffled = study.sample(frac=1, random_state=1)
    columns = ["trainer", "mean", "median", "sd", "rank", "rank_ranks", "rank_tests"]
    first, second = (compare(c, baseline="A", **QUICK)["ranking"] for c in (study, shuffled))
    pd.testing.assert_frame_equal(
        first[columns].sort_values("trainer", ignore_index=True),
        second[columns].sort_values("trainer", ignore_index=True),
    )


def test_names_with_markup_stay_untouched(study: pd.DataFrame) -> None:
    name = "<b>D & 'E'</b>_seed2"
    tables = compare(study.replace({"trainer": {"D": name}}), baseline="A", **QUICK)
    assert tables["ranking"]["trainer"].iloc[0] == name  # seed 0: the suffix is part of the name


@pytest.mark.parametrize(
    "values",
    [
        {"A": [float("nan")] * 6, "B": [float("nan")] * 6},
        {"A": [0.1, float("nan")], "B": [float("nan"), 0.2]},
        {"A": [0.1, 0.2, 0.3]},
        {"A": [0.5] * 9, "B": [0.5] * 9, "C": [0.5] * 9},
        {"A": [0.0] * 9, "B": [1.0] * 9},
        {"A": [0.3], "B": [0.4]},
    ],
    ids=["all undefined", "no common case", "the baseline alone", "all equal", "certain", "one case"],
)
def test_degenerate_studies_end_in_tables_not_in_errors(
    make_cases: Callable[..., pd.DataFrame], values: dict[str, list[float]]
) -> None:
    cases = pd.concat([make_cases(values), make_cases(values, metric="hd95", unit="mm")])
    tables = compare(cases, baseline="A", **QUICK)
    assert len(tables["ranking"]) == 2 * len(values)
    assert len(tables["pairwise"]) == len(values) * (len(values) - 1)
    numbers = tables["ranking"].select_dtypes("number").to_numpy(dtype=float)
    assert not np.isinf(numbers).any()
