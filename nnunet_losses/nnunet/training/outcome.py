"""How a training is going and how it ended, from what nnU-Net logs in every epoch."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from nnunet_losses.base.states import LEARNED, Alarm, RunStatus

COLLAPSE_EPOCHS = 10
"""A network has collapsed to background if its pseudo-Dice has been 0 for this many epochs."""
STOP_EARLY = "NNUNET_LOSSES_STOP_EARLY"
"""The environment variable that names the alarms, separated by commas, at which a training ends before its last epoch.
No key of the experiment: it ends a training, but changes nothing in it, and may be set while one is interrupted."""
GROWTH = 10.0
"""A training diverges if its loss exceeds this multiple of the first epoch's (of 1, if that is smaller)."""


class Outcome(NamedTuple):
    """How a training ended, and whether its network predicted background only by then."""

    status: RunStatus
    collapsed: bool = False


def epochs_without_dice(pseudo_dice: Sequence[float]) -> int:
    """For how many epochs, up to the last one, the pseudo-Dice has been 0."""
    return next((epochs for epochs, value in enumerate(reversed(pseudo_dice)) if value != 0), len(pseudo_dice))


def running_mean(pseudo_dice: Sequence[float]) -> list[float]:
    """The pseudo-Dice as nnU-Net's logger averages it: 0.9 of the mean so far and 0.1 of each new value."""
    return list(accumulate(pseudo_dice, lambda mean, value: value if math.isnan(mean) else 0.9 * mean + 0.1 * value))


def alarm(train_losses: Sequence[float], pseudo_dice: Sequence[float]) -> Alarm | None:
    """Whether a training that is under way shows that nothing is likely to come of it.

    - Collapsed: the pseudo-Dice has been 0 for `COLLAPSE_EPOCHS`.
    - Diverging: the last loss is not finite, or `GROWTH` times that of the first epoch; or the running mean of the
      pseudo-Dice had reached `LEARNED` and is now below half of its best.

    Args:
        train_losses: the mean training loss of each epoch so far.
        pseudo_dice: nnU-Net's mean foreground Dice of each epoch.
    """
    if not len(train_losses):
        return None
    first, last = train_losses[0], train_losses[-1]
    if not np.isfinite(last) or last > GROWTH * max(1.0, abs(first)):
        return Alarm.DIVERGING
    if epochs_without_dice(pseudo_dice) >= COLLAPSE_EPOCHS:
        return Alarm.COLLAPSED
    means = running_mean(pseudo_dice)
    best = max((mean for mean in means if not math.isnan(mean)), default=0.0)
    return Alarm.DIVERGING if best >= LEARNED and means[-1] < best / 2 else None


def hopeless(train_losses: Sequence[float], pseudo_dice: Sequence[float], epochs: int) -> Alarm | None:
    """The alarm of a training that it has shown for long: a tenth of its epochs, and at least `COLLAPSE_EPOCHS`.

    A network that has found nothing for ten epochs may still begin to learn, in particular if lesions are small and
    there are a thousand epochs.

    Args:
        train_losses: the mean training loss of each epoch so far.
        pseudo_dice: nnU-Net's mean foreground Dice of each epoch.
        epochs: of the whole training.
    """
    patience = max(COLLAPSE_EPOCHS, epochs // 10)
    now = alarm(train_losses, pseudo_dice)
    if now is Alarm.COLLAPSED:
        return now if epochs_without_dice(pseudo_dice) >= patience else None
    ends = range(len(train_losses) - patience + 1, len(train_losses))
    lasting = now is not None and ends.start > 0
    return now if lasting and all(alarm(train_losses[:end], pseudo_dice[:end]) is now for end in ends) else None


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
