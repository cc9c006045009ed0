"""Published numbers beside ours."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.tables.published import PUBLISHED
from nnunet_losses.comparison.records import published_of, read_records
from nnunet_losses.report.tables.published import NAMES as SHOWN
from nnunet_losses.statistics import TABLES, Results, compare
from nnunet_losses.statistics.detection.froc import froc_tables
from nnunet_losses.statistics.papers.reproduction import Ours, reproduction_tables
from nnunet_losses.statistics.tables.detection import MEASURES
from nnunet_losses.study.published import read_published

NAMES = {name: (name, "") for name in "ABCD"}


def published(rows: list[dict]) -> pd.DataFrame:
    blank = {name: np.nan if kind == "float64" else "" for name, kind in PUBLISHED.types.items()}
    usual = {"data": "Paper's set", "dataset": "Dataset001_Toy", "label": "lesion", "metric": "dice", "mark": "primary"}
    return PUBLISHED.check(pd.DataFrame([{**blank, **usual, **row} for row in rows]))


def of_losses(values: dict[str, float], **facts: str) -> pd.DataFrame:
    return published([{"loss": f"the {name}", "trainer": name, "value": v, **facts} for name, v in values.items()])


def tables(cases: pd.DataFrame, numbers: pd.DataFrame, names=NAMES, **options) -> dict[str, pd.DataFrame]:
    found = compare(cases, baseline="A", resamples=200, published=numbers, loss_names=names, **options)
    for name in ("reproduction", "agreement"):
        TABLES[name].check(found[name])
    return found


def test_a_number_stands_beside_the_mean_of_our_ranking_and_their_difference(study):
    found = tables(study, of_losses({"A": 0.70, "D": 0.90}))
    rows = found["reproduction"].set_index("trainer")
    ranking = found["ranking"].set_index("trainer")
    assert rows.loc["D", "reproduced"] == ranking.loc["D", "mean"]
    assert rows.loc["D", "low"] == ranking.loc["D", "mean_low"]
    assert rows.loc["D", "difference"] == pytest.approx(ranking.loc["D", "mean"] - 0.90)
    assert "2 losses in common" in found["agreement"]["reason"].iloc[0]


def test_kendalls_tau_is_that_of_the_two_orders(make_cases):
    cases = make_cases({"A": [0.1] * 9, "B": [0.2] * 9, "C": [0.3] * 9, "D": [0.4] * 9})
    row = tables(cases, of_losses({"A": 1.0, "B": 2.0, "C": 4.0, "D": 3.0}))["agreement"].iloc[0]
    # five of six pairs agree: (5 - 1) / 6; the cases are all alike, so resampling changes nothing
    assert (row["n_losses"], row["tau"], row["low"], row["high"]) == pytest.approx((4, 2 / 3, 2 / 3, 2 / 3))


@pytest.mark.slow
def test_the_interval_of_tau_holds_for_new_trainings_where_there_are_several(make_cases):
    rng = np.random.default_rng(0)
    luck = {name: np.tile(rng.normal(0, 0.1, 5), 20) for name in "ABC"}  # five folds in turn
    level = dict(zip("ABC", (0.50, 0.52, 0.54), strict=True))
    cases = make_cases({name: level[name] + luck[name] - luck[name].mean() for name in "ABC"})
    numbers = of_losses({"A": 0.1, "B": 0.2, "C": 0.3})
    several = tables(cases, numbers)["agreement"].iloc[0]
    one = tables(cases.assign(fold=0), numbers)["agreement"].iloc[0]
    assert (several["subject"], one["subject"]) == ("losses", "models")
    assert several["tau"] == one["tau"] == 1
    assert several["low"] <= -1 / 3 < one["low"]


def test_of_other_data_only_the_order_is_compared(study):
    found = tables(study, of_losses({"A": 0.7, "B": 0.8, "D": 0.9}, dataset="Dataset002_Other"))
    assert found["reproduction"]["difference"].isna().all()
    assert found["reproduction"]["reproduced"].notna().all()
    assert not found["agreement"]["same_data"].any()
    assert found["agreement"]["tau"].notna().all()


def test_numbers_of_the_same_data_put_those_of_others_aside(study):
    numbers = pd.concat([of_losses({"A": 0.7}), of_losses({"A": 0.1}, dataset="", data="elsewhere")])
    assert set(tables(study, numbers)["reproduction"]["data"]) == {"Paper's set"}


def test_a_data_set_may_be_prepared_in_several_ways(study):
    numbers = pd.concat(
        [of_losses({"A": 0.7}, dataset="Dataset002_Other|Dataset001_Toy"), of_losses({"B": 0.1}, dataset="")]
    )
    found = tables(study, numbers)["reproduction"]
    assert found["loss"].tolist() == ["the A"]
    assert found["same_data"].all()
    assert found["difference"].notna().all()


def test_the_preferred_trainer_is_taken_and_each_variant_compared_by_itself(study):
    numbers = of_losses({"best|second": 0.7})
    names = {"A": ("second", "10epochs"), "B": ("best", "10epochs"), "C": ("second", "paper"), "D": ("other", "paper")}
    rows = tables(study, numbers, names)["reproduction"]
    assert dict(zip(rows["variant"], rows["trainer"], strict=True)) == {"10epochs": "B", "paper": "C"}


@pytest.mark.slow
def test_a_loss_that_was_not_trained_and_a_metric_that_was_not_measured_say_so(study):
    rows = tables(study, of_losses({"A": 0.7, "Z": 0.8}))["reproduction"].set_index("loss")
    assert rows.loc["the Z", "reason"] == "not trained here"
    rows = tables(study, of_losses({"A": 0.7}, metric="apr"))["reproduction"]
    assert list(rows["reason"]) == ["not measured here"]


def test_a_metric_that_is_not_compared_otherwise_is_held_against_ours(study):
    both = pd.concat([study, study.assign(metric="recall", value=study["value"] / 2)])
    found = tables(both, of_losses({"A": 0.4}, metric="recall"), metrics=["dice"])
    assert "recall" not in set(found["ranking"]["metric"])
    mean = study.loc[study["trainer"] == "A", "value"].mean() / 2
    assert found["reproduction"]["reproduced"].iloc[0] == pytest.approx(mean)


@pytest.mark.slow
def test_the_records_of_lits_give_the_published_table_of_froc(shared_data):
    file = Path(__file__).parents[3] / "config" / "published" / "inverse-weighting-2020.csv"
    numbers = published_of(read_published([file]), "LiTS")
    tables = read_records([shared_data / "froc_records" / "lits"])
    results = Results.of(tables["cases"], baseline="dl", lesions=tables["lesions"])
    froc = froc_tables(results.rosters, resamples=100)["froc"]
    ours = Ours.of(results.panels(["lesion_dice_found"]), results.rosters, froc, numbers, seed=0, confidence=0.95)
    found, agreement = reproduction_tables(ours, numbers, {name: (name, "") for name in froc["trainer"]})
    assert len(found) == len(numbers) == 90
    assert (found["reason"] == "").all()
    digits = found["mark"].map({"code": 2, "derived": 4})
    assert (found["difference"].abs() <= 0.5001 * 10.0**-digits).all()
    assert (agreement["tau"] > 0.97).all()


def test_every_measure_of_froc_has_a_short_name():
    assert set(SHOWN) == set(MEASURES)
