"""The loss in a trainer's name, apart from how it was trained."""

from nnunet_losses.nnunet.names.grammar import TrainerName, TrainerNameError, parse_trainer_name


def loss_and_variant(trainer: str) -> tuple[str, str]:
    """The trainer with this loss and nothing else, and the remaining options: length, recipe, seed.

    Trainers that are not ours are their own loss.

    >>> loss_and_variant("TverskyTrainer_fp0.1_fn0.9_iw_12epochs_seed1")
    ('TverskyTrainer_fp0.1_fn0.9_iw', '12epochs_seed1')
    >>> loss_and_variant("iwdl")
    ('iwdl', '')
    """
    try:
        name = parse_trainer_name(trainer)
    except TrainerNameError:  # somebody's own, whose name begins like one of ours
        name = None
    if name is None:
        return trainer, ""
    loss = str(TrainerName(loss=name.loss, parameters=name.parameters, weighting=name.weighting))
    words = set(loss.split("_"))
    return loss, "_".join(word for word in trainer.split("_") if word not in words)
