"""One word for each pair of losses."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.base.states import Word
from nnunet_losses.statistics import Results
from nnunet_losses.statistics.estimators.hodges_lehmann import hodges_lehmann
from nnunet_losses.statistics.estimators.retraining import critical_value
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.ranking.decision import (
    SEEDS_ALIKE,
    decisions_table,
    failed_trainings,
    training_spread,
    word_for,
)
from nnunet_losses.statistics.tables.decision import DECISIONS, FORECASTS

MakeCases = Callable[..., pd.DataFrame]
nan = float("nan")


def panel_of(cases: pd.DataFrame, baseline: str = "A") -> Panel:
    (panel,) = Results.of(cases, baseline=baseline).panels()
    return panel


@pytest.mark.parametrize(
    ("interval", "interval_90", "word"),
    [
        ((0.001, 0.003), (0.0012, 0.0028), Word.EQUIVALENT),  # real, and too small to matter
        ((-0.012, 0.008), (-0.009, 0.007), Word.EQUIVALENT),
        ((0.002, 0.03), (0.004, 0.028), Word.BETTER),
        ((-0.05, -0.02), (-0.048, -0.022), Word.WORSE),
        ((-0.005, 0.03), (-0.003, 0.028), Word.NOT_WORSE),
        ((-0.03, 0.005), (-0.028, 0.003), Word.NOT_BETTER),
        ((-0.03, 0.03), (-0.02, 0.02), Word.UNDECIDED),
        ((nan, nan), (nan, nan), Word.UNDECIDED),
    ],
)
def test_the_word_follows_from_interval_and_margin(
    interval: tuple[float, float], interval_90: tuple[float, float], word: Word
) -> None:
    assert word_for(*interval, *interval_90, margin=0.01) == word


@given(st.floats(-0.1, 0.1), st.floats(0, 0.1), st.floats(0, 0.05))
def test_turning_a_pair_turns_its_word(middle: float, half: float, margin: float) -> None:
    turned = {Word.BETTER: Word.WORSE, Word.NOT_WORSE: Word.NOT_BETTER}
    turned |= {b: a for a, b in turned.items()}
    one = word_for(middle - half, middle + half, middle - half / 2, middle + half / 2, margin)
    other = word_for(-middle - half, -middle + half, -middle - half / 2, -middle + half / 2, margin)
    assert other == turned.get(one, one)


def test_equal_losses_are_equivalent(make_cases: MakeCases) -> None:
    values = np.random.default_rng(0).random(20)
    table = decisions_table(panel_of(make_cases(dict.fromkeys("ABCDE", values))), margin=0.01)
    assert set(table["word"]) == {"equivalent"}
    assert (table["difference"] == 0).all()
    DECISIONS.check(table)


def test_a_loss_that_is_better_in_every_fold_is_better_and_says_so_of_losses(study: pd.DataFrame) -> None:
    table = decisions_table(panel_of(study), margin=0.01).set_index(["trainer_a", "trainer_b"])
    row = table.loc["D", "A"]
    assert (row["word"], row["subject"], row["trainings"], row["n"]) == ("better", "losses", 5, 40)
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert table.loc[("B", "C"), "difference"] == 0
    assert table.loc[("B", "C"), "low"] == -table.loc[("B", "C"), "high"]


def test_a_smaller_distance_is_better(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(0)
    far = rng.uniform(5, 9, 20)
    values = {"A": far, "B": far - 3 + rng.normal(0, 0.1, 20)}
    (row,) = decisions_table(panel_of(make_cases(values, metric="hd95", unit="mm")), margin=1).itertuples()
    assert (row.trainer_a, row.word) == ("B", "better")
    assert row.difference == pytest.approx(3, abs=0.2)


def test_one_training_of_each_loss_speaks_of_models(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(0)
    base = rng.random(30) / 2
    cases = make_cases({"A": base, "B": base + 0.2 + rng.normal(0, 0.02, 30)}, fold=0)
    (row,) = decisions_table(panel_of(cases), margin=0.01).itertuples()
    assert (row.subject, row.word, row.trainings) == ("models", "better", 1)
    few = decisions_table(panel_of(make_cases({"A": base[:4], "B": base[:4] + 0.2}, fold=0)), margin=0.01)
    assert few["word"].tolist() == ["undecided"]
    assert few["reason"].tolist() == ["4 cases allow no interval for 1 pairs at once"]


def test_seeds_of_one_fold_answer_for_losses_and_cases_add_to_the_spread(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(0)
    base = rng.random(30) / 2
    gain = rng.normal(0.1, 0.1, 30)  # differs between cases, not between seeds
    parts = []
    for seed in (1, 2, 3):
        values = {"A": base + rng.normal(0, 1e-4, 30), "B": base + gain + rng.normal(0, 1e-4, 30)}
        part = make_cases(values, fold=0, seed=seed)
        parts.append(part.assign(trainer=part["trainer"] + f"_seed{seed}"))
    (row,) = decisions_table(panel_of(pd.concat(parts), baseline="A_seed1"), margin=0.01).itertuples()
    assert (row.subject, row.trainings, row.word) == ("losses", 3, "better")
    assert row.se == pytest.approx(0.1 / np.sqrt(30), rel=0.35)


def seeded(make_cases: MakeCases, alike: dict[str, tuple[float, float]], noise: float = 0.01) -> Panel:
    """Five folds of two seeds; what each seed is worth to a loss in all folds, and to a single training (noise)."""
    rng = np.random.default_rng(0)
    base = rng.random(60) / 2
    parts = []
    for seed in (1, 2):
        values = {}
        for loss, worth in alike.items():
            training = rng.normal(0, noise, 5)[np.arange(60) % 5]
            values[f"{loss}_seed{seed}"] = base + worth[seed - 1] + training + rng.normal(0, 0.01, 60)
        parts.append(make_cases(values, seed=seed))
    return panel_of(pd.concat(parts), baseline="A_seed1")


@pytest.mark.slow
def test_a_loss_that_learns_with_one_seed_in_all_folds_is_not_told_from_others_by_many_folds(
    make_cases: MakeCases,
) -> None:
    worth = {"B": (0.4, 0.4), "C": (0.39, 0.4), **dict.fromkeys("DEFG", (0.2, 0.2)), "A": (0.3, 0.05)}
    table = decisions_table(seeded(make_cases, worth), margin=0.01).set_index(["trainer_a", "trainer_b"])
    assert (set(table["trainings"]), set(table["reason"])) == ({2}, {SEEDS_ALIKE})
    assert table.loc[("B", "A"), "word"] == "undecided"
    assert table.loc[("B", "D"), "word"] == "better"
    spread = dict(zip("BCDEFGA", training_spread(seeded(make_cases, worth))[0], strict=True))
    assert spread["A"] == pytest.approx(0.25 / np.sqrt(2), rel=0.2)


def test_seeds_that_do_not_act_alike_leave_the_folds_as_trainings(make_cases: MakeCases) -> None:
    worth = {"B": (0.3, 0.3), "C": (0.3, 0.3), "A": (0.2, 0.2)}
    table = decisions_table(seeded(make_cases, worth), margin=0.01).set_index(["trainer_a", "trainer_b"])
    assert (set(table["trainings"]), set(table["reason"])) == ({5}, {""})
    assert table.loc[("B", "A"), "word"] == "better"


def test_a_loss_without_its_folds_is_not_comparable_and_the_reason_is_given(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(0)
    cases = make_cases({t: rng.random(20) for t in "ABC"})
    cases = cases[(cases["trainer"] != "B") | (cases["fold"] < 2)]
    table = decisions_table(panel_of(cases), margin=0.01).set_index(["trainer_a", "trainer_b"])
    for pair in (("B", "A"), ("C", "B")):
        row = table.loc[pair] if pair in table.index else table.loc[pair[::-1]]
        assert row["word"] == "not comparable"
        assert row["reason"] == "B is left out: 12 of 20 cases missing (more than 20%)"
    assert table.loc[("C", "A"), "word"] != "not comparable"


def test_a_loss_that_collapsed_once_leaves_what_is_said_of_others(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.5, 0.8, 40)
    values = {t: base + gain + rng.normal(0, 0.005, 40) for t, gain in (("A", 0), ("B", 0.05), ("C", 0.02))}
    values["E"] = np.where(np.arange(40) % 5 < 2, 0.0, base)
    panel = panel_of(make_cases(values))
    assert failed_trainings(None, panel) == {"E": 2}
    table = decisions_table(panel, margin=0.01, unsteady={"E"}).set_index(["trainer_a", "trainer_b"])
    without = decisions_table(panel_of(make_cases({t: values[t] for t in "ABC"})), margin=0.01)
    without = without.set_index(["trainer_a", "trainer_b"])
    assert table.loc[without.index, "se"].to_numpy() == pytest.approx(without["se"].to_numpy())
    assert table.loc[without.index, "word"].tolist() == without["word"].tolist()
    untold = decisions_table(panel, margin=0.01).set_index(["trainer_a", "trainer_b"])  # it is seen to vary more
    assert untold.loc[without.index, "word"].tolist() == without["word"].tolist()


def test_fewer_than_two_cases_are_not_compared(make_cases: MakeCases) -> None:
    table = decisions_table(panel_of(make_cases({"A": [0.5], "B": [0.6]})), margin=0.01)
    assert table[["word", "reason"]].to_numpy().tolist() == [
        ["not comparable", "1 common cases: a comparison needs two"]
    ]


def test_no_interval_reaches_beyond_the_largest_difference_that_there_can_be(make_cases: MakeCases) -> None:
    up, down = np.tile([0.0, 1.0, 1.0, 0.0, 0.5], 4), np.tile([1.0, 0.0, 0.0, 1.0, 0.5], 4)
    (row,) = decisions_table(panel_of(make_cases({"A": up, "B": down})), margin=0.01).itertuples()
    assert (row.low, row.high, row.word) == (-1, 1, "undecided")


def test_intervals_of_models_are_those_of_hodges_and_lehmann_with_bonferroni(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(0)
    values = {t: rng.random(25) for t in "ABC"}
    table = decisions_table(panel_of(make_cases(values, fold=0)), margin=0.01, alpha=0.06)
    for row in table.itertuples():
        gains = values[row.trainer_a] - values[row.trainer_b]
        assert (row.difference, row.low, row.high) == pytest.approx(hodges_lehmann(gains, confidence=0.98))
        assert (row.low_90, row.high_90) == pytest.approx(hodges_lehmann(gains, confidence=0.96)[1:])


def test_the_interval_for_equivalence_has_twice_the_level(study: pd.DataFrame) -> None:
    for row in decisions_table(panel_of(study), margin=0.01, alpha=0.04).itertuples():
        reach = critical_value(0.92, 4, row.df) * row.se
        assert (row.low_90, row.high_90) == pytest.approx((row.difference - reach, row.difference + reach))


def test_seeds_of_one_fold_know_the_direction_of_the_metric(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(0)
    far = rng.uniform(5, 9, 20)
    parts = [
        make_cases({"A": far, "B": far - 3 + rng.normal(0, 0.1, 20)}, metric="hd95", unit="mm", fold=0, seed=seed)
        for seed in (1, 2)
    ]
    cases = pd.concat([part.assign(trainer=part["trainer"] + f"_seed{part['seed'].iloc[0]}") for part in parts])
    panel = panel_of(cases, baseline="A_seed1")
    (row,) = decisions_table(panel, margin=1).itertuples()
    assert (row.subject, row.word, row.trainings) == ("losses", "better", 2)
    assert row.difference == pytest.approx(3, abs=0.1)
    spread, erratic = training_spread(panel)
    assert spread == pytest.approx([0, 0], abs=0.2)
    assert not erratic.any()


def test_what_would_decide_stands_beside_undecided_pairs_alone(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(0)
    luck = np.tile([0.02, -0.02, 0.0, 0.01, -0.01], 6)
    base = rng.uniform(0.4, 0.8, 30)
    values = {
        "A": base, "B": base + luck + rng.normal(0, 0.01, 30), "C": base - 0.3 + rng.normal(0, 0.01, 30),
    }  # fmt: skip
    panel = panel_of(make_cases(values))
    table = decisions_table(panel, margin=0.02, forecast=True).set_index(["trainer_a", "trainer_b"])
    undecided, decided = table.loc[("B", "A")], table.loc[("C", "A")]
    assert undecided["word"] in ("undecided", "not worse", "not better")
    assert undecided["seeds_needed"] > 1
    assert undecided["detectable"] > 0.02
    assert decided["word"] == "worse"
    assert decided[list(FORECASTS)].isna().all()
    assert decisions_table(panel, margin=0.02)[list(FORECASTS)].isna().all(axis=None)


def test_two_cases_are_enough_to_see_that_a_training_failed(make_cases: MakeCases) -> None:
    values = {"A": np.full(10, 0.5), "B": np.where(np.arange(10) % 5 == 0, 0.0, 0.5)}
    assert failed_trainings(None, panel_of(make_cases(values))) == {"B": 1}
