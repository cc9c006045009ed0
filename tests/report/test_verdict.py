"""The verdict says what the numbers say, and no more: every rule, every boundary, every word."""

import dataclasses
import math
from typing import Any

import pandas as pd
import pytest

from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.report.verdict import Verdict, verdict
from nnunet_losses.statistics.failures import costs_table

BASE, RIVAL, THIRD, FOURTH = "nnUNetTrainer", "DiceTrainer", "FocalTrainer", "TverskyTrainer"
PAIR_COLUMNS = ["trainer_a", "trainer_b", "n", "difference", "low", "high", "p_holm"]
CLEAR = [(RIVAL, BASE, 0.1, 0.001)]
EQUAL = [(RIVAL, BASE, 0.1, 0.4)]


def viewed(
    means: dict[str, float],
    pairs: list[tuple[str, str, float, float]] | None,
    *,
    n: int = 24,
    jobs: list[dict[str, Any]] | None = None,
    metric: str = "dice",
    baseline: str = BASE,
    p_first: float = 0.9,
) -> View:
    """A view of means, best first in the order given, and pairs (a, b, difference a − b, p after Holm)."""
    where = {"dataset": "D", "configuration": "2d", "label": "lesion", "metric": metric}
    run = {"dataset": "D", "configuration": "2d", "fold": 0, "seed": 0}
    cases = [
        {**run, **where, "trainer": t, "case": "c0", "value": m, "unit": "1", "status": "ok"} for t, m in means.items()
    ]
    ranking = [
        {**where, "trainer": t, "n": n, "mean": m, "mean_low": m - 0.03, "mean_high": m + 0.03,
         "rank": math.nan if math.isnan(m) else i + 1, "p_first": p_first}
        for i, (t, m) in enumerate(means.items())
    ]  # fmt: skip
    statistics = {"ranking": pd.DataFrame(ranking)}
    if pairs is not None:
        rows = [
            {**where, **dict(zip(PAIR_COLUMNS, (a, b, n, d, d - 0.01, d + 0.01, p), strict=True))}
            for a, b, d, p in pairs
        ]
        statistics["pairwise"] = pd.DataFrame(rows, columns=[*where, *PAIR_COLUMNS])
    tables = {"cases": pd.DataFrame(cases)}
    if jobs is not None:
        tables["jobs"] = pd.DataFrame([{**run, "hardware": "x", "epochs": 1, **job} for job in jobs])
        statistics["costs"] = costs_table(tables["jobs"])
    return Comparison(tables=tables, statistics=statistics, title="T", baseline=baseline, primary_metric=metric).views[
        0
    ]


def judged(*args: Any, **options: Any) -> Verdict:
    return verdict(viewed(*args, **options))


def job(trainer: str, seconds: float, status: str = "completed", memory: float = 2048.0) -> dict[str, Any]:
    return {"trainer": trainer, "seconds": seconds, "peak_memory_mb": memory, "status": status}


# --- the whole verdict, word by word ----------------------------------------------------------------------------------


def test_a_clear_winner() -> None:
    found = judged({RIVAL: 0.7, BASE: 0.6}, CLEAR, jobs=[job(RIVAL, 7200), job(BASE, 3600)])
    assert found.headline == "Dice is best."
    assert found.detail == (
        "Dice has the highest mean Dice, 0.700 [0.67, 0.73], over 24 cases, and ranks first in 90\u00a0% of bootstrap "
        "samples. It is better than nnUNetTrainer (Wilcoxon signed-rank test with Holm's correction, p < 0.05). Its "
        "paired difference from the baseline, nnUNetTrainer, is +0.100 [0.090, 0.110] (p = 0.001). One training took "
        "2.0\u00a0h and 2.0\u00a0GB, 2.00 times the baseline's time."
    )


def test_nothing_that_can_be_told_apart() -> None:
    found = judged({RIVAL: 0.7, BASE: 0.69}, EQUAL)
    assert found.headline == "No two losses can be told apart."
    assert found.detail == (
        "Dice has the highest mean Dice, 0.700 [0.67, 0.73], over 24 cases, and ranks first in 90\u00a0% of bootstrap "
        "samples. Its paired difference from the baseline, nnUNetTrainer, is +0.100 [0.090, 0.110] (p = 0.40). Its "
        "cost is unknown: no completed training is on record."
    )


def test_a_baseline_that_leads_and_a_distance() -> None:
    pairs = [(BASE, RIVAL, -0.5, 0.001), (BASE, THIRD, -0.1, 0.6), (RIVAL, THIRD, 0.4, 0.2)]
    found = judged({BASE: 3.0, THIRD: 3.1, RIVAL: 3.5}, pairs, metric="hd95")
    assert found.headline == "nnUNetTrainer leads, but cannot be distinguished from 1 of the other 2 losses."
    assert found.detail == (
        "nnUNetTrainer has the lowest mean HD95, 3.0 [3.0, 3.0] mm, over 24 cases, and ranks first in 90\u00a0% of "
        "bootstrap samples. It is better than Dice (Wilcoxon signed-rank test with Holm's correction, p < 0.05), but "
        "not demonstrably better than Focal. It is the baseline. Its cost is unknown: no completed training is on "
        "record."
    )


def test_a_single_loss() -> None:
    found = judged({BASE: 0.6}, None, n=1)
    assert found.headline == "nnUNetTrainer is the only loss: there is nothing to compare."
    assert found.detail == (
        "nnUNetTrainer has the highest mean Dice, 0.600 [0.57, 0.63], over 1 case. Its cost is unknown: no completed "
        "training is on record."
    )


def test_no_ranking() -> None:
    found = judged({RIVAL: math.nan, BASE: math.nan}, EQUAL, metric="lesion_recall")
    assert found == Verdict("There is no ranking.", "No loss has a lesion recall that could be ranked.")


# --- the headline -----------------------------------------------------------------------------------------------------

THREE = {RIVAL: 0.7, THIRD: 0.69, BASE: 0.6}


@pytest.mark.parametrize(
    ("p_third", "p_base", "p_others", "headline"),
    [
        (0.01, 0.01, 0.5, "Dice is best."),
        (0.5, 0.01, 0.5, "Dice leads, but cannot be distinguished from 1 of the other 2 losses."),
        (0.5, 0.5, 0.01, "Dice ranks first, but cannot be distinguished from the other 2 losses."),
        (0.5, 0.5, 0.5, "No two losses can be told apart."),
        (math.nan, 0.01, 0.01, "Dice is best."),
        (math.nan, 0.5, 0.01, "Dice ranks first, but cannot be distinguished from the other loss."),
        (math.nan, math.nan, 0.01, "Dice ranks first, but no test was possible."),
    ],
)
def test_the_headline_follows_the_tests(p_third: float, p_base: float, p_others: float, headline: str) -> None:
    pairs = [(RIVAL, THIRD, 0.01, p_third), (RIVAL, BASE, 0.1, p_base), (THIRD, BASE, 0.09, p_others)]
    assert judged(THREE, pairs).headline == headline


@pytest.mark.parametrize(("p", "headline"), [(0.0499, "Dice is best."), (0.05, "No two losses can be told apart.")])
def test_exactly_the_level_is_not_significant(p: float, headline: str) -> None:
    assert judged({RIVAL: 0.7, BASE: 0.6}, [(RIVAL, BASE, 0.1, p)]).headline == headline


def test_exactly_the_level_beats_nobody() -> None:
    found = judged(THREE, [(RIVAL, THIRD, 0.01, 0.05), (RIVAL, BASE, 0.1, 0.05), (THIRD, BASE, 0.09, 0.01)])
    assert found.headline == "Dice ranks first, but cannot be distinguished from the other 2 losses."
    assert "It is better than" not in found.detail


@pytest.mark.parametrize("pairs", [None, []])
def test_without_tests_the_first_is_not_called_best(pairs: list[Any] | None) -> None:
    assert judged({RIVAL: 0.7, BASE: 0.6}, pairs).headline == "Dice ranks first, but no test was possible."


def test_a_better_mean_with_worse_cases_is_not_hidden() -> None:
    pairs = [(RIVAL, BASE, -0.02, 0.01), (RIVAL, THIRD, 0.05, 0.01), (BASE, THIRD, 0.01, 0.5)]
    found = judged({RIVAL: 0.7, BASE: 0.69, THIRD: 0.6}, pairs)
    assert found.headline == "Dice has the best mean, but case by case nnUNetTrainer did better."
    assert "It is better than Focal (" in found.detail


def test_several_losses_above_are_all_named() -> None:
    pairs = [(RIVAL, BASE, -0.02, 0.01), (RIVAL, THIRD, -0.01, 0.01)]
    found = judged({RIVAL: 0.7, BASE: 0.69, THIRD: 0.68}, pairs)
    assert found.headline == "Dice has the best mean, but case by case nnUNetTrainer and Focal did better."
    assert "It is better than" not in found.detail


def test_a_score_without_any_difference_is_no_win_of_the_first() -> None:
    """Significant, yet the estimate is zero, so its direction is not known."""
    assert judged({RIVAL: 0.7, BASE: 0.6}, [(RIVAL, BASE, 0.0, 0.01)]).headline == (
        "Dice has the best mean, but case by case nnUNetTrainer did better."
    )


@pytest.mark.parametrize(
    ("metric", "difference", "headline"),
    [
        ("dice", 0.1, "Dice is best."),
        ("dice", -0.1, "Dice has the best mean, but case by case nnUNetTrainer did better."),
        ("hd95", -0.1, "Dice is best."),
        ("hd95", 0.1, "Dice has the best mean, but case by case nnUNetTrainer did better."),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_direction_is_that_of_the_metric_whichever_way_the_pair_stands(
    metric: str, difference: float, headline: str, turned: bool
) -> None:
    pair = (BASE, RIVAL, -difference, 0.001) if turned else (RIVAL, BASE, difference, 0.001)
    assert judged({RIVAL: 0.7, BASE: 0.6}, [pair], metric=metric).headline == headline


def test_tests_among_the_others_do_not_beat_for_the_first() -> None:
    pairs = [(RIVAL, THIRD, 0.01, 0.5), (RIVAL, BASE, 0.02, 0.3), (THIRD, BASE, 0.05, 0.01)]
    found = judged(THREE, pairs)
    assert "It is better than" not in found.detail
    assert "not demonstrably" not in found.detail


def test_losses_without_a_rank_do_not_count() -> None:
    pairs = [*CLEAR, (RIVAL, THIRD, math.nan, math.nan)]
    found = judged({RIVAL: 0.7, BASE: 0.6, THIRD: math.nan}, pairs)
    assert found.headline == "Dice is best."
    assert "Focal" not in found.detail


# --- the leader -------------------------------------------------------------------------------------------------------


def test_beaten_and_level_losses_are_named_in_their_order() -> None:
    means = {RIVAL: 0.7, THIRD: 0.69, FOURTH: 0.65, BASE: 0.6}
    pairs = [(RIVAL, BASE, 0.1, 0.001), (RIVAL, FOURTH, 0.05, 0.01), (RIVAL, THIRD, 0.01, 0.5)]
    assert (
        "It is better than Tversky and nnUNetTrainer (Wilcoxon signed-rank test with Holm's correction, p < 0.05), but "
        "not demonstrably better than Focal."
    ) in judged(means, pairs).detail


@pytest.mark.parametrize(("share", "words"), [(0.123, "12\u00a0%"), (1.0, ">99\u00a0%"), (0.0, "<1\u00a0%")])
def test_the_share_of_first_ranks_is_told(share: float, words: str) -> None:
    detail = judged({RIVAL: 0.7, BASE: 0.6}, EQUAL, p_first=share).detail
    assert f"over 24 cases, and ranks first in {words} of bootstrap samples." in detail


def test_an_unknown_share_is_not_told() -> None:
    assert "bootstrap" not in judged({RIVAL: 0.7, BASE: 0.6}, EQUAL, p_first=math.nan).detail


def test_a_count_has_no_unit_and_is_best_when_low() -> None:
    detail = judged({RIVAL: 0.7, BASE: 1.6}, None, metric="false_positive_count").detail
    assert detail.startswith("Dice has the lowest mean false positives, 0.7 [")
    assert "], over" in detail


def test_a_volume_has_its_unit_and_two_decimals() -> None:
    assert "0.70 [0.67, 0.73] ml, over" in judged({RIVAL: 0.7, BASE: 1.6}, None, metric="volume_difference_ml").detail


# --- against the baseline ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.0004, "(p < 0.001)"),
        (0.001, "(p = 0.001)"),
        (0.0444, "(p = 0.044)"),
        (0.3, "(p = 0.30)"),
        (math.nan, "(untested)"),
    ],
)
def test_the_difference_from_the_baseline_has_its_p_value(p: float, words: str) -> None:
    detail = judged({RIVAL: 0.7, BASE: 0.6}, [(RIVAL, BASE, 0.1, p)]).detail
    assert f"Its paired difference from the baseline, nnUNetTrainer, is +0.100 [0.090, 0.110] {words}." in detail


def test_it_is_the_best_minus_the_baseline_whichever_way_the_pair_stands() -> None:
    assert judged({RIVAL: 0.7, BASE: 0.6}, [(BASE, RIVAL, -0.1, 0.001)]) == judged({RIVAL: 0.7, BASE: 0.6}, CLEAR)


@pytest.mark.parametrize(
    ("means", "pairs", "baseline"),
    [
        ({RIVAL: 0.7, BASE: 0.6}, CLEAR, "SomebodyElse"),
        ({RIVAL: 0.7, BASE: 0.6}, [(RIVAL, BASE, math.nan, math.nan)], BASE),
        ({RIVAL: 0.7, BASE: 0.6}, [], BASE),
        ({BASE: 0.7}, None, BASE),
    ],
)
def test_without_a_difference_nothing_is_said_of_the_baseline(means: Any, pairs: Any, baseline: str) -> None:
    detail = judged(means, pairs, baseline=baseline).detail
    assert "paired difference" not in detail
    assert "It is the baseline" not in detail


# --- cost and failures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jobs", "words"),
    [
        (
            [job(RIVAL, 90), job(BASE, 60)],
            "One training took 90\u00a0s and 2.0\u00a0GB, 1.50 times the baseline's time.",
        ),
        ([job(RIVAL, 90)], "One training took 90\u00a0s and 2.0\u00a0GB."),
        ([job(RIVAL, 90), job(BASE, 0.5)], "and 2.0\u00a0GB, 180.00 times the baseline's time."),
        ([job(RIVAL, 90), job(BASE, 0)], "One training took 90\u00a0s and 2.0\u00a0GB."),
        (
            [job(RIVAL, 90, memory=math.nan), job(BASE, 60)],
            "One training took 90\u00a0s, 1.50 times the baseline's time.",
        ),
        ([job(RIVAL, math.nan), job(BASE, 60)], "One training took 2.0\u00a0GB."),
        ([job(RIVAL, math.nan, memory=math.nan), job(BASE, 60)], "Its cost was not measured."),
        ([job(RIVAL, 90, "diverged"), job(BASE, 60)], "Its cost is unknown: no completed training is on record."),
        (
            [job(RIVAL, 90), job(RIVAL, 30), job(RIVAL, 5, "diverged"), job(BASE, 60)],
            "took 60\u00a0s and 2.0\u00a0GB, 1.00",
        ),
        ([job(BASE, 60)], "Its cost is unknown: no completed training is on record."),
        (None, "Its cost is unknown: no completed training is on record."),
    ],
)
def test_the_cost_is_that_of_completed_runs(jobs: list[dict[str, Any]] | None, words: str) -> None:
    assert f" {words}" in judged({RIVAL: 0.7, BASE: 0.6}, CLEAR, jobs=jobs).detail


def test_the_baseline_is_not_compared_with_its_own_time() -> None:
    detail = judged({BASE: 0.7, RIVAL: 0.6}, [(BASE, RIVAL, 0.1, 0.001)], jobs=[job(BASE, 90), job(RIVAL, 60)]).detail
    assert "One training took 90\u00a0s and 2.0\u00a0GB." in detail


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        ([job(RIVAL, 60, "diverged")], "1 of 3 trainings did not complete (Dice 1): see Failures."),
        (
            [job(BASE, 60, "missing"), job(RIVAL, 60, "collapsed"), job(BASE, 60, "unfinished")],
            "2 of 5 trainings did not complete (nnUNetTrainer 2) and 1 collapsed (Dice 1): see Failures.",
        ),
        ([job(RIVAL, 60, "collapsed")], "1 of 3 trainings collapsed (Dice 1): see Failures."),
    ],
)
def test_failed_runs_are_counted_by_loss(failed: list[dict[str, Any]], words: str) -> None:
    jobs = [job(RIVAL, 60), job(BASE, 60), *failed]
    assert judged({RIVAL: 0.7, BASE: 0.6}, CLEAR, jobs=jobs).detail.endswith(words)


def test_complete_runs_are_not_mentioned() -> None:
    assert "did not complete" not in judged({RIVAL: 0.7, BASE: 0.6}, CLEAR, jobs=[job(RIVAL, 1), job(BASE, 1)]).detail


# --- power ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "pairs", "words"),
    [
        (0, 1, "With 0 cases and 1 pair of losses, no difference, however large, could have been significant "
               "(smallest possible p 1)."),
        (1, 1, "With 1 case and 1 pair of losses, no difference, however large, could have been significant "
               "(smallest possible p 1)."),
        (5, 1, "With 5 cases and 1 pair of losses, no difference, however large, could have been significant "
               "(smallest possible p 0.062)."),
        (6, 1, None),  # 2 / 2⁶ = 0.03
        (6, 2, "With 6 cases and 2 pairs of losses, no difference, however large, could have been significant "
               "(smallest possible p 0.062)."),
        (7, 3, None),  # 6 / 2⁷ = 0.047
        (7, 4, "(smallest possible p 0.062)."),
        (3, 4, "(smallest possible p 1)."),
        (2, 4, "(smallest possible p 1)."),
    ],
)  # fmt: skip
def test_too_few_cases_are_named_as_the_reason(n: int, pairs: int, words: str | None) -> None:
    """The smallest two-sided p of a signed-rank test with n cases is 2 / 2ⁿ; Holm multiplies it by the pairs."""
    listed = [(RIVAL, BASE, 0.1, 0.5), (RIVAL, THIRD, 0.1, 0.5), (THIRD, BASE, 0.1, 0.5), (RIVAL, FOURTH, 0.1, 0.5)]
    detail = judged({RIVAL: 0.7, THIRD: 0.65, BASE: 0.6, FOURTH: 0.5}, listed[:pairs], n=n).detail
    if words is None:
        assert "however large" not in detail
    else:
        assert detail.endswith(f" {words}")


def test_sentences_are_separated_by_one_space() -> None:
    detail = judged({RIVAL: 0.7, BASE: 0.6}, CLEAR, jobs=[job(RIVAL, 60), job(BASE, 60, "missing")]).detail
    assert "  " not in detail
    assert detail == detail.strip()


# --- what holds when losses are trained again -------------------------------------------------------------------------


def with_words(view: View, words: dict[tuple[str, str], str], subject: str = "losses") -> View:
    where = {"dataset": view.dataset, "configuration": view.configuration, "label": view.label, "metric": "dice"}
    rows = [
        {
            **where,
            "trainer_a": a,
            "trainer_b": b,
            "subject": subject,
            "word": word,
            "difference": 0.1,
            "low": 0,
            "high": 1,
        }
        for (a, b), word in words.items()
    ]
    statistics = {**view.comparison.statistics, "decisions": pd.DataFrame(rows)}
    return dataclasses.replace(view.comparison, statistics=statistics).views[0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("better", "better", "better"), "it is better than nnUNetTrainer, Focal and Tversky. "),
        (
            ("undecided", "better", "equivalent"),
            "it is better than Focal; equivalent to Tversky; undecided against nnUNetTrainer. ",
        ),
        (
            ("not worse", "worse", "not better"),
            "it is not worse than nnUNetTrainer; not better than Tversky; worse than Focal. ",
        ),
        (("equivalent", "not comparable", "not comparable"), "it is equivalent to nnUNetTrainer. "),
    ],
)
def test_words_of_the_leaders_pairs_are_told(words: tuple[str, str, str], sentence: str) -> None:
    view = viewed(dict(zip((RIVAL, BASE, THIRD, FOURTH), (0.8, 0.7, 0.6, 0.5), strict=True)), CLEAR)
    pairs = dict(zip(((RIVAL, BASE), (RIVAL, THIRD), (RIVAL, FOURTH)), words, strict=True))
    assert f"With new trainings as well as new cases, {sentence}" in verdict(with_words(view, pairs)).detail
    turned = {"better": "worse", "worse": "better", "not worse": "not better", "not better": "not worse"}
    back = {(b, a): turned.get(word, word) for (a, b), word in pairs.items()}
    assert verdict(with_words(view, back)).detail == verdict(with_words(view, pairs)).detail


def test_without_several_trainings_it_speaks_of_models() -> None:
    view = with_words(viewed({RIVAL: 0.7, BASE: 0.6}, CLEAR), {(RIVAL, BASE): "better"}, subject="models")
    assert "Without two trainings of every loss, all this is about the trained models" in verdict(view).detail


def test_nothing_is_said_where_nothing_can_be_compared() -> None:
    view = viewed({RIVAL: 0.7, BASE: 0.6}, CLEAR)
    assert verdict(with_words(view, {(RIVAL, BASE): "not comparable"})).detail == verdict(view).detail
