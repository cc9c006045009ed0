"""How a training ended, from its log."""

from math import inf, nan

import pytest

from nnunet_losses.base.states import RunStatus
from nnunet_losses.nnunet.training.outcome import COLLAPSE_EPOCHS, epochs_without_dice, outcome

N = COLLAPSE_EPOCHS


@pytest.mark.parametrize(
    ("dice", "epochs"), [([], 0), ([0.1], 0), ([0, 0], 2), ([0, 0.1, 0, 0, 0], 3), ([0, nan], 0), ([nan, 0], 1)]
)
def test_the_last_epochs_without_dice_are_counted(dice: list[float], epochs: int) -> None:
    assert epochs_without_dice(dice) == epochs


@pytest.mark.parametrize(
    ("losses", "dice", "finished", "expected"),
    [
        ([1.0, 0.5], [0.1, 0.2], True, RunStatus.COMPLETED),
        ([1.0, 0.5], [0.1, 0.2], False, RunStatus.UNFINISHED),
        ([1.0, nan], [0.1, 0.2], False, RunStatus.DIVERGED),
        ([1.0, -inf], [0.1, 0.2], True, RunStatus.DIVERGED),
        ([nan, 0.5], [0.1, 0.2], True, RunStatus.COMPLETED),
        ([1.0] * (N + 1), [0.1] + [0] * N, True, RunStatus.COLLAPSED),
        ([1.0] * (N + 1), [0.1] + [0] * N, False, RunStatus.UNFINISHED),
        ([1.0] * (N + 1), [0.1, 0.1] + [0] * (N - 1), True, RunStatus.COMPLETED),
        ([1.0] * (N + 1), [0] * N + [0.1], True, RunStatus.COMPLETED),
        ([1.0, 1.0], [0, 0], True, RunStatus.COLLAPSED),  # shorter than the window
        ([1.0, 1.0], [0, 0.1], True, RunStatus.COMPLETED),
        ([], [], True, RunStatus.COMPLETED),  # nothing was logged: the checkpoint alone shows the end
        ([], [], False, RunStatus.UNFINISHED),
    ],
)
def test_every_end_has_its_word(losses: list[float], dice: list[float], finished: bool, expected: RunStatus) -> None:
    assert outcome(losses, dice, finished=finished) is expected
