"""The card's rows: for every question the right metric, the right values and words that follow from them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.states import Question
from nnunet_losses.statistics import Results, compare
from nnunet_losses.statistics.answer.questions import Asker
from nnunet_losses.statistics.answer.recall import recall_of, smallest_quarter
from nnunet_losses.statistics.detection.froc import froc_tables
from nnunet_losses.statistics.ranking.decision import SEEDS_ALIKE
from nnunet_losses.statistics.tables.decision import ANSWERS, DECISIONS

MakeCases = Callable[..., pd.DataFrame]
RUN = {"dataset": "Dataset001_Toy", "configuration": "3d_fullres", "seed": 0}
CASES = 20


def lesions_of(
    found: dict[str, float | tuple[float, ...]], invented: dict[str, int], seeds: tuple[int, ...] = (0,)
) -> pd.DataFrame:
    """Four lesions a case (diameters 2, 4, 6, 8) with score 2, and false positives.

    found: the share that each trainer finds, or the shares that it finds with each seed.
    """
    rows: list[dict[str, Any]] = []
    rng = np.random.default_rng(0)
    for trainer, share in found.items():
        for place, seed in enumerate(seeds):
            of_seed = share[place] if isinstance(share, tuple) else share
            for i in range(CASES):
                name = trainer if seed == 0 else f"{trainer}_seed{seed}"
                key = {
                    **RUN, "seed": seed, "trainer": name, "fold": i % 5, "case": f"c{i}", "label": "lesion",
                    "touches_border": False,
                }  # fmt: skip
                for j in range(4):
                    hit = bool(rng.random() < of_seed)
                    rows.append(
                        {**key, "side": "reference", "component": j, "diameter_mm": 2.0 * (j + 1), "matched": hit,
                         "score_max": 2.0 if hit else np.nan}
                    )  # fmt: skip
                for j in range(invented[trainer]):
                    rows.append(
                        {**key, "side": "prediction", "component": 9 + j, "diameter_mm": 3.0, "matched": False,
                         "score_max": 1.0 - j}
                    )  # fmt: skip
    return pd.DataFrame(rows)


def jobs_of(seconds: dict[str, float], collapsed: str = "") -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {**RUN, "trainer": t, "fold": fold, "seconds": s * rng.normal(1, 0.01), "peak_memory_mb": 1.0,
             "hardware": "x", "status": "completed", "collapsed": t == collapsed and fold == 0}
            for t, s in seconds.items()
            for fold in range(5)
        ]
    )  # fmt: skip


def asked(cases: pd.DataFrame, baseline: str = "A", **tables: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    results = Results.of(cases, baseline=baseline, **tables)
    answers, decisions = Asker(results, "dice").tables(results.panels(["dice"]), None)
    ANSWERS.check(answers)
    DECISIONS.check(decisions)
    return answers, decisions


def of(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    return table[table["question"] == question].set_index("trainer")


@pytest.mark.slow
def test_recall_that_depends_on_the_seed_in_all_folds_is_told_of_seeds(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(0)
    found = {"C": (0.9, 0.9), "B": (0.9, 0.1), **dict.fromkeys("DE", (0.8, 0.8)), "A": (0.2, 0.2)}
    parts = [make_cases({f"{t}_seed{s}": rng.random(CASES) for t in found}, seed=s) for s in (1, 2)]
    lesions = lesions_of(found, dict.fromkeys(found, 1), seeds=(1, 2))
    _, decisions = asked(pd.concat(parts), baseline="A_seed1", lesions=lesions)
    rows = decisions[decisions["metric"] == "recall_at_1_fp"].set_index(["trainer_a", "trainer_b"])
    assert (set(rows["trainings"]), set(rows["reason"])) == ({2}, {SEEDS_ALIKE})
    assert rows.loc[("C", "A"), "word"] == "better"
    assert rows.loc[("C", "B"), "word"] == "undecided"


@pytest.fixture
def dice(make_cases: MakeCases) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.4, 0.8, CASES)
    return make_cases({t: base + g + rng.normal(0, 0.01, CASES) for t, g in (("B", 0.05), ("A", 0.0))})


def test_lesions_found_are_read_where_each_loss_raises_one_false_positive_a_case(dice: pd.DataFrame) -> None:
    # B invents two components a case, A none: at one a case, both have all the lesions that they find at all.
    lesions = lesions_of({"A": 0.3, "B": 0.9}, {"A": 0, "B": 2})
    answers, decisions = asked(dice, lesions=lesions)
    values = of(answers, Question.LESIONS)["value"]
    results = Results.of(dice, baseline="A", lesions=lesions)
    froc = (
        froc_tables(results.rosters, resamples=20)["froc"].query("measure == 'recall@1'").set_index("trainer")["value"]
    )
    assert values.to_dict() == pytest.approx(froc.to_dict())
    (row,) = decisions[decisions["metric"] == "recall_at_1_fp"].itertuples()
    assert (row.trainer_a, row.trainer_b, row.word, row.subject, row.trainings) == ("B", "A", "better", "losses", 5)
    by_fold = lesions[lesions["side"] == "reference"].groupby(["trainer", "fold"])["matched"].mean()
    assert row.difference == pytest.approx((by_fold["B"] - by_fold["A"]).mean())


def test_small_lesions_are_the_smallest_quarter_and_false_positives_are_of_any_size(dice: pd.DataFrame) -> None:
    lesions = lesions_of({"A": 0.5, "B": 0.5}, {"A": 1, "B": 1})
    small = (lesions["side"] == "reference") & (lesions["diameter_mm"] == 2)
    lesions.loc[small & (lesions["trainer"] == "B"), ["matched", "score_max"]] = [True, 2.0]
    results = Results.of(dice, baseline="A", lesions=lesions)
    (roster,) = results.rosters
    assert smallest_quarter(roster) == 2
    assert recall_of(roster, up_to=2.0).values["B"] == 1
    answers, _ = asked(dice, lesions=lesions)
    assert set(of(answers, Question.SMALL_LESIONS)["reason"]) == {"lesions of at most 2 mm"}


@pytest.mark.slow
def test_lesions_of_seeds_of_one_fold_and_of_a_single_training(dice: pd.DataFrame) -> None:
    one = dice.assign(fold=0)
    lesions = lesions_of({"A": 0.2, "B": 0.9}, {"A": 1, "B": 1}).assign(fold=0)
    _, decisions = asked(one, lesions=lesions)
    (row,) = decisions[decisions["metric"] == "recall_at_1_fp"].itertuples()
    assert (row.subject, row.word, row.trainings) == ("models", "better", 1)
    seeds = pd.concat([one.assign(seed=s, trainer=one["trainer"] + f"_seed{s}") for s in (1, 2, 3)])
    lesions = lesions_of({"A": 0.2, "B": 0.9}, {"A": 1, "B": 1}, (1, 2, 3)).assign(fold=0)
    _, decisions = asked(seeds, "A_seed1", lesions=lesions)
    (row,) = decisions[decisions["metric"] == "recall_at_1_fp"].itertuples()
    assert (row.subject, row.word, row.trainings) == ("losses", "better", 3)
    assert row.low < row.difference < row.high


def test_a_loss_without_scores_is_not_comparable_and_says_why(dice: pd.DataFrame) -> None:
    lesions = lesions_of({"A": 0.5, "B": 0.5}, {"A": 1, "B": 1})
    lesions.loc[lesions["trainer"] == "B", "score_max"] = np.nan
    answers, decisions = asked(dice, lesions=lesions)
    (row,) = decisions[decisions["metric"] == "recall_at_1_fp"].itertuples()
    assert row.word == "not comparable"
    assert row.reason == "B is left out: no scores: predicted without probabilities"
    assert np.isnan(of(answers, Question.LESIONS).loc["B", "value"])


def test_a_loss_that_predicts_nothing_wins_no_false_alarms(dice: pd.DataFrame) -> None:
    alarms = dice.assign(metric="false_positive_count", unit="count", value=np.where(dice["trainer"] == "B", 0.0, 3.0))
    cases = pd.concat([dice, alarms])
    _, decisions = asked(cases, jobs=jobs_of({"A": 60, "B": 60}))
    assert decisions.query("metric == 'false_positive_count'")["word"].tolist() == ["better"]
    answers, decisions = asked(cases, jobs=jobs_of({"A": 60, "B": 60}, collapsed="B"))
    (row,) = decisions[decisions["metric"] == "false_positive_count"].itertuples()
    assert (row.word, row.reason) == ("not comparable", "B is left out: some of its trainings predict nothing")
    stability = of(answers, Question.STABILITY)
    assert stability[["trainings", "failed"]].to_numpy().tolist() == [[5, 1], [5, 0]]


def test_a_training_that_never_began_is_none(dice: pd.DataFrame) -> None:
    jobs = jobs_of({"A": 60, "B": 60}, collapsed="B")
    jobs.loc[(jobs["trainer"] == "B") & (jobs["fold"] == 4), "status"] = "missing"
    stability = of(asked(dice, jobs=jobs)[0], Question.STABILITY)
    assert stability[["trainings", "failed"]].to_numpy().tolist() == [[4, 1], [5, 0]]


def test_times_are_compared_as_ratios_on_the_same_hardware(dice: pd.DataFrame) -> None:
    jobs = jobs_of({"A": 100.0, "B": 200.0})
    answers, decisions = asked(dice, jobs=jobs)
    (row,) = decisions[decisions["metric"] == "training_time"].itertuples()
    assert row.word == "worse"
    assert np.exp(-row.difference) == pytest.approx(2, rel=0.03)
    assert of(answers, Question.TIME)["value"].to_dict() == pytest.approx({"A": 100, "B": 200}, rel=0.02)
    jobs.loc[0, "hardware"] = "y"
    _, decisions = asked(dice, jobs=jobs)
    (row,) = decisions[decisions["metric"] == "training_time"].itertuples()
    assert (row.word, row.reason) == ("not comparable", "trained on different hardware: x, y")


def test_stability_is_the_spread_over_trainings(make_cases: MakeCases) -> None:
    luck = np.tile([-0.04, 0.04, 0.0, 0.02, -0.02], 4)
    values = {"A": np.full(20, 0.5), "B": 0.5 + luck, "C": np.full(20, 0.5)}
    answers, _ = asked(make_cases(values))
    spread = of(answers, Question.STABILITY)["value"]
    assert spread["B"] == pytest.approx(np.std([-0.04, 0.04, 0, 0.02, -0.02], ddof=1) * np.sqrt(2 / 3), rel=1e-6)
    assert spread["B"] > spread["A"]


def test_without_the_tables_a_question_is_left_out(dice: pd.DataFrame) -> None:
    answers, decisions = asked(dice)
    assert set(answers["question"]) == {Question.OVERLAP, Question.STABILITY}
    assert set(decisions["metric"]) == {"dice"}


@pytest.mark.slow
def test_margin_and_level_are_those_that_were_declared(dice: pd.DataFrame) -> None:
    options = {"resamples": 50, "test_resamples": 10, "draws": 50}
    usual = compare(dice, baseline="A", **options)["decisions"]
    assert usual["word"].tolist() == ["better"]
    wide = compare(dice, baseline="A", rope={"dice": 0.2}, **options)["decisions"]
    assert wide["word"].tolist() == ["equivalent"]
    strict = compare(dice, baseline="A", alpha=0.01, **options)["decisions"]
    assert strict["low"].item() < usual["low"].item()
