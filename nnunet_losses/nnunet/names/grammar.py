"""A trainer's name says the experiment: ``<Loss>Trainer[_<option>]...``, with exactly one spelling for each.

nnU-Net names the results folder and the checkpoint after the trainer, so two experiments must never share a name and
one experiment must never have two. Options come in one order (hyper-parameters as the loss lists them, weighting,
epochs, iterations, seed), a default value is left out, and a number is written as short as it can be.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from nnunet_losses.base.errors import UserError

if TYPE_CHECKING:
    from nnunet_losses.losses import Parameter

DEFAULT_EPOCHS = 1000
DEFAULT_ITERATIONS = 250
MAX_LENGTH = 99
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?(e[-+]?\d+)?")
_LENGTHS = {
    "epochs": re.compile(r"(\d+)epochs"),
    "iterations": re.compile(r"(\d+)iters"),
    "seed": re.compile(r"seed(\d+)"),
}


class TrainerNameError(UserError):
    """A name that begins like one of our trainers but is none; the text says what would be."""


@dataclass(frozen=True)
class TrainerName:
    """What a name says. Made by `build_trainer_name` or `parse_trainer_name`, which check it; None is the default."""

    loss: str
    """As in the catalogue: ``Tversky``."""
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Hyper-parameters that differ from the loss's defaults, by keyword, in canonical order."""
    weighting: str | None = None
    epochs: int | None = None
    iterations: int | None = None
    seed: int | None = None

    def __str__(self) -> str:
        known = _parameters(self.loss)
        words = [_spell(known[keyword], value) for keyword, value in self.parameters.items()]
        words += [self.weighting] if self.weighting is not None else []
        words += [f"{self.epochs}epochs"] if self.epochs is not None else []
        words += [f"{self.iterations}iters"] if self.iterations is not None else []
        words += [f"seed{self.seed}"] if self.seed is not None else []
        return "_".join([f"{self.loss}Trainer", *words])

    def replace(self, **changes: Any) -> "TrainerName":
        """The same experiment but for ``changes``, checked like a new name."""
        return build_trainer_name(**({f.name: getattr(self, f.name) for f in fields(self)} | changes))


def build_trainer_name(
    loss: str,
    parameters: Mapping[str, Any] | None = None,
    weighting: str | None = None,
    epochs: int | None = None,
    iterations: int | None = None,
    seed: int | None = None,
) -> TrainerName:
    """Make a name from what the experiment is; values equal to a default are left out.

    Args:
        loss: as in the catalogue (``Tversky``).
        parameters: hyper-parameters by keyword (``fp_weight``).
        weighting: ``iw`` or ``iwpos``.
        epochs: training length, nnU-Net's 1000 if None.
        iterations: steps per epoch, nnU-Net's 250 if None.
        seed: from 1 on; None trains without a fixed seed.

    Raises:
        TrainerNameError: an unknown loss, hyper-parameter or weighting, or a value out of range.
    """
    from nnunet_losses.losses import CATALOGUE

    if loss not in CATALOGUE:
        nearest = difflib.get_close_matches(loss, CATALOGUE, n=1)
        there = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(sorted(CATALOGUE))}."
        raise TrainerNameError(f"There is no loss {loss}; {there}")
    known = _parameters(loss)
    if unknown := [keyword for keyword in parameters or {} if keyword not in known]:
        there = f"its hyper-parameters are {', '.join(known)}" if known else "it has no hyper-parameters"
        raise TrainerNameError(f"{loss} has no hyper-parameter {unknown[0]}; {there}.")
    try:
        # the loss itself checks and converts its values
        settings = CATALOGUE[loss](**dict(parameters or {})).settings()
    except ValueError as error:
        raise TrainerNameError(f"{loss}Trainer: {error}.") from None
    defaults = CATALOGUE[loss].defaults()
    if weighting is not None and weighting not in _weightings():
        raise TrainerNameError(f"There is no weighting {weighting}; there are {', '.join(_weightings())}.")
    for word, number in (("epochs", epochs), ("iterations", iterations), ("seed", seed)):
        if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
            raise TrainerNameError(f"{loss}Trainer: {word} must be a whole number from 1 on, got {number!r}.")
    name = TrainerName(
        loss=loss,
        parameters={keyword: settings[keyword] for keyword in known if settings[keyword] != defaults[keyword]},
        weighting=weighting,
        epochs=None if epochs == DEFAULT_EPOCHS else epochs,
        iterations=None if iterations == DEFAULT_ITERATIONS else iterations,
        seed=seed,
    )
    if len(str(name)) > MAX_LENGTH:
        raise TrainerNameError(f"{name} is longer than {MAX_LENGTH} characters, which file systems may not take.")
    return name


def parse_trainer_name(name: str) -> TrainerName | None:
    """Read a trainer's name; None if it is not one of ours.

    Raises:
        TrainerNameError: it begins like one of ours, but an option is unknown, given twice or out of range, or the
            spelling is not the canonical one (the text gives it).
    """
    from nnunet_losses.losses import CATALOGUE

    stem, *words = name.split("_")
    loss = stem.removesuffix("Trainer")
    if loss == stem or loss not in CATALOGUE:
        return None
    found: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for word in words:
        kind, value = _read(loss, word, name)
        place = found if kind in ("weighting", *_LENGTHS) else parameters
        if kind in place:
            raise TrainerNameError(f"{name} gives {kind} twice; leave one of the two out.")
        place[kind] = value
    canonical = build_trainer_name(loss, parameters, **found)
    if str(canonical) != name:
        raise TrainerNameError(
            f"Write {canonical} instead of {name}: options have one order, numbers no superfluous digits, and values "
            f"equal to the default are left out."
        )
    return canonical


def nearest_trainer(name: str) -> str | None:
    """The trainer that somebody who typed ``name`` probably meant; None if nothing is near."""
    from nnunet_losses.losses import CATALOGUE

    stem, *words = name.split("_")
    stems = {f"{loss}Trainer".lower(): f"{loss}Trainer" for loss in CATALOGUE}
    nearest = difflib.get_close_matches(stem.lower(), stems, n=1, cutoff=0.85)
    return "_".join([stems[nearest[0]], *words]) if nearest else None


def trainer_options(loss: str) -> list[str]:
    """Every option of a loss's trainer in canonical order, as written: ``fp<number>``, ``squared``, ``iw``, ..."""
    words = [spelling for parameter in _parameters(loss).values() for spelling in _spellings(parameter)]
    return [*words, *_weightings(), "<n>epochs", "<n>iters", "seed<n>"]


def _parameters(loss: str) -> "dict[str, Parameter]":
    from nnunet_losses.losses import CATALOGUE

    return {parameter.keyword: parameter for parameter in CATALOGUE[loss].hyper_parameters}


def _weightings() -> tuple[str, ...]:
    from nnunet_losses.losses import WEIGHTINGS

    return tuple(WEIGHTINGS)


def _read(loss: str, word: str, name: str) -> tuple[str, Any]:
    """What an option sets, and the value."""
    if word in _weightings():
        return "weighting", word
    for kind, pattern in _LENGTHS.items():
        if match := pattern.fullmatch(word):
            return kind, int(match[1])
    for parameter in _parameters(loss).values():
        words = _words(parameter)
        if word in words:
            return parameter.keyword, words[word]
        number = word.removeprefix(parameter.option)
        if _takes_number(parameter) and number != word and _NUMBER.fullmatch(number):
            return parameter.keyword, float(number)
    raise TrainerNameError(
        f"{name}: {loss}Trainer has no option {word or '(nothing between two underscores)'}; "
        f"its options are {', '.join(trainer_options(loss))}."
    )


def _takes_number(parameter: "Parameter") -> bool:
    return parameter.type in (int, float)


def _words(parameter: "Parameter") -> dict[str, Any]:
    """The values that are written as a word, by that word."""
    words: dict[str, Any] = {choice: choice for choice in parameter.choices}
    if parameter.type is bool:
        words |= {parameter.option: True, f"no{parameter.option}": False}
    if parameter.none is not None:
        words[parameter.none] = None
    return words


def _spellings(parameter: "Parameter") -> list[str]:
    return [*([f"{parameter.option}<number>"] if _takes_number(parameter) else []), *_words(parameter)]


def _spell(parameter: "Parameter", value: Any) -> str:
    for word, meaning in _words(parameter).items():
        if meaning is value or (isinstance(meaning, str) and meaning == value):
            return word
    return f"{parameter.option}{value if isinstance(value, int) else repr(float(value)).removesuffix('.0')}"
