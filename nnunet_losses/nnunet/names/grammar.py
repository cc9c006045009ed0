"""A trainer's name describes the experiment: ``<Loss>Trainer[_<option>]...``, with one spelling for each.

nnU-Net names the results folder and the checkpoint after the trainer, so two experiments must never share a name, and
one experiment must never have two. Options come in one order (hyper-parameters as the loss lists them, weighting,
changes of nnU-Net's recipe, epochs, iterations, seed), default values are left out, and numbers are written as short as
they can be.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.names.changes import default_length, ordered
from nnunet_losses.nnunet.names.known import known
from nnunet_losses.nnunet.names.options import LENGTHS, parameters_of, read_option, trainer_options, write_parameter

MAX_LENGTH = 99
TOO_LONG = f"is longer than {MAX_LENGTH} characters, too long for some file systems"


class TrainerNameError(UserError):
    """A name begins like one of our trainers, but is wrong; the text gives the right name or the options there are."""


@dataclass(frozen=True)
class TrainerName:
    """The parts of a name. `build_trainer_name` and `parse_trainer_name` make and check it; None is the default."""

    loss: str
    """As in the catalogue: ``Tversky``."""
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Hyper-parameters that differ from the loss's defaults, by keyword, in canonical order."""
    weighting: str | None = None
    changes: tuple[str, ...] = ()
    """What differs from nnU-Net's recipe beside the loss: ``("densenet", "bspline")``, or one paper's recipe."""
    epochs: int | None = None
    iterations: int | None = None
    seed: int | None = None

    @property
    def length(self) -> tuple[int, int]:
        """Epochs, and iterations in each: as the name says, else the recipe's, else nnU-Net's."""
        epochs, iterations = default_length(self.changes)
        return self.epochs or epochs, self.iterations or iterations

    def __str__(self) -> str:
        its = parameters_of(self.loss)
        words = [write_parameter(its[keyword], value) for keyword, value in self.parameters.items()]
        words += [self.weighting] if self.weighting is not None else []
        words += self.changes
        words += [f"{self.epochs}epochs"] if self.epochs is not None else []
        words += [f"{self.iterations}iters"] if self.iterations is not None else []
        words += [f"seed{self.seed}"] if self.seed is not None else []
        return "_".join([f"{self.loss}Trainer", *words])

    def replace(self, **changes: Any) -> "TrainerName":
        """The same experiment except for ``changes``, checked like a new name."""
        return build_trainer_name(**({f.name: getattr(self, f.name) for f in fields(self)} | changes))


def build_trainer_name(
    loss: str,
    parameters: Mapping[str, Any] | None = None,
    weighting: str | None = None,
    epochs: int | None = None,
    iterations: int | None = None,
    seed: int | None = None,
    changes: Sequence[str] = (),
) -> TrainerName:
    """Make the name of an experiment; values equal to a default are left out.

    Args:
        loss: as in the catalogue (``Tversky``).
        parameters: hyper-parameters by keyword (``fp_weight``).
        weighting: ``iw`` or ``iwpos``.
        epochs: training length, that of the recipe if None (nnU-Net's is 1000).
        iterations: steps per epoch, those of the recipe if None (nnU-Net's are 250).
        seed: from 1 on; None trains without a fixed seed.
        changes: of nnU-Net's recipe, by their words in `names.changes`, in any order.

    Raises:
        TrainerNameError: a loss, hyper-parameter, weighting or change is unknown, or a value is out of range.
    """
    losses, weightings = known()
    if loss not in losses:
        nearest = difflib.get_close_matches(loss, losses, n=1)
        there = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(sorted(losses))}."
        raise TrainerNameError(f"There is no loss {loss}; {there}")
    its = parameters_of(loss)
    if unknown := [keyword for keyword in parameters or {} if keyword not in its]:
        there = f"its hyper-parameters are {', '.join(its)}" if its else "it has no hyper-parameters"
        raise TrainerNameError(f"{loss} has no hyper-parameter {unknown[0]}; {there}.")
    defaults = losses[loss].defaults
    try:
        settings = {
            keyword: its[keyword].check(value) for keyword, value in (defaults | dict(parameters or {})).items()
        }
    except ValueError as error:
        raise TrainerNameError(f"{loss}Trainer: {error}.") from None
    if weighting is not None and weighting not in weightings:
        raise TrainerNameError(f"There is no weighting {weighting}; there are {', '.join(weightings)}.")
    try:
        changes = ordered(changes)
    except ValueError as error:
        raise TrainerNameError(f"{loss}Trainer: {error}.") from None
    usual_epochs, usual_iterations = default_length(changes)
    for word, number in (("epochs", epochs), ("iterations", iterations), ("seed", seed)):
        if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
            raise TrainerNameError(f"{loss}Trainer: {word} must be a whole number of at least 1, got {number!r}.")
    name = TrainerName(
        loss=loss,
        parameters={keyword: settings[keyword] for keyword in its if settings[keyword] != defaults[keyword]},
        weighting=weighting,
        changes=changes,
        epochs=None if epochs == usual_epochs else epochs,
        iterations=None if iterations == usual_iterations else iterations,
        seed=seed,
    )
    if len(str(name)) > MAX_LENGTH:
        raise TrainerNameError(f"{name} {TOO_LONG}.")
    return name


def parse_trainer_name(name: str) -> TrainerName | None:
    """Read a trainer's name; None if it is not one of ours.

    Raises:
        TrainerNameError: the name begins like one of ours, but an option is unknown, given twice or out of range, or
            the spelling is not the canonical one (the text gives it).
    """
    stem, *words = name.split("_")
    loss = stem.removesuffix("Trainer")
    if loss == stem or loss not in known().losses:
        return None
    if len(name) > MAX_LENGTH:
        raise TrainerNameError(f"{name[:MAX_LENGTH]}… {TOO_LONG}.")
    found: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    changes: list[str] = []
    for word in words:
        option = read_option(loss, word)
        if option is None:
            raise TrainerNameError(
                f"{name}: {loss}Trainer has no option {word or '(nothing between two underscores)'}; its options are "
                f"{', '.join(trainer_options(loss))}."
            )
        kind, value = option
        if kind == "change":
            changes.append(value)
            continue
        place = found if kind in ("weighting", *LENGTHS) else parameters
        if kind in place:
            raise TrainerNameError(f"{name} gives {kind} twice; leave one of the two out.")
        place[kind] = value
    canonical = build_trainer_name(loss, parameters, changes=changes, **found)
    if str(canonical) != name:
        raise TrainerNameError(
            f"Write {canonical} instead of {name}: options have a fixed order, numbers no superfluous digits, and "
            "values equal to the default are left out."
        )
    return canonical


def nearest_trainer(name: str) -> str | None:
    """The trainer that somebody who typed ``name`` probably meant; None if nothing is near."""
    stem, *words = name.split("_")
    stems = {f"{loss}Trainer".lower(): f"{loss}Trainer" for loss in known().losses}
    nearest = difflib.get_close_matches(stem.lower(), stems, n=1, cutoff=0.85)
    return "_".join([stems[nearest[0]], *words]) if nearest else None
