"""Whether a decision was declared before training is told from the record of the study alone."""

import json
from datetime import date
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.study.config import Decision
from nnunet_losses.study.declaration import declare, declared_when, join_declarations

DICE, HD95 = Decision(margin=0.02), Decision(metric="hd95", question="non_inferiority")


def say(file: Path, decision: Decision, begun: int, day: int = 1) -> None:
    declare(file, decision, begun=begun, commit="abc", today=date(2026, 3, day))


def test_a_decision_of_before_training_is_told_with_date_commit_and_hash(tmp_path: Path) -> None:
    file = tmp_path / "decision.json"
    say(file, DICE, 0)
    say(file, DICE, 7, day=2)  # the study goes on
    told = declared_when(file, DICE)
    assert told.startswith("declared before training (1 March 2026, commit abc, SHA-256 ")
    (entry,) = json.loads(file.read_text())
    assert entry["sha256"].startswith(told[-13:-1])


def test_another_decision_during_the_study_is_chosen_afterwards_and_the_first_one_is_told(tmp_path: Path) -> None:
    file = tmp_path / "decision.json"
    say(file, DICE, 0)
    say(file, HD95, 15, day=9)
    assert declared_when(file, HD95) == (
        "chosen afterwards (9 March 2026, commit abc), when 15 trainings had begun; before training, dice with a "
        "margin of 0.02, superiority, at α = 0.05 was declared"
    )
    say(file, DICE, 20, day=12)
    assert declared_when(file, DICE).startswith("chosen afterwards (12 March 2026"), "it was given up in between"


def test_without_a_declaration_it_was_chosen_for_the_report(tmp_path: Path) -> None:
    assert declared_when(tmp_path / "decision.json", DICE) == "chosen when this report was made"
    say(tmp_path / "decision.json", DICE, 3)
    assert declared_when(tmp_path / "decision.json", HD95) == "chosen when this report was made"
    assert "3 trainings had begun" in declared_when(tmp_path / "decision.json", DICE)


@pytest.mark.parametrize("content", ["{", "7", "[{}]", '[{"decision": {"metric": "dice"}, "sha256": 1}]'])
def test_a_damaged_record_is_one_sentence(tmp_path: Path, content: str) -> None:
    file = tmp_path / "decision.json"
    file.write_text(content)
    with pytest.raises(UserError, match=r"decision\.json does not hold what a study declared.*chosen afterwards\.$"):
        declared_when(file, DICE)
    with pytest.raises(UserError):
        say(file, DICE, 0)
    assert file.read_text() == content


def test_a_declaration_beside_restored_trainings_was_not_made_before_them(tmp_path: Path) -> None:
    kept, here = tmp_path / "kept.json", tmp_path / "here.json"
    say(here, DICE, 0, day=20)
    join_declarations(kept, here, here, begun=15)
    assert declared_when(here, DICE) == "chosen afterwards (20 March 2026, commit abc), when 15 trainings had begun"


def test_the_declaration_of_kept_trainings_comes_back_with_them(tmp_path: Path) -> None:
    there, kept, here = (tmp_path / f"{name}.json" for name in ("there", "kept", "here"))
    say(there, DICE, 0)
    join_declarations(kept, there, kept, begun=0)  # keep
    say(there, HD95, 9, day=5)
    for _ in range(2):
        join_declarations(kept, there, kept, begun=4)  # again, when more had finished
    say(here, HD95, 0, day=20)
    for _ in range(2):
        join_declarations(kept, here, here, begun=15)  # restore
    assert [entry["trainings_begun"] for entry in json.loads(here.read_text())] == [0, 9]
    assert declared_when(here, HD95).startswith("chosen afterwards (5 March 2026, commit abc), when 9 trainings")
    say(here, DICE, 0, day=21)
    join_declarations(kept, here, here, begun=15)
    assert declared_when(here, DICE).startswith("chosen afterwards (21 March 2026")


def test_without_any_declaration_none_is_written(tmp_path: Path) -> None:
    join_declarations(tmp_path / "a.json", tmp_path / "b.json", tmp_path / "a.json", begun=3)
    assert not [*tmp_path.iterdir()]
