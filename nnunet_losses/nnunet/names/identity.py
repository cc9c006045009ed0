"""Which training a row of a table belongs to."""

from nnunet_losses.base.identity import RUN
from nnunet_losses.nnunet.names.ensembles import is_ensemble, split_seed
from nnunet_losses.nnunet.names.grammar import TrainerNameError, parse_trainer_name


def identity(dataset: str, configuration: str, trainer: str, fold: int) -> dict[str, str | int]:
    """The identity columns of a training.

    A seed only repeats an experiment: it is taken out of the trainer's name and gets a column of its own (0 for none).
    """
    if is_ensemble(trainer):
        name, seed = split_seed(trainer)
        return dict(zip(RUN, (dataset, configuration, name, fold, seed), strict=True))
    try:
        parsed = parse_trainer_name(trainer)
    except TrainerNameError:
        parsed = None  # a user's own trainer, whose name begins like one of ours
    seed = parsed.seed if parsed is not None and parsed.seed is not None else 0
    name = trainer if parsed is None else str(parsed.replace(seed=None))
    return dict(zip(RUN, (dataset, configuration, name, fold, seed), strict=True))
