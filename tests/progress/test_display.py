"""What is shown while a study runs."""

import io
import math
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from nnunet_losses.base.states import Alarm
from nnunet_losses.base.terminal import prepare_streams
from nnunet_losses.progress.display import Display
from nnunet_losses.progress.events import Job, Stage
from nnunet_losses.progress.study import RunningTraining, StudyProgress
from nnunet_losses.progress.trainings import TrainingProgress


def training(fold: int, **changes: float) -> RunningTraining:
    values = {"epoch": 4, "epochs": 10, "seconds_per_epoch": 2.5, "pseudo_dice": 0.41234, "updated": 0.0} | changes
    wildcards = {"dataset": "Dataset900_P", "plans": "p", "configuration": "3d", "trainer": "DiceTrainer"}
    return RunningTraining(wildcards | {"fold": str(fold)}, TrainingProgress(**values))  # type: ignore[arg-type]


def progress(*trainings: RunningTraining, done: int = 3, seconds_left: float = 60.0) -> StudyProgress:
    stages = [Stage("plan", 1, 1, 0, 0), Stage("train", 15, done, len(trainings), 0)]
    return StudyProgress(stages, list(trainings), [], elapsed=192.0, seconds_left=seconds_left)


def shown(*states: StudyProgress, terminal: bool, height: int = 40) -> str:
    console = Console(force_terminal=terminal, width=110, height=height, record=True, file=io.StringIO())
    with Display("demo", Path("logs/run.log"), console) as display:
        for state in states:
            display.show(state)
    return console.export_text()


@pytest.mark.parametrize("terminal", [True, False])
def test_stage_count_elapsed_training_dice_and_end_are_shown(terminal: bool) -> None:
    text = shown(progress(training(1)), terminal=terminal)
    for part in (
        "demo",
        "4 of 16 jobs",
        "0:03:12",
        "expected end",
        "3 of 15",
        "DiceTrainer · fold 1",
        "4 of 10",
        "0.412",
    ):
        assert part in text, part
    assert "logs/run.log" in text


def test_nothing_is_promised_before_anything_is_known() -> None:
    starting = training(0, epoch=0, epochs=None, seconds_per_epoch=math.nan, pseudo_dice=math.nan)
    text = shown(progress(starting, seconds_left=math.nan), terminal=True)
    assert "expected end" not in text
    assert "nan" not in text
    assert "starting" in text


def test_more_trainings_than_the_screen_has_lines_are_counted() -> None:
    text = shown(progress(*(training(fold) for fold in range(50))), terminal=True, height=20)
    assert "and 40 more" in text
    assert "fold 9 " in text
    assert "fold 10 " not in text


def test_without_a_terminal_a_line_comes_only_when_a_stage_has_moved() -> None:
    text = shown(*(progress(training(1), done=done) for done in (1, 1, 1, 2)), terminal=False)
    assert [line for line in text.splitlines() if "train" in line] == text.splitlines()[1:]
    assert len(text.splitlines()) == 3  # the log's name, and two states


@pytest.mark.parametrize("terminal", [True, False])
def test_a_training_that_collapses_is_flagged_at_once(terminal: bool) -> None:
    collapsed = replace(training(1), progress=replace(training(1).progress, alarm=Alarm.COLLAPSED))
    assert "collapsed" in shown(progress(collapsed), terminal=terminal)
    assert "collapsed" not in shown(progress(training(1)), terminal=terminal)


def test_failures_are_counted() -> None:
    stages = [Stage("train", 4, 1, 1, 1)]
    job = Job("train", {}, [], 0.0, 1.0, failed=True)
    text = shown(StudyProgress(stages, [], [job], elapsed=1.0, seconds_left=math.nan), terminal=True)
    assert "1 failed, 1 running" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_a_display_shows_any_name_in_any_terminal(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stderr", stream)
    prepare_streams()
    console = Console(force_terminal=terminal, width=110, height=40, file=stream)
    with Display("Studie [/x] für α", Path("logs/[b]/run.log"), console) as display:
        display.show(progress(training(1)), note="Fertig → Schluss")
    text = stream.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    for part in ("Studie [/x] fur alpha", "logs/[b]/run.log", "Fertig -> Schluss"):
        assert part in text, part
