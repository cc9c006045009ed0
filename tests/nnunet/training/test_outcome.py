"""How a training ended, from its log."""

from math import inf, nan

import pytest

from nnunet_losses.base.states import Alarm, RunStatus
from nnunet_losses.nnunet.training.outcome import (
    COLLAPSE_EPOCHS,
    Outcome,
    alarm,
    epochs_without_dice,
    hopeless,
    outcome,
)

N = COLLAPSE_EPOCHS
COMPLETED, COLLAPSED = Outcome(RunStatus.COMPLETED), Outcome(RunStatus.COMPLETED, collapsed=True)
UNFINISHED, DIVERGED = Outcome(RunStatus.UNFINISHED), Outcome(RunStatus.DIVERGED)


@pytest.mark.parametrize(
    ("dice", "epochs"), [([], 0), ([0.1], 0), ([0, 0], 2), ([0, 0.1, 0, 0, 0], 3), ([0, nan], 0), ([nan, 0], 1)]
)
def test_the_last_epochs_without_dice_are_counted(dice: list[float], epochs: int) -> None:
    assert epochs_without_dice(dice) == epochs


@pytest.mark.parametrize(
    ("losses", "dice", "finished", "expected"),
    [
        ([1.0, 0.5], [0.1, 0.2], True, COMPLETED),
        ([1.0, 0.5], [0.1, 0.2], False, UNFINISHED),
        ([1.0, nan], [0.1, 0.2], False, DIVERGED),
        ([1.0, -inf], [0.1, 0.2], True, DIVERGED),
        ([nan, 0.5], [0.1, 0.2], True, COMPLETED),
        ([1.0] * (N + 1), [0.1] + [0] * N, True, COLLAPSED),
        ([1.0] * (N + 1), [0.1] + [0] * N, False, UNFINISHED),
        ([1.0] * (N + 1), [0.1, 0.1] + [0] * (N - 1), True, COMPLETED),
        ([1.0] * (N + 1), [0] * N + [0.1], True, COMPLETED),
        ([1.0, 1.0], [0, 0], True, COLLAPSED),  # shorter than the window
        ([1.0, 1.0], [0, 0.1], True, COMPLETED),
        ([], [], True, COMPLETED),  # nothing was logged: the checkpoint alone shows the end
        ([], [], False, UNFINISHED),
    ],
)
def test_every_end_has_its_word(losses: list[float], dice: list[float], finished: bool, expected: Outcome) -> None:
    assert outcome(losses, dice, finished=finished) == expected


@pytest.mark.parametrize(
    ("losses", "dice", "expected"),
    [
        ([], [], None),
        ([1.0] * N, [0.05] + [0] * (N - 1), None),
        ([1.0] * (N + 1), [0.05] + [0] * N, Alarm.COLLAPSED),
        ([1.0, nan], [0.1, 0.2], Alarm.DIVERGING),
        ([0.5, 9.9], [0.0, 0.2], None),
        ([0.5, 10.1], [0.0, 0.2], Alarm.DIVERGING),
        ([-2.0, 19.0], [0.0, 0.2], None),
        ([1.0] * 30, [0.5] * 10 + [0.001] * 20, Alarm.DIVERGING),  # 0.5 * 0.9^20 = 0.06
        ([1.0] * 15, [0.5] * 10 + [0.001] * 5, None),  # 0.5 * 0.9^5 = 0.3
        ([1.0] * 30, [0.05] * 10 + [0.001] * 20, None),  # has not learned anything to lose
        ([1.0, 1.0], [nan, 0.1], None),
    ],
)
def test_an_alarm_is_raised_while_a_training_runs(losses: list[float], dice: list[float], expected: Alarm) -> None:
    assert alarm(losses, dice) is expected


def test_a_training_is_hopeless_after_a_tenth_of_its_epochs_and_ten_at_least() -> None:
    for epochs, patience in ((50, 10), (1000, 100)):
        assert hopeless([1.0] * (patience - 1), [0] * (patience - 1), epochs) is None
        assert hopeless([1.0] * patience, [0] * patience, epochs) is Alarm.COLLAPSED
        good, bad = [1.0], [99.0] * patience
        assert hopeless(good + bad[1:], [0.2] * patience, epochs) is None
        assert hopeless(good + bad, [0.2] * (patience + 1), epochs) is Alarm.DIVERGING
    assert hopeless([1.0] + [99.0] * 9 + [1.0] + [99.0] * 5, [0.2] * 16, 50) is None  # it had recovered
