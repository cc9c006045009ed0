"""The answer to nnU-Net's search for a trainer."""

import sys

from nnunet_losses.base.errors import line_of
from nnunet_losses.nnunet.names.grammar import TrainerNameError, nearest_trainer, parse_trainer_name
from nnunet_losses.nnunet.training.trainer import LossTrainer, make_trainer


def find_trainer(name: str) -> type[LossTrainer]:
    """The trainer class of this name.

    Raises:
        AttributeError: the name is not ours, so nnU-Net searches on (after a hint on stderr if the name is close to one
            of ours).
        SystemExit: the name begins like one of ours, but is wrong; nnU-Net ends with the reason as its last line.
    """
    try:
        ours = parse_trainer_name(name) is not None
    except TrainerNameError as error:
        raise SystemExit(line_of(error)) from None
    if ours:
        return make_trainer(name)
    if nearest := nearest_trainer(name):
        # not as an error is told: another package may have it
        print(f"nnunet-losses has no trainer {name}; did you mean {nearest}?", file=sys.stderr)
    raise AttributeError(name)
