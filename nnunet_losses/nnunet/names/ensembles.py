"""The name of an ensemble, which stands among the trainers' names: ``Ensemble_Dice+Focal_250epochs``.

Options that all members end in follow once, after underscores; those of one member follow its loss, after hyphens. So
two ensembles never share a name.
"""

import re
from collections.abc import Sequence

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.names.grammar import MAX_LENGTH, TOO_LONG

PREFIX = "Ensemble_"
_SEED = re.compile(r"_seed(\d+)$")


def ensemble_name(members: Sequence[str]) -> str:
    """The name of an ensemble.

    >>> ensemble_name(["DiceTrainer_250epochs_seed1", "TverskyTrainer_fp0.1_250epochs_seed1"])
    'Ensemble_Dice+Tversky-fp0.1_250epochs_seed1'

    Args:
        members: names of trainers.

    Raises:
        UserError: it would be too long.
    """
    options = [member.split("_")[1:] for member in members]
    shared = 0
    while all(len(own) > shared for own in options) and len({own[-1 - shared] for own in options}) == 1:
        shared += 1
    last = options[0][len(options[0]) - shared :]
    losses = ["-".join(member.split("_")[: -shared or None]) for member in members]
    short = [loss if loss == "nnUNetTrainer" else re.sub(r"Trainer(?=-|$)", "", loss, count=1) for loss in losses]
    name = "_".join([PREFIX + "+".join(short), *last])
    if len(name) > MAX_LENGTH:
        raise UserError(f"{name} {TOO_LONG}; leave out a member.")
    return name


def is_ensemble(name: str) -> bool:
    """Whether a name is that of an ensemble, not of a trainer."""
    return name.startswith(PREFIX)


def split_seed(name: str) -> tuple[str, int]:
    """The name of an ensemble without its seed, and the seed; 0 if it has none."""
    found = _SEED.search(name)
    return (name[: found.start()], int(found[1])) if found else (name, 0)
