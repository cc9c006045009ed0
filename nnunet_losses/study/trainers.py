"""The trainers that a study's config names: products multiplied out, training length written into the names."""

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from nnunet_losses.base.config import checked
from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.names.grammar import build_trainer_name, nearest_trainer, parse_trainer_name
from nnunet_losses.nnunet.names.known import known
from nnunet_losses.study.config import LARGEST_SEED, Length, StudyConfig, TrainerProduct

MOST_TRAINERS = 1000  # more is a slip in a product


def compared_trainers(config: StudyConfig, where: str) -> tuple[str, ...]:
    """The compared trainers in the order of the config, without the study's seeds.

    Raises:
        UserError: an unknown loss, trainer or hyper-parameter, a trainer that is listed twice, or far too many.
    """
    count = sum(1 if isinstance(entry, str) else _size(entry) for entry in config.trainers)
    if count > MOST_TRAINERS:
        raise UserError(f"{where}: trainers asks for {count} trainers; at most {MOST_TRAINERS} are possible.")
    names: dict[str, None] = {}
    for entry in config.trainers:
        for name in [entry] if isinstance(entry, str) else _multiplied(entry, where):
            trainer = complete(name, config, where)
            if trainer in names:
                raise UserError(f"{where}: the trainer {trainer} is listed twice; remove one.")
            names[trainer] = None
    return tuple(names)


def compared_ensembles(config: StudyConfig, trainers: tuple[str, ...], where: str) -> tuple[tuple[str, ...], ...]:
    """The members of each ensemble, by their whole names.

    Raises:
        UserError: a member is not among the trainers, or twice in an ensemble; or two ensembles have the same members.
    """
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for entry in config.ensembles:
        members = tuple(complete(name, config, where) for name in entry)
        for member in members:
            if member not in trainers:
                raise UserError(
                    f"{where}: the ensemble {', '.join(entry)} has the member {member}, which is not among the "
                    f"trainers ({', '.join(trainers)})."
                )
        if len(set(members)) < len(members):
            raise UserError(f"{where}: the ensemble {', '.join(entry)} has a member twice; remove one.")
        if frozenset(members) in found:
            raise UserError(f"{where}: the ensemble {', '.join(entry)} is listed twice; remove one.")
        found[frozenset(members)] = members
    return tuple(found.values())


def complete(trainer: str, config: StudyConfig, where: str) -> str:
    """Write the study's training length into a trainer's name, because the name says the experiment.

    Raises:
        UserError: no such trainer of ours, or the study asks for something that the trainer cannot have.
    """
    try:
        parsed = parse_trainer_name(trainer)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    length = config.training
    if parsed is None:
        if nearest := nearest_trainer(trainer):
            raise UserError(f"{where}: there is no trainer {trainer}; did you mean {nearest}?")
        if length.epochs or length.iterations:
            raise UserError(
                f"{where}: {trainer} is not a trainer of this package, so 'training' (epochs, iterations) cannot "
                f"apply to it; use one of ours (DiceCrossEntropyTrainer has nnU-Net's default loss) or leave "
                f"'training' out."
            )
        return trainer
    if parsed.seed is not None and config.seeds:
        raise UserError(f"{where}: {trainer} names a seed, and so does 'seeds'; leave one of the two out.")
    if parsed.seed is not None and parsed.seed > LARGEST_SEED:
        raise UserError(f"{where}: the seed of {trainer} must be at most {LARGEST_SEED:,}.")
    own = {"epochs": parsed.epochs, "iterations": parsed.iterations}
    checked(Length, {key: value for key, value in own.items() if value is not None}, f"{where}: {trainer}")
    return str(parsed.replace(epochs=parsed.epochs or length.epochs, iterations=parsed.iterations or length.iterations))


def _size(product: TrainerProduct) -> int:
    factors = (product.losses, product.weightings, product.recipes, *product.parameters.values())
    return math.prod(len(values) for values in factors)


def _multiplied(product: TrainerProduct, where: str) -> Iterable[str]:
    names, choices = list(product.parameters), list(product.parameters.values())
    for loss, weighting, recipe in itertools.product(product.losses, product.weightings, product.recipes):
        for values in itertools.product(*choices):
            parameters = _by_keyword(loss, dict(zip(names, values, strict=True)), where)
            changes = () if recipe == "none" else recipe.split("_")
            try:
                yield str(
                    build_trainer_name(loss, parameters, None if weighting == "none" else weighting, changes=changes)
                )
            except UserError as error:
                raise UserError(f"{where}: {error}") from None


def _by_keyword(loss: str, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Hyper-parameters by keyword, given by the short names that trainer names use."""
    if loss not in known().losses:
        return {}  # the name builder explains an unknown loss
    keywords = {parameter.option: parameter.keyword for parameter in known().losses[loss].parameters}
    for option in values:
        if option not in keywords:
            there = f"it has {', '.join(keywords)}" if keywords else "it has none"
            raise UserError(f"{where}: {loss} has no hyper-parameter '{option}'; {there}.")
    return {keywords[option]: value for option, value in values.items()}
