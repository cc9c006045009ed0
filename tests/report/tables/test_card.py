"""The card: values of the baseline, words for the others, best in bold, and where each cell leads."""

import math

import pandas as pd

from nnunet_losses.base.states import Question, Word
from nnunet_losses.report.blocks import Cell, Table
from nnunet_losses.report.comparison import View
from nnunet_losses.report.sections import first_screen
from nnunet_losses.report.tables import card

from ..test_verdict import TOP_2, A, B, C, D, viewed

LINES = {
    Question.OVERLAP: {(A, B): Word.WORSE, (A, D): Word.WORSE},
    Question.FALSE_ALARMS: {(A, D): (Word.BETTER, 2.1, 1.5, 2.7), (B, D): Word.NOT_COMPARABLE},
    Question.TIME: {(A, D): (Word.WORSE, -0.6931, -0.7, -0.6), (B, D): Word.EQUIVALENT},
}


def row(view: View, head: str) -> list[Cell]:
    table = card.table(view)
    assert table is not None
    (found,) = [cells for cells in table.rows if cells[0].text == head]
    return list(found)


def test_the_baseline_shows_values_and_comes_first() -> None:
    view = viewed([A, B, D], LINES, seconds={D: 90.0})
    table = card.table(view)
    assert table is not None
    assert [column.name for column in table.columns] == ["", "nnUNetTrainer (baseline)", "Dice", "Focal", "Margin"]
    assert row(view, "Training time")[1].text == "90\u00a0s"


def test_the_others_show_word_difference_and_interval_in_the_direction_of_the_metric() -> None:
    view = viewed([A, B, D], LINES)
    dice, alarms, time = (row(view, head)[2] for head in ("Dice, as trained", "False alarms a case", "Training time"))
    assert (dice.text, dice.below, dice.kind) == ("worse", ("−0.030", "[−0.040, −0.020]"), "bad")
    assert (alarms.text, alarms.below) == ("better", ("−2.1", "[−2.7, −1.5]"))
    assert (time.text, time.below) == ("worse", ("×2.00", "[1.8, 2.0]"))
    lost = row(view, "False alarms a case")[3]
    assert (lost.text, lost.kind) == ("not comparable", "quiet")


def test_the_margin_stands_in_every_row_of_words() -> None:
    view = viewed([A, B, D], LINES)
    assert [row(view, head)[-1].text for head in ("Dice, as trained", "False alarms a case", "Training time")] == [
        "0.01", "0.25", "5\u00a0%",
    ]  # fmt: skip


def test_the_best_of_a_row_are_bold() -> None:
    cells = row(viewed([A, B, C, D], TOP_2), "Dice, as trained")
    assert ["best" in cell.kind.split() for cell in cells[1:-1]] == [False, True, True, False]


def test_a_row_of_equivalent_losses_says_so_once() -> None:
    cells = row(viewed([A, B, D], {Question.OVERLAP: {}}), "Dice, as trained")
    assert [(cell.text, cell.span) for cell in cells[1:]] == [("all equivalent (baseline 0.500)", 3), ("0.01", 1)]


def test_words_about_models_alone_have_another_style() -> None:
    view = viewed([A, B, D], LINES, subject="models")
    assert "models" in row(view, "Dice, as trained")[2].kind.split()
    assert "these trained models alone" in card.table(view).note  # type: ignore[union-attr]


def test_beyond_eight_losses_the_rest_opens_on_demand_beside_the_baseline() -> None:
    many = [f"Loss{i}Trainer" for i in range(9)]
    view = viewed([*many, D], {Question.OVERLAP: {(many[0], t): Word.BETTER for t in [*many[1:], D]}})
    shown, rest = card.table(view), card.rest(view)
    assert shown is not None
    assert rest is not None
    assert [column.name for column in shown.columns][1:-1] == [
        "nnUNetTrainer (baseline)", *(f"Loss{i}" for i in range(7)),
    ]  # fmt: skip
    assert [column.name for column in rest.columns][1:-1] == ["nnUNetTrainer (baseline)", "Loss7", "Loss8"]


def test_every_cell_leads_to_the_part_that_shows_why() -> None:
    (table,) = [block for block in first_screen(viewed([A, B, D], LINES).comparison) if isinstance(block, Table)]
    links = {cells[0].text: {cell.link for cell in cells[:-1]} for cells in table.rows}
    assert links["Dice, as trained"] == {"results-1-overlap"}
    assert links["Training time"] == {"runs-1-time-and-memory"}


def test_stability_shows_spread_and_failures() -> None:
    lines = {Question.OVERLAP: {}, Question.STABILITY: {}}
    failures = pd.DataFrame([{"dataset": "D", "configuration": "2d", "trainer": B, "learned_then_lost": 2}])
    view = viewed([A, B, D], lines, failed={A: 3}, seconds={A: 0.0123, B: 0.02, D: math.nan}, failures=failures)
    cells = dict(zip(("D", "A", "B"), row(view, "Stability")[1:-1], strict=True))
    assert (cells["A"].text, cells["A"].below, cells["A"].kind) == ("SD 0.012", ("3 of 5 failed",), "bad")
    assert (cells["B"].below, cells["B"].kind) == (("none of 5 failed", "2 learned, then lost it"), "bad")
    assert (cells["D"].text, cells["D"].below, cells["D"].kind) == ("none of 5 failed", (), "")


def test_there_is_no_card_of_one_loss() -> None:
    assert card.table(viewed([D], {Question.OVERLAP: {}})) is None
