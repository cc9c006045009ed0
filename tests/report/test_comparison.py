"""A comparison refuses what cannot be reported, and a view is exactly one part of it."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.metrics import Metric, metric_named
from nnunet_losses.report.comparison import Comparison, View

from .conftest import TRAINERS


def test_without_cases_there_is_no_report() -> None:
    with pytest.raises(UserError, match="needs the table 'cases'"):
        Comparison(tables={}, statistics={}, title="x", baseline="y")


def test_an_unknown_primary_metric_is_refused(comparison: Comparison) -> None:
    with pytest.raises(UserError, match="primary metric 'dise' is not in the table 'cases'; it has dice, hd95, prec"):
        dataclasses.replace(comparison, primary_metric="dise")


def test_metrics_of_settings_are_known_with_all_their_facts(comparison: Comparison) -> None:
    assert comparison.metric("nsd_2mm") == metric_named("nsd_2mm")
    assert comparison.metric("nsd_2mm").is_share
    assert not comparison.metric("nll").is_share


def test_a_metric_of_ones_own_is_described_or_refused(comparison: Comparison) -> None:
    own = Metric("my_score", "My score", "1", False, "Mine.")
    assert dataclasses.replace(comparison, own_metrics={"my_score": own}).metric("my_score") is own
    with pytest.raises(UserError, match="does not know the metric 'my_score'; describe it in own_metrics"):
        comparison.metric("my_score")


def test_metrics_are_those_compared_the_primary_first(comparison: Comparison) -> None:
    assert comparison.metrics == ["dice", "precision", "recall", "hd95"]
    assert dataclasses.replace(comparison, primary_metric="hd95").metrics == ["hd95", "dice", "precision", "recall"]
    assert dataclasses.replace(comparison, statistics={}).metrics == ["dice"]


def test_repeats_are_one_loss_by_the_name_that_the_statistics_give_it(small: Comparison) -> None:
    """Tables whose trainers name their seed: the report lists, draws and compares the experiment."""
    named = {
        name: table.assign(seed=table["seed"] + 1, trainer=table["trainer"] + "_seed" + (table["seed"] + 1).astype(str))
        for name, table in small.tables.items()
    }
    again = dataclasses.replace(small, tables=named, baseline=f"{TRAINERS[0]}_seed1")
    assert again.trainers == small.trainers
    assert again.baseline == TRAINERS[0]
    assert again.views[0].trainers == small.views[0].trainers
    assert again.views[0].look(TRAINERS[0]) == small.views[0].look(TRAINERS[0])
    table = again.views[0].table("training")
    assert table is not None and set(table["trainer"]) == set(TRAINERS[:3])


def test_the_subtitle_counts(comparison: Comparison) -> None:
    assert comparison.subtitle == "5 losses, 1 data set, 15 cases, 3 folds, 1 seed · 1 January 2026"


def test_there_is_a_view_per_data_set_configuration_and_label(small: Comparison) -> None:
    cases = pd.concat([small.cases, small.cases.assign(label="other"), small.cases.assign(configuration="2d")])
    wide = dataclasses.replace(small, tables={"cases": cases})
    assert [view.title for view in wide.views] == [
        f"{dataset} · {where}"
        for dataset in ("Dataset001_A", "Dataset002_B")
        for where in ("2d · lesion", "3d_fullres · lesion", "3d_fullres · other")
    ]
    assert [view.title for view in wide.run_views] == [
        f"{dataset} · {configuration} · lesion"
        for dataset in ("Dataset001_A", "Dataset002_B")
        for configuration in ("2d", "3d_fullres")
    ]


def test_values_are_those_of_the_statistics_best_loss_first(view: View) -> None:
    table = view.comparison.statistics["values"]
    dice = table[table["metric"] == "dice"]
    assert list(view.values.columns) == view.trainers
    assert view.values.shape == (15, 5)
    for row in dice.itertuples():
        assert view.values.loc[row.case, row.trainer] == row.value
    precision = view.of_metric("precision")
    assert (precision.resolved == "worst").sum().to_dict() == {t: 3 * (t == TRAINERS[1]) for t in precision.trainers}


def test_values_are_never_raw_cases(view: View) -> None:
    """Without statistics there is nothing to draw, however many cases there are."""
    assert dataclasses.replace(view.comparison, statistics={}).views[0].values.empty


def test_a_case_that_stands_twice_is_an_error(view: View) -> None:
    twice = pd.concat([view.comparison.statistics["values"]] * 2)
    with pytest.raises(ValueError, match="duplicate"):
        _ = dataclasses.replace(view.comparison, statistics={"values": twice}).views[0].values


def test_trainers_are_ranked_then_the_others_by_name(view: View) -> None:
    ranking = view.comparison.statistics["ranking"].copy()
    dice = ranking["metric"] == "dice"
    assert view.trainers == list(ranking[dice].sort_values("rank")["trainer"])
    ranking.loc[dice & ranking["trainer"].isin(TRAINERS[:2]), "rank"] = np.nan
    trainers = dataclasses.replace(view.comparison, statistics={"ranking": ranking}).views[0].trainers
    assert trainers[3:] == sorted(TRAINERS[:2])
    assert view.present({TRAINERS[0], view.trainers[0]}) == list(dict.fromkeys([view.trainers[0], TRAINERS[0]]))


def test_pairs_against_a_trainer_are_the_other_minus_it(view: View) -> None:
    means = view.values.mean()
    for trainer in TRAINERS:
        pairs = view.against(trainer)
        assert set(pairs) == set(TRAINERS) - {trainer}
        for other, pair in pairs.items():
            assert pair["mean_difference"] == pytest.approx(means[other] - means[trainer])
            assert (pair["trainer_a"], pair["trainer_b"]) == (other, trainer)
            won = (view.values[other] - view.values[trainer] > pair["rope"]).sum()
            assert pair["wins"] == won
    assert view.against(None) == {}
    assert view.against("Nobody") == {}
