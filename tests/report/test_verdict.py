"""The headline is the first rule that fits the card, word by word; nothing that is missing goes unsaid."""

import math
from itertools import combinations
from typing import Any

import pandas as pd
import pytest

from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.states import Question, Word
from nnunet_losses.report.card import card_of
from nnunet_losses.report.comparison import Comparison, Decision, View
from nnunet_losses.report.verdict import verdict
from nnunet_losses.statistics.failures import costs_table
from nnunet_losses.statistics.ranking.decision import SEEDS_ALIKE
from nnunet_losses.statistics.tables.decision import ANSWERS, DECISIONS

A, B, C, D = "DiceTrainer", "FocalTrainer", "TopKTrainer", "nnUNetTrainer"
WHERE = {"dataset": "D", "configuration": "2d", "label": "lesion"}
RUN = {"dataset": "D", "configuration": "2d", "fold": 0, "seed": 0}
METRICS = {
    Question.OVERLAP: "dice",
    Question.SMALL_LESIONS: "small_recall_at_1_fp",
    Question.LESIONS: "recall_at_1_fp",
    Question.FALSE_ALARMS: "false_positive_count",
    Question.SURFACE: "nsd",
    Question.TIME: "training_time",
    Question.STABILITY: "dice",
}
DEFAULTS = {
    Word.BETTER: (0.03, 0.02, 0.04),
    Word.WORSE: (-0.03, -0.04, -0.02),
    Word.EQUIVALENT: (0.001, -0.002, 0.004),
    Word.UNDECIDED: (0.01, -0.03, 0.05),
    Word.NOT_WORSE: (0.02, -0.005, 0.05),
    Word.NOT_COMPARABLE: (math.nan, math.nan, math.nan),
}
Pairs = dict[tuple[str, str], Word | tuple[Word, float, float, float]]


def viewed(
    trainers: list[str],
    lines: dict[Question, Pairs],
    *,
    subject: str = "losses",
    trainings: int = 5,
    reservation: str = "",
    needed: dict[str, float] | None = None,
    failed: dict[str, int] | None = None,
    erratic: dict[str, float] | None = None,
    seconds: dict[str, float] | None = None,
    cases: int = 20,
    cases_of: dict[str, int] | None = None,
    reasons: dict[str, str] | None = None,
    decision: Decision | None = None,
    statuses: list[tuple[str, str]] = (),  # type: ignore[assignment]
    names_as_given: bool = False,
    **statistics: pd.DataFrame,
) -> View:
    """A view of trainers, best first, with words on their pairs; a pair that is not named is equivalent."""
    decisions, answers = [], []
    forecast = {"seeds_needed": math.nan, "cases_needed": math.nan, "seeds_together": math.nan}
    forecast |= {"cases_together": math.nan, "detectable": math.nan} | (needed or {})
    compared = [t for t in trainers if not (reasons or {}).get(t)]
    special = {**(seconds or {}), **(erratic or {})}
    for question, words in lines.items():
        metric = METRICS[question]
        for pair in combinations(compared, 2) if question is not Question.STABILITY else ():
            found = words.get(pair, Word.EQUIVALENT)
            word, difference, low, high = found if isinstance(found, tuple) else (found, *DEFAULTS[found])
            decisions.append(
                {
                    **WHERE, "metric": metric, "trainer_a": pair[0], "trainer_b": pair[1], "subject": subject,
                    "word": str(word), "difference": difference, "low": low, "high": high, "low_90": low,
                    "high_90": high, "margin": metric_named(metric).margin, "se": 0.01, "df": 8.0, "n": cases,
                    "trainings": trainings, **forecast, "reason": reservation,
                }
            )  # fmt: skip
        for t in trainers:
            answers.append(
                {
                    **WHERE, "question": str(question), "metric": metric, "trainer": t,
                    "value": math.nan if t not in compared else special.get(t, 0.7 - 0.1 * compared.index(t)),
                    "trainings": 5, "failed": (failed or {}).get(t, 0),
                    "erratic": t in (erratic or {}) and question is Question.STABILITY,
                    "reason": (reasons or {}).get(t, ""),
                }
            )  # fmt: skip
    ranking = [{**WHERE, "metric": "dice", "trainer": t, "rank": i + 1.0, "mean": 0.7} for i, t in enumerate(compared)]
    table = [
        {**RUN, **WHERE, "metric": "dice", "trainer": t, "case": f"c{i}", "value": 0.7, "unit": "1", "status": "ok"}
        for t in trainers
        for i in range((cases_of or {}).get(t, cases))
    ]
    values = [
        {**WHERE, "metric": "dice", "trainer": t, "case": f"c{i}", "fold": 0, "value": 0.7, "resolved": ""}
        for t in compared
        for i in range(min([(cases_of or {}).get(t, cases) for t in compared], default=0))
    ]
    tables = {"cases": pd.DataFrame(table)}
    found_statistics = {
        "decisions": DECISIONS.build(decisions), "answers": ANSWERS.build(answers),
        "ranking": pd.DataFrame(ranking), "values": pd.DataFrame(values), **statistics,
    }  # fmt: skip
    if seconds is not None or statuses:
        tables["jobs"] = pd.DataFrame(
            [
                {**RUN, "trainer": t, "seconds": (seconds or {}).get(t, 60.0), "peak_memory_mb": 1.0, "hardware": "x",
                 "epochs": 1, "device": "cuda", "status": status}
                for t, status in (statuses or [(t, "completed") for t in trainers])
            ]
        )  # fmt: skip
        found_statistics["costs"] = costs_table(tables["jobs"])
    return Comparison(
        tables=tables, statistics=found_statistics, title="T", baseline=D, decision=decision or Decision(),
        names_as_given=names_as_given,
    ).views[0]  # fmt: skip


def headline(*args: Any, **options: Any) -> str:
    return verdict(viewed(*args, **options)).headline


BEST = {Question.OVERLAP: dict.fromkeys([(A, B), (A, C), (A, D)], Word.BETTER)}


def test_a_headline_says_how_many_trainings_count_where_seeds_act_alike_in_all_folds() -> None:
    plain = headline([A, B, C, D], BEST)
    told = headline([A, B, C, D], BEST, trainings=2, reservation=SEEDS_ALIKE)
    assert told == f"{plain} Seeds act alike in all folds, so that only two trainings of each loss count."


# --- the rules, in their order ----------------------------------------------------------------------------------------


def test_rule_1_one_loss() -> None:
    assert headline([A], {Question.OVERLAP: {}}) == "Nothing to compare: only Dice was trained."


def test_rule_2_one_training_each_speaks_of_these_models_and_says_what_seeds_would_cost() -> None:
    found = headline([A, B, C, D], BEST, subject="models", seconds=dict.fromkeys([A, B, C, D], 1800.0))
    assert found == (
        "Of these trained models, Dice is best: better than all others in Dice by at least 0.01 (next: Focal, "
        "−0.030 [−0.040, −0.020]), and worse in nothing measured. One training per loss: luck of training is not "
        "excluded; seeds: [1, 2, 3] would cost 6.0\u00a0h of GPU time."
    )


def test_rule_2_without_known_cost() -> None:
    found = headline([A, B], {Question.OVERLAP: {(A, B): Word.UNDECIDED}}, subject="models")
    assert found == (
        "Of these trained models, nothing can be told yet: the difference of the two models is undecided in Dice. "
        "One training per loss: luck of training is not excluded."
    )
    same = headline([A, B], {Question.OVERLAP: {}}, subject="models")
    assert same.startswith("Of these trained models, both are equivalent within 0.01 Dice.")


def test_rule_3_better_than_all_and_worse_in_nothing() -> None:
    near = {Question.OVERLAP: {(A, B): (Word.BETTER, 0.021, 0.005, 0.04), (A, D): Word.BETTER}}
    assert headline([A, B, D], near) == (
        "Dice is best: better than all others in Dice (next: Focal, −0.021 [−0.040, −0.005]), "
        "and worse in nothing measured."
    )
    assert headline([A, D], BEST) == (
        "Dice is best: better than nnUNetTrainer in Dice by at least 0.01 (+0.030 [0.020, 0.040]), "
        "and worse in nothing measured."
    )


def test_rule_3_says_that_the_best_takes_longer() -> None:
    lines = {**BEST, Question.TIME: {(A, D): Word.WORSE, (A, B): Word.WORSE}}
    seconds = {A: 300.0, B: 100.0, C: 300.0, D: 150.0}
    assert "worse in nothing measured but the time of a training (2.0 times that of nnUNetTrainer)." in headline(
        [A, B, C, D], lines, seconds=seconds
    )


def test_rule_4_best_in_overlap_and_worse_somewhere() -> None:
    lines = {
        **BEST,
        Question.SMALL_LESIONS: {(A, B): (Word.WORSE, -0.33, -0.46, -0.20)},
        Question.FALSE_ALARMS: {(A, B): (Word.BETTER, 2.1, 1.5, 2.7)},
    }
    assert headline([A, B, C, D], lines) == (
        "Dice for overlap; Focal finds more small lesions (+0.330 [0.200, 0.460] at one false positive a case), "
        "at 2.1 more false alarms a case and a Dice of 0.600 instead of 0.700."
    )


def test_rule_4_names_the_best_of_each_line_and_gathers_what_one_loss_does() -> None:
    lines = {
        **BEST,
        Question.SURFACE: {(A, B): Word.WORSE, (A, C): (Word.WORSE, -0.2, -0.3, -0.1)},
        Question.LESIONS: {(A, C): Word.WORSE},
    }
    assert headline([A, B, C, D], lines) == (
        "Dice for overlap; TopK has the better surface (+0.200 [0.100, 0.300]) and finds more lesions "
        "(+0.030 [0.020, 0.040] at one false positive a case), at a Dice of 0.500 instead of 0.700."
    )


def test_rule_4_names_three_others_at_most() -> None:
    five = [A, B, C, D, "BlobTrainer"]
    better = dict.fromkeys([(A, t) for t in five[1:]], Word.BETTER)
    questions = (Question.SURFACE, Question.LESIONS, Question.SMALL_LESIONS, Question.FALSE_ALARMS)
    lines = {q: {(A, t): Word.WORSE} for q, t in zip(questions, five[1:], strict=True)}
    assert headline(five, {Question.OVERLAP: better, **lines}).count(";") == 3


def test_rule_4_gives_fewer_false_alarms_in_the_direction_of_the_metric() -> None:
    lines = {**BEST, Question.FALSE_ALARMS: {(A, D): (Word.WORSE, -2.0, -3.0, -1.0)}}
    said = headline([A, B, C, D], lines)
    assert "nnUNetTrainer raises fewer false alarms (−2.0 [−3.0, −1.0]), at a Dice of 0.400 instead of 0.700." in said


TOP_2 = {Question.OVERLAP: dict.fromkeys([(A, C), (A, D), (B, C), (B, D)], Word.BETTER)}


def test_rule_5_an_equivalent_top_group_with_the_cheapest_and_for_whom_another() -> None:
    assert headline([A, B, C, D], TOP_2) == "Dice and Focal lead and are equivalent within 0.01 Dice."
    lines = {
        **TOP_2,
        Question.TIME: {(A, B): Word.WORSE},
        Question.SMALL_LESIONS: {(A, B): Word.BETTER},
    }
    assert headline([A, B, C, D], lines, seconds={A: 200.0, B: 100.0, C: 50.0, D: 60.0}) == (
        "Dice and Focal lead and are equivalent within 0.01 Dice; take the cheapest (Focal), or Dice if small lesions "
        "matter."
    )
    assert headline([A, B, C, D], {**TOP_2, Question.SMALL_LESIONS: {(A, B): Word.BETTER}}).endswith(
        "; take Dice if small lesions matter."
    )


def test_rule_5_a_loss_is_advised_once_and_only_if_it_alone_is_the_best() -> None:
    lines = {**TOP_2, Question.TIME: {(A, B): Word.WORSE}, Question.SMALL_LESIONS: {(A, B): Word.WORSE}}
    seconds = {A: 200.0, B: 100.0, C: 50.0, D: 60.0}
    assert headline([A, B, C, D], lines, seconds=seconds).endswith("0.01 Dice; take the cheapest (Focal).")
    three = {Question.OVERLAP: {(t, D): Word.BETTER for t in (A, B, C)}, Question.LESIONS: {(A, C): Word.BETTER}}
    assert headline([A, B, C, D], three) == "Dice, Focal and TopK lead and are equivalent within 0.01 Dice."


def undecided_top(**options: Any) -> str:
    return headline([A, B, C, D], {Question.OVERLAP: {**TOP_2[Question.OVERLAP], (A, B): Word.UNDECIDED}}, **options)


def test_rule_6_an_undecided_top_group_with_what_would_decide_it() -> None:
    assert undecided_top(needed={"seeds_needed": 3, "cases_needed": 140}) == (
        "Dice and Focal lead; which is better is undecided (3 seeds a fold or 140 cases would decide a difference of "
        "0.01)."
    )
    assert undecided_top(needed={"seeds_together": 3, "cases_together": 140}).endswith(
        "(3 seeds a fold and 140 cases would decide a difference of 0.01)."
    )
    assert undecided_top(needed={"detectable": 0.0613}).endswith(
        "(to decide a difference of 0.01 would take more than 20 seeds a fold; this study finds one of 0.061)."
    )
    assert undecided_top(needed={"detectable": 1.067}).endswith("; this study finds none, however large).")
    assert undecided_top().endswith("(to decide a difference of 0.01 would take more than 20 seeds a fold).")
    hours = undecided_top(needed={"seeds_needed": 3}, seconds=dict.fromkeys([A, B, C, D], 1800.0))
    assert "(3 seeds a fold, 2.0\u00a0h of GPU time more, would decide" in hours


def test_who_does_something_better_than_all_leaders_is_told_beside_them() -> None:
    found = {(A, C): Word.WORSE, (B, C): (Word.WORSE, -0.3, -0.4, -0.2), (C, D): Word.BETTER, (A, D): Word.WORSE}
    lines = {**TOP_2, Question.LESIONS: found, Question.FALSE_ALARMS: {(A, C): (Word.BETTER, 41.4, 30.0, 52.0)}}
    assert headline([A, B, C, D], lines) == (
        "Dice and Focal lead and are equivalent within 0.01 Dice. But TopK finds more lesions (+0.030 [0.020, 0.040] "
        "at one false positive a case), at 41.4 more false alarms a case and a Dice of 0.500 instead of 0.700."
    )
    undecided = dict.fromkeys(((A, C), (B, C)), (Word.UNDECIDED, 0.005, -0.5, 0.5))
    lines = {Question.OVERLAP: TOP_2[Question.OVERLAP] | undecided, Question.LESIONS: found}
    said = headline([A, B, C, D], lines, failed={C: 1})
    assert "TopK finds more lesions" in said
    assert "instead of" not in said  # a difference that nobody would act on is no price


def test_rule_6_a_loss_that_is_best_but_not_better_than_all_leads_with_those_it_is_not_better_than() -> None:
    lines = {Question.OVERLAP: {(A, B): Word.NOT_WORSE, (A, C): Word.BETTER, (B, C): Word.BETTER}}
    assert headline([A, B, C], lines).startswith("Dice and Focal lead; which is better is undecided")
    chain = {Question.OVERLAP: {(A, B): Word.UNDECIDED, (A, C): Word.BETTER, (B, C): Word.UNDECIDED}}
    assert headline([A, B, C], chain).startswith("Dice and Focal lead; which is better is undecided")


def test_rule_6_the_best_leads_with_a_loss_that_only_another_is_better_than() -> None:
    circle = {Question.OVERLAP: {(A, B): Word.BETTER, (B, C): Word.BETTER, (A, C): Word.UNDECIDED}}
    assert headline([A, B, C], circle).startswith("Dice and TopK lead; which is better is undecided")
    turned = {Question.OVERLAP: {(B, C): Word.WORSE, (A, B): Word.WORSE, (A, C): Word.UNDECIDED}}
    assert headline([A, B, C], turned).startswith("Dice and TopK lead")


def test_rule_6_where_nobody_leads() -> None:
    lines = {Question.OVERLAP: {(A, B): Word.UNDECIDED, (A, C): Word.UNDECIDED}}
    assert headline([A, B, C], lines, needed={"cases_needed": 99}) == (
        "No loss is shown to be better than another: Focal and TopK are equivalent within 0.01 Dice, the rest is "
        "undecided (99 cases would decide a difference of 0.01)."
    )


def test_rule_7_the_loss_does_not_matter() -> None:
    assert headline([A, B, C], {Question.OVERLAP: {}}) == (
        "The loss does not matter here: all three are equivalent within 0.01 Dice."
    )
    assert headline([A, B], {Question.OVERLAP: {}, Question.SMALL_LESIONS: {(A, B): Word.WORSE}}) == (
        "The loss does not matter here for Dice: both are equivalent within 0.01 Dice; they differ in small lesions "
        "(best: Focal)."
    )


def test_rule_7_ties_are_called_ties() -> None:
    same = dict.fromkeys(combinations([A, B, C], 2), (Word.EQUIVALENT, 0.0, 0.0, 0.0))
    assert headline([A, B, C], {Question.OVERLAP: same}).endswith("within 0.01 Dice. All tie for first.")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ({Question.OVERLAP: {}}, "The three models are equivalent within 0.01 Dice."),
        (
            {Question.OVERLAP: {}, Question.SMALL_LESIONS: {(A, B): Word.WORSE, (A, C): Word.WORSE}},
            "The three models are equivalent within 0.01 Dice; they differ in small lesions (best: ",
        ),
        (
            {Question.OVERLAP: dict.fromkeys(combinations([A, B, C], 2), Word.UNDECIDED)},
            "Nothing can be told yet: every pair of the three models is undecided",
        ),
        (
            {Question.OVERLAP: {(A, B): Word.UNDECIDED, (A, C): Word.UNDECIDED}},
            "No model is shown to be better than another: ",
        ),
    ],
)
def test_of_anybodys_results_the_headline_speaks_of_models(lines: dict[Question, Pairs], said: str) -> None:
    assert headline([A, B, C], lines, names_as_given=True).startswith(said)


def test_rule_8_nothing_can_be_told() -> None:
    nothing = dict.fromkeys(combinations([A, B, C], 2), Word.UNDECIDED)
    assert headline([A, B, C], {Question.OVERLAP: nothing}, needed={"seeds_needed": 12, "cases_needed": 900}) == (
        "Nothing can be told yet: every pair of the three losses is undecided in Dice (12 seeds a fold or 900 cases "
        "would decide a difference of 0.01)."
    )


# --- who was compared -------------------------------------------------------------------------------------------------


def test_a_loss_without_its_folds_and_one_that_collapsed_are_named_with_the_reason() -> None:
    found = verdict(
        viewed(
            [A, C, D, B],
            {Question.OVERLAP: {(A, C): Word.BETTER, (A, D): Word.BETTER}},
            reasons={B: "left out: 12 of 20 cases missing (more than 20%)"},
            failed={C: 2},
            statuses=[(A, "completed"), (B, "missing"), (C, "collapsed"), (C, "collapsed"), (C, "completed"),
                      (C, "missing"), (D, "completed")],
        )
    )  # fmt: skip
    assert found.headline.startswith("Dice is best: better than nnUNetTrainer in Dice")
    assert found.left_out == (
        "Compared: 3 of 4 losses, 20 of 20 cases; Focal is left out: 12 of 20 cases missing (more than 20%); "
        "Focal lacks 1 of 1 training; TopK collapsed in 2 of 3 trainings; TopK lacks 1 of 4 trainings."
    )


def test_losses_that_lack_the_same_number_of_trainings_are_named_together() -> None:
    pairs = {Question.OVERLAP: dict.fromkeys(combinations([A, B, C], 2), Word.UNDECIDED)}
    statuses = [(loss, status) for loss in (A, B, C) for status in ("completed", "missing")]
    said = verdict(viewed([A, B, C], pairs, statuses=statuses)).left_out
    assert said == "Compared: 3 of 3 losses, 20 of 20 cases; every loss lacks 1 of 2 trainings."
    statuses = [(A, "completed"), (B, "missing"), (C, "missing")]
    said = verdict(viewed([A, B, C], pairs, statuses=statuses)).left_out
    assert said == "Compared: 3 of 3 losses, 20 of 20 cases; Focal and TopK each lack 1 of 1 training."


def test_a_loss_that_collapsed_once_does_not_lead_though_nothing_is_better_for_certain() -> None:
    wide = {(A, B): Word.BETTER, (A, C): Word.UNDECIDED, (B, C): Word.UNDECIDED}
    assert headline([A, B, C], {Question.OVERLAP: wide}, failed={C: 1}).startswith("Dice is best: better than Focal")
    both = headline([A, C], {Question.OVERLAP: wide}, failed={C: 1})
    assert both.startswith("Nothing can be told yet")


def test_a_loss_of_which_nothing_is_left_but_its_trainings_is_named() -> None:
    lost = viewed([A, B], {Question.OVERLAP: {}}, statuses=[(A, "completed"), (B, "completed"), (C, "missing")])
    assert verdict(lost).left_out == (
        "Compared: 2 of 3 losses, 20 of 20 cases; TopK is left out: it has no case; TopK lacks 1 of 1 training."
    )


def test_what_seeds_cost_counts_folds_and_the_seeds_that_are_there() -> None:
    seconds = dict.fromkeys([A, B, C, D], 1800.0)
    view = viewed([A, B, C, D], {Question.OVERLAP: {**TOP_2[Question.OVERLAP], (A, B): Word.UNDECIDED}},
                  needed={"seeds_needed": 5}, seconds=seconds)  # fmt: skip
    cases = view.comparison.tables["cases"]
    cases["fold"] = cases["case"].str[1:].astype(int) % 3
    cases["seed"] = cases["case"].str[1:].astype(int) % 2
    told = verdict(view).headline
    assert "(5 seeds a fold, 9.0\u00a0h of GPU time more, would" in told  # 2 losses × 3 folds × 3 seeds × 0.5 h


def test_nothing_is_said_of_who_was_compared_if_nothing_is_missing() -> None:
    assert verdict(viewed([A, B], {Question.OVERLAP: {}})).left_out == ""


def test_cases_that_one_loss_costs_all_others_are_told() -> None:
    lost = pd.DataFrame(
        [{**WHERE, "metric": "dice", "trainer": B, "status": "both_empty", "resolved": "left out", "n": 9}]
    )
    found = viewed([A, B], {Question.OVERLAP: {}}, cases_of={A: 20, B: 11}, undefined=lost)
    assert verdict(found).left_out == (
        "Compared: 2 of 2 losses, 11 of 20 cases; 9 cases left out: Dice is not defined (Focal 9)."
    )
    one = viewed([A, B], {Question.OVERLAP: {}}, cases_of={A: 20, B: 19})
    assert "19 of 20 cases; 1 case left out" in verdict(one).left_out
    silent = viewed([A, B], {Question.OVERLAP: {}}, cases_of={A: 20, B: 11})
    assert verdict(silent).left_out.endswith("9 cases left out, because some loss has no prediction.")


def test_nothing_that_can_be_compared() -> None:
    alone = viewed([A, B], {Question.OVERLAP: {}}, reasons={B: "left out: 20 of 20 cases missing"})
    assert verdict(alone).headline == "Nothing can be compared: left out: 20 of 20 cases missing."
    few = viewed([A, B], {Question.OVERLAP: {(A, B): Word.NOT_COMPARABLE}})
    assert verdict(few).headline == "Nothing can be compared: too few cases in common."
    assert verdict(viewed([A, B], {})).headline == "Nothing to compare: no loss has a Dice."


# --- what was asked, and what the answer rests on ---------------------------------------------------------------------


def test_a_question_of_non_inferiority_is_answered_first() -> None:
    lines = {Question.OVERLAP: {(A, D): Word.NOT_WORSE, (B, D): Word.BETTER, (C, D): Word.UNDECIDED}}
    found = headline([A, B, C, D], lines, decision=Decision("non_inferiority"))
    assert found.startswith("Not worse than nnUNetTrainer by 0.01 Dice: Dice and Focal; not shown of TopK. ")


def test_what_the_words_rest_on_is_said() -> None:
    detail = verdict(
        viewed([A, B], {Question.OVERLAP: {}}, decision=Decision(declared="declared before training"))
    ).detail
    assert detail.startswith(
        "The words rest on Dice, a margin of 0.01 and intervals for new trainings on these data and new cases that "
        "hold for all pairs at once (95\u00a0%); declared before training."
    )
    models = verdict(viewed([A, B], {Question.OVERLAP: {}}, subject="models")).detail
    assert "intervals for new cases alone" in models


def test_what_would_change_the_answer_and_how_much_the_loss_explains() -> None:
    where = {**WHERE, "metric": "dice"}
    variants = [("as reported", "", False, A), ("aggregation", "median", True, B), ("fold left out", "2", True, B),
                ("definition", "iou", False, A)]  # fmt: skip
    sensitivity = pd.DataFrame(
        [{**where, "choice": c, "variant": v, "changes": x, "winner": w} for c, v, x, w in variants]
    )
    shares = {"loss": 0.04, "training": 0.03, "case": 0.7, "fold": 0.0, "rest": 0.23}
    variance = pd.DataFrame([{**where, "source": s, "share": v} for s, v in shares.items()])
    detail = verdict(viewed([A, B], {Question.OVERLAP: {}}, sensitivity=sensitivity, variance=variance)).detail
    assert "Another loss has the best mean in 2 of 3 variants" in detail
    assert "Focal (median and without fold 2)." in detail
    assert detail.endswith("explains 4\u00a0% of the variance of Dice, the case 70\u00a0% and the training 3\u00a0%.")
    steady = verdict(viewed([A, B], {Question.OVERLAP: {}}, sensitivity=sensitivity.assign(changes=False))).detail
    assert "No other loss has the best mean" in steady


def test_few_cases_rank_nothing() -> None:
    assert "Ranks of 2 cases say nothing of others." in verdict(viewed([A, B], {Question.OVERLAP: {}}, cases=2)).detail


# --- the card ---------------------------------------------------------------------------------------------------------


def test_the_best_of_a_line_are_those_that_nobody_is_better_than() -> None:
    lines = card_of(viewed([A, B, C, D], TOP_2)).lines
    assert lines[0].best == [A, B]
    assert card_of(viewed([A, B], {Question.OVERLAP: {}})).lines[0].best == []


@pytest.mark.parametrize(("word", "turned"), [(Word.BETTER, Word.WORSE), (Word.NOT_WORSE, Word.NOT_BETTER)])
def test_a_pair_can_be_asked_for_in_either_order(word: Word, turned: Word) -> None:
    (line,) = card_of(viewed([A, B], {Question.OVERLAP: {(A, B): word}})).lines
    assert (line.word(A, B), line.word(B, A)) == (word, turned)
    assert line.pair(B, A)["difference"] == -line.pair(A, B)["difference"]  # type: ignore[index]


def test_an_erratic_loss_that_is_behind_does_not_lead_however_wide_its_intervals_are() -> None:
    far = (Word.UNDECIDED, 0.5, -0.3, 1.3)
    lines: dict[Question, Pairs] = {
        Question.OVERLAP: {(A, B): Word.BETTER, (A, C): Word.BETTER, (A, D): far, (B, D): far, (C, D): far},
        Question.STABILITY: {},
    }
    told = verdict(viewed([A, B, C, D], lines, erratic={D: 0.131}))
    assert told.headline.startswith("Dice is best: better than all others that can be placed in Dice")
    erratic = "nnUNetTrainer trains erratically (SD 0.131 over trainings, others at most 0.700) and cannot be placed"
    assert erratic in told.left_out
    steady = verdict(viewed([A, B, C, D], lines))
    assert "is best" not in steady.headline
    assert "erratically" not in steady.left_out


def test_an_erratic_loss_that_is_not_behind_may_lead() -> None:
    lines: dict[Question, Pairs] = {
        Question.OVERLAP: {(A, B): Word.UNDECIDED, (A, C): Word.BETTER, (B, C): (Word.UNDECIDED, 0.5, -0.3, 1.3)},
        Question.STABILITY: {},
    }
    told = verdict(viewed([A, B, C], lines, erratic={B: 0.2}))
    assert "Dice and Focal lead" in told.headline
    assert "erratically" not in told.left_out
