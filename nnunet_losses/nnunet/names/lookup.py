"""Answer nnU-Net's question for a trainer by its name."""

import sys

from nnunet_losses.nnunet.names.grammar import TrainerNameError, nearest_trainer, parse_trainer_name
from nnunet_losses.nnunet.training.trainer import LossTrainer, make_trainer


def find_trainer(name: str) -> type[LossTrainer]:
    """The trainer class of this name.

    Raises:
        AttributeError: the name is not ours, so that nnU-Net looks further (with a hint on stderr at a near miss).
        SystemExit: the name is ours but wrong: nnU-Net ends here, with the reason as its last line.
    """
    try:
        ours = parse_trainer_name(name) is not None
    except TrainerNameError as error:
        raise SystemExit(f"nnunet-losses: {error}") from None
    if ours:
        return make_trainer(name)
    if nearest := nearest_trainer(name):
        print(f"nnunet-losses: there is no trainer {name}; did you mean {nearest}?", file=sys.stderr)
    raise AttributeError(name)
