"""The record of a study: written, read again, and refused where it is broken."""

import json
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.study.record import StudyRecord, read_record, write_record
from nnunet_losses.study.study import load_study

STUDY = load_study(
    {"study": "s", "datasets": ["phantom"], "trainers": ["DiceTrainer"], "configurations": ["2d", {"name": "own"}]}
)
RECORD = STUDY.record(STUDY.runs(["Dataset900_Phantom"], 2))


def test_a_record_comes_back_as_it_was_written_with_defaults_and_every_run(tmp_path: Path) -> None:
    write_record(tmp_path / "study.json", RECORD)
    assert read_record(tmp_path / "study.json") == RECORD
    content = json.loads((tmp_path / "study.json").read_text())
    assert content["config"]["folds"] == {"number": 5, "seed": 12345}
    assert content["title"] == "s"
    assert content["runs"][0] == {
        "dataset": "Dataset900_Phantom", "configuration": "2d", "trainer": "DiceTrainer", "fold": 0,
    }  # fmt: skip
    assert len(content["runs"]) == 4


def test_a_record_of_no_study_knows_only_the_comparison(tmp_path: Path) -> None:
    record = StudyRecord.model_validate(
        {
            "config": {"evaluation": {"metrics": ["my_metric"]}, "decision": {"metric": "my_metric"}},
            "title": "Two sites",
            "baseline": "A",
            "trainers": ["A", "B"],
        }
    )
    write_record(tmp_path / "study.json", record)
    assert read_record(tmp_path / "study.json") == record
    assert (record.primary_metric, record.metrics, record.resamples, record.seed) == (
        "my_metric",
        ("my_metric",),
        10_000,
        0,
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "There is no record of a study"),
        ("{", "cannot be read as the record of a study: Expecting"),
        ("[]", "study.json: it must be a table with the keys config, title, baseline"),
        ("{}", "study.json: the key 'config' is missing"),
        (json.dumps(RECORD.plain() | {"runs": [{"dataset": "D"}]}), "the key 'configuration' is missing in runs.0"),
        (json.dumps(RECORD.plain() | {"trainers": "DiceTrainer"}), "trainers must be a list of texts"),
        (json.dumps(RECORD.plain() | {"config": {"study": "s"}}), "the key 'datasets' is missing in config"),
        (json.dumps(RECORD.plain() | {"config": 3}), "config must be a table"),
    ],
)
def test_a_broken_record_gets_one_sentence(tmp_path: Path, text: str | None, sentence: str) -> None:
    file = tmp_path / "study.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError) as refusal:
        read_record(file)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)
