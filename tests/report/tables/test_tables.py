"""Every cell is a number of the statistics, in the right row and column, written as a reader wants it."""

import dataclasses
import math
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.report import tables
from nnunet_losses.report.blocks import Cell, Table
from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.report.figures.operating_points import points
from nnunet_losses.report.numbers import duration, interval, memory, number, odds, p_value, percent
from nnunet_losses.statistics.ranking.decision import SEEDS_ALIKE

from ..conftest import PROVENANCE, TRAINERS


def column(table: Table | None, name: str) -> list[str]:
    """The words of the column of that head, or of the only one that begins so."""
    assert table is not None
    heads = [head.name for head in table.columns]
    (place,) = [i for i, head in enumerate(heads) if head == name or (name not in heads and head.startswith(name))]
    return [row[place].text for row in table.rows]


def with_statistic(view: View, **changed: pd.DataFrame) -> View:
    """The view after some statistics were changed."""
    statistics = {**view.comparison.statistics, **changed}
    return dataclasses.replace(view.comparison, statistics=statistics).views[0]


def test_the_first_table_answers_for_every_loss(view: View) -> None:
    table, ranking, pairs = tables.answer.table(view), view.by_trainer("ranking"), view.against(view.baseline)
    spent, rows = view.by_trainer("costs"), [view.by_trainer("ranking")[t] for t in view.trainers]
    assert column(table, "Loss") == [view.name(t) for t in view.trainers]
    assert column(table, "Rank") == [f"{r['rank']:.0f} [{r['rank_low']:.0f}–{r['rank_high']:.0f}]" for r in rows]
    assert column(table, "Dice, mean") == [interval(r["mean"], r["mean_low"], r["mean_high"]) for r in rows]
    assert column(table, "Ranks first") == [percent(r["p_first"]) for r in rows]
    assert column(table, "Difference") == [
        "baseline" if t == view.baseline
        else interval(*(pairs[t][key] for key in ("difference", "low", "high")), signed=True)
        for t in view.trainers
    ]  # fmt: skip
    assert column(table, "p (Holm)") == [
        "" if t == view.baseline else p_value(pairs[t]["p_holm"]) for t in view.trainers
    ]
    assert column(table, "Time") == [duration(spent[t]["seconds"]) for t in view.trainers]
    assert column(table, "Memory") == [memory(spent[t]["peak_memory_mb"]) for t in view.trainers]
    assert column(table, "Failed") == ["1" if t == TRAINERS[1] else "0" for t in view.trainers]
    assert set(ranking) == set(view.trainers)


def test_significant_differences_are_coloured_by_their_direction(view: View) -> None:
    better, worse, unclear = [t for t in view.trainers if t != view.baseline][:3]
    pairs = view.comparison.statistics["pairwise"].copy()
    for trainer, difference, p in ((better, 0.1, 0.049), (worse, -0.1, 0.049), (unclear, 0.1, 0.05)):
        pairs.loc[
            (pairs["metric"] == "dice") & (pairs["trainer_a"] == trainer) & (pairs["trainer_b"] == view.baseline),
            ["difference", "p_holm"],
        ] = (difference, p)
    table = tables.answer.table(with_statistic(view, pairwise=pairs))
    assert table is not None
    kinds = {row[0].tip: row[4].kind for row in table.rows}
    assert [kinds[t] for t in (better, worse, unclear)] == ["good", "bad", ""]


def test_the_first_table_shows_only_what_is_known(view: View) -> None:
    statistics = {name: table for name, table in view.comparison.statistics.items() if name != "costs"}
    alone = dataclasses.replace(
        view.comparison, baseline="SomebodyElse", tables={"cases": view.comparison.cases}, statistics=statistics
    )
    table = tables.answer.table(alone.views[0])
    assert table is not None
    assert [head.name for head in table.columns] == ["Loss", "Rank", "Dice, mean [95 % CI]", "Ranks first"]


def test_what_all_names_share_is_told(view: View) -> None:
    table = tables.answer.table(view)
    assert table is not None
    assert table.note == "All trainer names contain 20epochs and 50iters; the report leaves that out."


def test_the_ranking_describes_the_values(view: View) -> None:
    table = tables.ranking.table(view)
    rows = [view.by_trainer("ranking")[t] for t in view.trainers]
    assert table is not None
    assert table.caption == "Dice: ranking; higher is better"
    for head, key in (("Median", "median"), ("SD", "sd"), ("IQR", "iqr"), ("Worst", "worst5")):
        assert column(table, head) == [number(row[key]) for row in rows]
    assert column(table, "Rank by ranks") == [f"{row['rank_ranks']:.0f}" for row in rows]
    assert column(table, "Rank by tests") == [f"{row['rank_tests']:.0f}" for row in rows]
    assert column(table, "In top") == [percent(row["p_top3"]) for row in rows]
    assert column(table, "Cases") == ["15"] * 5


def test_a_distance_has_its_unit_and_direction(view: View) -> None:
    table = tables.ranking.table(view.of_metric("hd95"))
    assert table is not None
    assert table.caption == "HD95 (mm): ranking; lower is better"


def test_three_losses_are_all_in_the_top_three(small: Comparison) -> None:
    table = tables.ranking.table(small.views[0])
    assert table is not None
    assert "In top 3" not in [head.name for head in table.columns]


def test_a_loss_left_out_says_why(view: View) -> None:
    ranking = view.comparison.statistics["ranking"].copy()
    last = (ranking["trainer"] == view.trainers[-1]) & (ranking["metric"] == "dice")
    ranking.loc[last, ["mean", "rank", "n_missing"]] = [math.nan, math.nan, 4]
    ranking.loc[last, "reason"] = "left out: 4 of 15 cases missing"
    changed = with_statistic(view, ranking=ranking)
    for table in (tables.answer.table(changed), tables.ranking.table(changed)):
        assert table is not None
        assert (table.rows[-1][1].text, table.rows[-1][1].tip) == ("–", "left out: 4 of 15 cases missing")
    assert column(tables.ranking.table(changed), "Cases")[-1].endswith(" (4)")


def test_every_pair_stands_once_the_better_first(view: View) -> None:
    table = tables.pairs.table(view)
    order = view.trainers
    pairs = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
    found = {(a, b): view.against(b)[a] for a, b in pairs}
    assert column(table, "Pair") == [f"{view.name(a)} − {view.name(b)}" for a, b in pairs]
    for head, write in (
        ("Difference", lambda p: interval(p["difference"], p["low"], p["high"], signed=True)),
        ("Rank-biserial", lambda p: number(p["rank_biserial"], 2, signed=True)),
        ("Cliff", lambda p: number(p["cliffs_delta"], 2, signed=True)),
        ("p (Holm)", lambda p: p_value(p["p_holm"])),
        ("p (sign", lambda p: p_value(p["p_signflip"])),
        ("P(false", lambda p: p_value(p["p_false_claim"])),
        ("Wins", lambda p: f"{p['wins']} / {p['draws']} / {p['losses']}"),
        ("Cases", lambda p: f"{p['n']}" + (f" ({p['ties']})" if p["ties"] else "")),
    ):
        assert column(table, head) == [write(found[pair]) for pair in pairs], head


@pytest.mark.parametrize("metric", ["dice", "hd95"])
def test_all_effects_of_a_pair_point_the_same_way(view: View, metric: str) -> None:
    """The better ranked loss is first: with the sign of its difference go those of all effect sizes."""
    view = view.of_metric(metric)
    table = tables.pairs.table(view)
    means = view.values.mean()
    sign = 1 if view.metric.higher_is_better else -1
    assert table is not None
    clear = [
        row for row in table.rows
        for a, b in [row[0].tip.split(" minus ")]
        if abs(means[a] - means[b]) > 0.5 * view.values.std().max()
    ]  # fmt: skip
    assert len(clear) >= 3
    for row in clear:
        assert [np.sign(cell.order) for cell in row[1:4]] == [sign, 1, 1]


def test_undefined_values_are_counted_with_what_became_of_them(comparison: Comparison) -> None:
    table = tables.failures.undefined(comparison.views[0])
    assert table is not None
    cells = [[cell.text for cell in row] for row in table.rows]
    assert cells == [
        ["Precision", "CrossEntropy", "prediction empty", "worst", "3"],
        *(
            ["HD95", comparison.name(t), "prediction empty", "worst", "4" if t == TRAINERS[1] else "1"]
            for t in comparison.views[0].trainers
        ),
    ]
    statistic = comparison.statistics["undefined"]
    assert sum(int(row[-1]) for row in cells) == statistic["n"].sum()


def test_where_all_is_defined_there_is_no_such_table(small: Comparison) -> None:
    assert tables.failures.undefined(small.views[0]) is None


def test_a_training_that_collapsed_is_listed_and_not_said_to_be_incomplete(view: View) -> None:
    table = tables.failures.runs(view)
    jobs = view.table("jobs")
    assert table is not None and jobs is not None
    (job,) = jobs[jobs["collapsed"]].itertuples()
    (row,) = table.rows
    cases = view.table("cases")
    own = cases[(cases["trainer"] == job.trainer) & (cases["fold"] == 1)]
    told = f"collapsed: predicts no foreground in {(own['status'] != 'ok').sum()} of {len(own)} cases"
    assert [cell.text for cell in row] == ["CrossEntropy", "1", "0", told, "20", duration(job.seconds)]
    assert table.caption.startswith("Trainings that collapsed, ")


def test_fates_are_told_apart(view: View) -> None:
    jobs = view.table("jobs").assign(collapsed=False)
    jobs.loc[:1, ["status", "fold"]] = [["unfinished", 0], ["completed", 99]]
    jobs.loc[1, "collapsed"] = True
    other = dataclasses.replace(view.comparison, tables={**view.comparison.tables, "jobs": jobs}).views[0]
    table = tables.failures.runs(other)
    assert table is not None and table.caption.startswith("Trainings that did not complete or collapsed, ")
    fates = [row[3].text for row in table.rows]
    assert fates == ["stopped early", "collapsed: predicted no foreground at the end of training"]


def test_costs_are_ratios_to_the_baseline(view: View) -> None:
    table, spent = tables.costs.table(view), view.by_trainer("costs")
    base = spent[str(view.baseline)]["seconds"]
    assert column(table, "Relative") == [f"{spent[t]['seconds'] / base:.2f}×" for t in view.trainers]
    assert column(table, "Fastest") == [
        f"{duration(spent[t]['fastest'])} – {duration(spent[t]['slowest'])}" for t in view.trainers
    ]
    assert column(table, "Trainings") == ["3"] * len(view.trainers)
    assert set(column(table, "Hardware")) == {"2 CPU cores"}


def test_every_training_stands_with_what_is_known_of_it(view: View) -> None:
    jobs = view.comparison.tables["jobs"].assign(utilisation=0.87, queued_seconds=np.nan, resumes=0.0)
    jobs.loc[jobs["trainer"] == TRAINERS[2], "resumes"] = [0.0, 2.0, 0.0]
    changed = dataclasses.replace(view.comparison, tables={**view.comparison.tables, "jobs": jobs}).views[0]
    table = tables.costs.trainings(changed)
    assert table is not None
    assert [c.name for c in table.columns] == [
        "Loss", "Fold", "Seed", "Time", "Epochs", "Peak memory", "Device busy", "Resumed", "Hardware",
    ]  # fmt: skip
    assert len(table.rows) == len(jobs)
    (row,) = [row for row in table.rows if row[7].text == "2"]
    job = jobs[(jobs["trainer"] == TRAINERS[2]) & (jobs["fold"] == 1)].iloc[0]
    assert [cell.text for cell in row[:3]] == [view.name(TRAINERS[2]), "1", "0"]
    assert [cell.text for cell in row[3:7]] == [duration(job["seconds"]), "20", memory(1450), "87\u00a0%"]
    without = dataclasses.replace(view.comparison, tables={"cases": view.comparison.cases}).views[0]
    assert tables.costs.trainings(without) is None


def test_measures_of_detection_are_those_of_the_curves(view: View) -> None:
    table, froc = tables.detection.measures(view), view.statistic("froc")
    assert froc is not None
    values = froc.set_index(["trainer", "measure"])
    for head, measure in (("CPM", "cpm"), ("Average recall", "average_recall"), ("Average precision", "ap")):
        rows = [values.loc[(t, measure)] for t in view.trainers]
        assert column(table, head) == [interval(row["value"], row["low"], row["high"]) for row in rows]
    for at in ("0.5", "1", "4"):
        shown = [number(values.loc[(t, f"recall@{at}")]["value"], 2) for t in view.trainers]
        assert column(table, f"Recall at {at} FP") == shown
    ends = [
        [values.loc[(t, key)]["value"] for key in ("max_recall", "false_positives_per_case")] for t in view.trainers
    ]
    assert column(table, "Largest recall") == [f"{recall:.2f} at {number(fp, 2)}" for recall, fp in ends]


def test_false_positives_without_lesions_are_shares_of_negative_cases(view: View) -> None:
    rows = pd.DataFrame(
        {
            "trainer": view.trainers[:2], "n_cases": 15, "n_negative": 4, "with_false_positives": [1.0, 0.0],
            "share_low": [0.05, math.nan], "share_high": [0.7, math.nan], "false_positives_per_case": [0.5, 0.0],
        }
    )  # fmt: skip
    table = tables.detection.negatives(with_statistic(view, negatives=rows))
    assert column(table, "Negative cases") == ["4", "4"]
    assert column(table, "With false") == ["1 [5\u00a0%, 70\u00a0%]", "0"]
    assert column(table, "False positives per") == ["0.50", "0.00"]
    assert tables.detection.negatives(with_statistic(view, negatives=rows.assign(n_negative=0))) is None


def test_odds_are_of_every_term_against_the_baseline(view: View) -> None:
    table, model = tables.detection.lesion_model(view), view.statistic("lesion_model")
    assert table is not None and model is not None
    rows = model.set_index(["trainer", "term"])
    listed = view.present(set(model["trainer"]))
    for head, term in (
        ("Loss, against", "trainer"),
        ("Doubling", "doubling of diameter"),
        ("Loss ×", "trainer × doubling"),
    ):
        found = [rows.loc[(t, term)] for t in listed]
        assert column(table, head) == [f"{odds(r['odds_ratio'])} [{odds(r['low'])}, {odds(r['high'])}]" for r in found]
    strong = [row[1].kind == "strong" for row in table.rows]
    assert strong == [rows.loc[(t, "trainer")]["p"] < 0.05 for t in listed]


def test_a_model_that_could_not_be_fitted_is_a_dash_with_the_reason(view: View) -> None:
    model = view.comparison.statistics["lesion_model"].copy()
    here = model["trainer"] == model["trainer"].iloc[0]
    model.loc[here, ["odds_ratio", "low", "high", "p"]] = math.nan
    model.loc[here, "reason"] = "all lesions are found"
    table = tables.detection.lesion_model(with_statistic(view, lesion_model=model))
    assert table is not None
    (row,) = [row for row in table.rows if row[0].tip == model["trainer"].iloc[0]]
    assert [(cell.text, cell.tip) for cell in row[1:]] == [("–", "all lesions are found")] * 3


def test_the_mixed_model_has_simultaneous_intervals_and_other_scales_as_checks(view: View) -> None:
    table, mixed = tables.mixed.table(view), view.statistic("mixed")
    assert mixed is not None
    rows = mixed[mixed["scope"] == "within"].set_index(["scale", "trainer"])
    others = [t for t in view.trainers if t != view.baseline]
    raw = [rows.loc[("raw", t)] for t in others]
    assert column(table, "Difference") == [
        interval(r["difference"], r["low_simultaneous"], r["high_simultaneous"], signed=True) for r in raw
    ]
    for scale in ("logit", "rank"):
        assert column(table, f"p, {scale}") == [p_value(rows.loc[(scale, t)]["p"]) for t in others]


def test_choices_that_change_the_winner_are_bold_and_counted(view: View) -> None:
    table, rows = tables.sensitivity.table(view), view.statistic("sensitivity")
    assert table is not None and rows is not None
    assert column(table, "Winner") == [view.name(t) for t in rows["winner"]]
    assert column(table, "Second") == [view.name(t) for t in rows["runner_up"]]
    assert column(table, "Mean") == [number(value) for value in rows["winner_mean"]]
    assert [row[3].kind == "strong" for row in table.rows] == rows["changes"].astype(bool).tolist()
    assert table.note.startswith(f"The winner changes in {rows['changes'].sum()} of {len(rows)} variants")


def test_power_is_told_in_the_unit_of_the_metric(view: View) -> None:
    for metric, unit in (("dice", ""), ("hd95", " mm")):
        text, table = tables.sensitivity.power(view.of_metric(metric)), view.of_metric(metric).statistic("power")
        assert text is not None and table is not None
        row = table.iloc[0]
        digits = 3 if metric == "dice" else 1
        assert f"a true difference of {row['detectable_difference']:.{digits}f}{unit} would be found" in text.text
        assert text.text.startswith("Power: with 15 cases and 5 losses (10 pairs), ")
        assert f"at least {row['n_for_holm']:.0f} cases" in text.text


def test_how_sure_the_front_is_stands_beside_every_loss(view: View) -> None:
    table = tables.operating_points.table(view)
    assert table is not None
    assert {head.name for head in table.columns[1:]} == {"Recall and precision", "Dice and HD95"}
    for pair, head in ((("recall", "precision"), "Recall and precision"), (("dice", "hd95"), "Dice and HD95")):
        found = points(view, pair)
        place = [c.name for c in table.columns].index(head)
        cells = [row[place] for row in table.rows]
        assert [cell.text for cell in cells] == [percent(found[t]["p_front"]) for t in view.trainers]
        assert [cell.kind == "strong" for cell in cells] == [bool(found[t]["on_front"]) for t in view.trainers]


def test_a_missing_value_sorts_last_and_a_present_one_by_itself() -> None:
    from nnunet_losses.report.tables.cells import numeric

    assert numeric(0.25, "0.250").order == 0.25
    assert numeric(math.nan, "–") == Cell("–", None, "", "")


@pytest.mark.parametrize(
    "make",
    [tables.answer.table, tables.ranking.table, tables.pairs.table, tables.mixed.table, tables.costs.table,
     tables.failures.runs, tables.failures.undefined, tables.detection.measures, tables.detection.negatives,
     tables.detection.lesion_model, tables.sensitivity.table, tables.sensitivity.power, tables.operating_points.table],
)  # fmt: skip
def test_a_table_without_its_statistics_is_left_out(view: View, make: object) -> None:
    bare = dataclasses.replace(view.comparison, tables={"cases": view.comparison.cases}, statistics={}).views[0]
    assert make(bare) is None  # type: ignore[operator]


def test_the_losses_compared_have_formula_parameters_and_reference(comparison: Comparison) -> None:
    table = tables.losses.table(comparison)
    described = PROVENANCE["losses"][TRAINERS[3]]
    assert table is not None
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["Tversky fp0.1 fn0.9", described["formula"], "fp_weight = 0.1, fn_weight = 0.9", described["reference"]]
    ]
    assert tables.losses.table(dataclasses.replace(comparison, provenance={})) is None


def test_each_pair_has_its_word_its_interval_and_what_it_rests_on(view: View) -> None:
    table, decisions = tables.decisions.table(view), view.statistic("decisions")
    assert table is not None
    assert decisions is not None
    first, second = view.trainers[:2]
    pair = view.against(second, decisions)[first]
    assert column(table, "Pair")[0] == f"{view.name(first)} − {view.name(second)}"
    assert column(table, "The first is")[0] == pair["word"]
    assert column(table, "Difference")[0] == interval(pair["difference"], pair["low"], pair["high"], signed=True)
    assert set(column(table, "Rests on")) == {f"3 folds, {len(view.values)} cases"}
    assert len(table.rows) == 10
    assert "differences below 0.01 are too small" in table.caption
    assert not table.note


def test_a_decision_over_folds_and_seeds_names_both(small: Comparison) -> None:
    table = tables.decisions.table(small.views[0])
    assert table is not None
    assert set(column(table, "Rests on")) == {"3 folds of 2 seeds, 6 cases"}


def test_a_decision_over_seeds_that_act_alike_says_so(view: View) -> None:
    decisions = view.comparison.statistics["decisions"].assign(trainings=2, reason=SEEDS_ALIKE)
    table = tables.decisions.table(with_statistic(view, decisions=decisions))
    assert table is not None
    assert set(column(table, "Rests on")) == {f"2 seeds (seeds act alike in all folds), {len(view.values)} cases"}


def test_the_margin_of_decisions_has_all_its_decimals(view: View) -> None:
    decisions = view.comparison.statistics["decisions"]
    table = tables.decisions.table(with_statistic(view, decisions=decisions.assign(margin=0.25)))
    assert table is not None
    assert "differences below 0.25 are too small to matter" in table.caption


def test_words_about_models_are_headed_as_such(view: View) -> None:
    decisions = view.comparison.statistics["decisions"]
    models = decisions.assign(subject="models")
    table = tables.decisions.table(with_statistic(view, decisions=models))
    assert table is not None
    assert "Without two trainings of every loss" in table.note
    assert set(column(table, "Rests on")) == {f"{len(view.values)} cases alone"}


def test_a_reason_has_the_short_names_of_its_losses(view: View) -> None:
    decisions = view.comparison.statistics["decisions"]
    said = decisions["trainer_a"] + " is left out: it failed; " + decisions["trainer_b"] + " is left out: too"
    table = tables.decisions.table(with_statistic(view, decisions=decisions.assign(word="not comparable", reason=said)))
    assert table is not None
    pairs = permutations(map(view.name, view.trainers), 2)
    told = set(column(table, "Rests on"))
    assert told <= {f"{a} is left out: it failed; {b} is left out: too" for a, b in pairs}


def test_a_pair_that_cannot_be_compared_says_why(view: View) -> None:
    decisions = view.comparison.statistics["decisions"].copy()
    decisions.loc[0, ["word", "reason"]] = ["not comparable", "B is left out: 12 of 20 cases missing"]
    table = tables.decisions.table(with_statistic(view, decisions=decisions))
    assert "B is left out: 12 of 20 cases missing" in column(table, "Rests on")


def test_calibration_stands_before_and_after_scaling(view: View) -> None:
    table, rows = tables.calibration.table(view), view.by_trainer("temperature_scaling")
    assert column(table, "Temperature") == [number(rows[t]["temperature"], 2) for t in view.trainers]
    for name, score in (("Log-loss", "nll"), ("Brier score", "brier"), ("Calibration error", "ece")):
        for when in ("before", "after"):
            assert column(table, f"{name}, {when}") == [number(rows[t][f"{score}_{when}"]) for t in view.trainers]
    lost = view.comparison.statistics["temperature_scaling"].assign(temperature=math.nan)
    assert tables.calibration.table(with_statistic(view, temperature_scaling=lost)) is None


def test_the_ranking_of_a_challenge_says_whose_it_is_and_what_it_lacks(view: View) -> None:
    rows = [
        ("isles26", TRAINERS[2], 1.25, 1.0),
        ("isles26", TRAINERS[0], 1.75, 2.0),
        ("isles26", TRAINERS[1], 3.0, 3.0),
    ]
    found = pd.DataFrame(rows, columns=["challenge", "trainer", "mean_rank", "rank"])
    found = found.assign(dataset=view.dataset, configuration=view.configuration)
    table = tables.challenge.table(with_statistic(view, challenge_ranking=found))
    assert table is not None
    assert table.caption.startswith("Ranked as ISLES'26 does, without the area under the precision-recall curve")
    assert column(table, "Loss") == [view.name(t) for t in (TRAINERS[2], TRAINERS[0], TRAINERS[1])]
    assert column(table, "Place") == ["1", "2", "3"]
    assert column(table, "Mean rank") == ["1.25", "1.75", "3.00"]
    assert "the ranks in every case by Dice (ISLES'26)" in table.columns[2].tip
