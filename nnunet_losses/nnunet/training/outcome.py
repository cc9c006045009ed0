"""How a training ended and whether its network collapsed, from what nnU-Net logs in every epoch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnunet_losses.base.states import RunStatus

COLLAPSE_EPOCHS = 10
"""A network has collapsed to background if its pseudo-Dice has been 0 for this many epochs."""


class Outcome(NamedTuple):
    """How a training ended, and whether it was trained to its end and predicts background only."""

    status: RunStatus
    collapsed: bool = False


def epochs_without_dice(pseudo_dice: Sequence[float]) -> int:
    """For how many epochs, up to the last one, the pseudo-Dice has been 0."""
    return next((epochs for epochs, value in enumerate(reversed(pseudo_dice)) if value != 0), len(pseudo_dice))


def outcome(train_losses: Sequence[float], pseudo_dice: Sequence[float], *, finished: bool) -> Outcome:
    """The outcome of a training, from its logged epochs.

    Args:
        train_losses: the mean training loss of each epoch.
        pseudo_dice: nnU-Net's mean foreground Dice of each epoch.
        finished: whether all epochs were trained. A shorter training than `COLLAPSE_EPOCHS` has collapsed if its pseudo
            Dice was 0 in all epochs.
    """
    if len(train_losses) and not np.isfinite(train_losses[-1]):
        return Outcome(RunStatus.DIVERGED)
    if not finished:
        return Outcome(RunStatus.UNFINISHED)
    empty = epochs_without_dice(pseudo_dice)
    return Outcome(RunStatus.COMPLETED, collapsed=empty > 0 and empty >= min(COLLAPSE_EPOCHS, len(pseudo_dice)))
