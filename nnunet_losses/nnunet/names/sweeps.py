"""Hyper-parameter sweeps among trainers: the same loss, trained alike, at several values of one hyper-parameter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from nnunet_losses.losses import CATALOGUE
from nnunet_losses.nnunet.names.grammar import TrainerNameError, parse_trainer_name
from nnunet_losses.nnunet.names.loss_names import loss_and_variant
from nnunet_losses.nnunet.names.options import parameters_of

FEWEST = 3  # trainers; two are a comparison, not a curve


@dataclass(frozen=True)
class Sweep:
    """Trainers that differ in one hyper-parameter, or in several that move together.

    family: the loss, its weighting, fixed hyper-parameters that differ from the default, and what else the names say.
    parameter: the short name of the hyper-parameter; of several, that of the last. values: its value, by trainer.
    loss: name in the catalogue, weighting, and the keywords that vary.
    """

    family: str
    parameter: str
    values: Mapping[str, float]
    loss: tuple[str, str | None, tuple[str, ...]]

    def at(self, trainer: str) -> float | None:
        """Where another trainer of this loss would lie, whatever its length; None if it is not of this family."""
        settings = _settings(trainer)
        own = _settings(next(iter(self.values)))
        loss, weighting, varied = self.loss
        if settings is None or own is None or settings[:2] != (loss, weighting):
            return None
        fixed = [key for key in own[2] if key not in varied]
        same = all(settings[2].get(key) == own[2][key] for key in fixed)
        return settings[2][varied[-1]] if same else None


def find_sweeps(trainers: Iterable[str]) -> list[Sweep]:
    """All sweeps of at least three trainers among these, in their order."""
    groups: dict[tuple[str, str | None, str], dict[str, dict[str, float]]] = {}
    for trainer in trainers:
        if (settings := _settings(trainer)) is not None:
            loss, weighting, numbers = settings
            groups.setdefault((loss, weighting, loss_and_variant(trainer)[1]), {})[trainer] = numbers
    return [
        sweep
        for (loss, weighting, variant), members in groups.items()
        if len(members) >= FEWEST
        for sweep in _of_group(loss, weighting, variant, members)
    ]


def _of_group(loss: str, weighting: str | None, variant: str, members: Mapping[str, dict[str, float]]) -> list[Sweep]:
    keywords = list(next(iter(members.values())))
    varied = tuple(key for key in keywords if len({numbers[key] for numbers in members.values()}) > 1)
    if len(varied) == 1 or (varied and _move_together(members, varied)):
        return [_sweep(loss, weighting, variant, members, varied)]
    found = []
    for key in varied:
        others = [other for other in varied if other != key]
        parts: dict[tuple[float, ...], dict[str, dict[str, float]]] = {}
        for trainer, numbers in members.items():
            parts.setdefault(tuple(numbers[other] for other in others), {})[trainer] = numbers
        found += [_sweep(loss, weighting, variant, part, (key,)) for part in parts.values() if len(part) >= FEWEST]
    return found


def _move_together(members: Mapping[str, dict[str, float]], varied: tuple[str, ...]) -> bool:
    """Whether each hyper-parameter rises, or falls, with the last one throughout."""
    rows = sorted(members.values(), key=lambda numbers: numbers[varied[-1]])
    for key in varied:
        steps = [b[key] - a[key] for a, b in pairwise(rows)]
        if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
            return False
    return True


def _sweep(
    loss: str, weighting: str | None, variant: str, members: Mapping[str, dict[str, float]], varied: tuple[str, ...]
) -> Sweep:
    options = {keyword: parameter.option for keyword, parameter in parameters_of(loss).items()}
    defaults = CATALOGUE[loss].defaults()
    numbers = next(iter(members.values()))
    fixed = [
        f"{options[key]}{numbers[key]:g}" for key in numbers if key not in varied and numbers[key] != defaults[key]
    ]
    words = [loss, *fixed, *([weighting] if weighting else []), *variant.split("_")]
    values = {trainer: own[varied[-1]] for trainer, own in members.items()}
    ordered = dict(sorted(values.items(), key=lambda item: item[1]))
    return Sweep(" ".join(filter(None, words)), options[varied[-1]], ordered, (loss, weighting, varied))


def _settings(trainer: str) -> tuple[str, str | None, dict[str, Any]] | None:
    """Loss, weighting and all numeric hyper-parameters of a trainer of ours; None of others."""
    try:
        name = parse_trainer_name(trainer)
    except TrainerNameError:
        return None
    if name is None:
        return None
    full = {**CATALOGUE[name.loss].defaults(), **name.parameters}
    known = parameters_of(name.loss)
    numbers = {
        key: float(full[key]) for key in known if isinstance(full[key], int | float) and not isinstance(full[key], bool)
    }
    return name.loss, name.weighting, numbers
