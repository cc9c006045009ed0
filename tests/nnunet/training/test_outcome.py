"""How a training ended, from its log."""

from math import inf, nan

import pytest

from nnunet_losses.base.states import RunStatus
from nnunet_losses.nnunet.training.outcome import COLLAPSE_EPOCHS, Outcome, epochs_without_dice, outcome

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
