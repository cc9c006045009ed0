"""What goes through the cells: every loss of the catalogue, with its defaults and with each parameter changed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from nnunet_losses.losses import CATALOGUE, Loss, Parameter

from .slow_loops import SLOW_LOOPS, Problem

CLASSES = 3
SPACES = {"2D": (5, 6), "3D": (3, 4, 3)}


@dataclass(frozen=True)
class Mode:
    """What a patch holds, and in how many dimensions."""

    regions: bool
    space: tuple[int, ...]

    def __str__(self) -> str:
        return f"{'regions' if self.regions else 'labels'} in {len(self.space)}D"


LABELS, REGIONS = Mode(False, SPACES["3D"]), Mode(True, SPACES["2D"])
MODES = [LABELS, REGIONS]
"""Both kinds of target and both dimensions; what each loss makes of the other two pairs, the slow loops say."""


@dataclass(frozen=True)
class Subject:
    """A loss of the catalogue with certain hyper-parameters."""

    name: str
    changed: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{keyword}={value}" for keyword, value in self.changed)])

    def make(self, **modes: Any) -> Loss:
        return CATALOGUE[self.name](**dict(self.changed), **modes)

    @property
    def has_classes(self) -> bool:
        """Whether a class can be left out."""
        try:
            self.make(include_background=False)
        except ValueError:
            return False
        return True

    def slow(self, loss: Loss, logits: Tensor, target: Tensor, weight: Tensor | None) -> float:
        """The value by the slow loop."""
        problem = Problem(
            logits.detach().double().numpy(),
            target.numpy(),
            None if weight is None else weight.double().numpy(),
            loss.regions,
            loss.include_background,
            loss.batch,
        )
        return SLOW_LOOPS[self.name](problem, **{p.keyword: getattr(loss, p.keyword) for p in loss.hyper_parameters})


def typical_values(parameter: Parameter, default: Any) -> list[Any]:
    """Values of a parameter beside its default, one of each kind."""
    if parameter.keyword == "base":
        # One kind each: voxel-wise, not of sums, with background; tests/losses/test_blob.py goes through all. Not
        # Lovász: two errors of these logits are equal in bfloat16, at its kink, and α + β triples the difference.
        return [base for base in ("crossentropy", "topk", "unifiedfocal") if base != default]
    if changes_the_code(parameter):
        return other_branches(parameter, default)
    number = parameter.type(default + 1 if parameter.type is int else 0.5 * default + 0.1)
    return [min(max(number, parameter.minimum), parameter.maximum)]


def changes_the_code(parameter: Parameter) -> bool:
    """Whether another value takes another branch of the code, not another number in the same formula."""
    return parameter.type is bool or bool(parameter.choices) or parameter.none is not None


def other_branches(parameter: Parameter, default: Any) -> list[Any]:
    """A value for each branch of the code but the default's."""
    if parameter.type is bool:
        return [not default]
    if parameter.choices:
        return [choice for choice in parameter.choices if choice != default]
    number = min(max(0.6, parameter.minimum), parameter.maximum)
    return [number] if default is None else [number, None]


def extreme_values(parameter: Parameter, default: Any) -> list[Any]:
    """The smallest and the largest value allowed, or one near it where it is not itself allowed."""
    if parameter.type is bool or parameter.choices:
        return []
    bounds = (parameter.minimum + 0.01 if parameter.exclusive else parameter.minimum, parameter.maximum)
    return [parameter.type(bound) for bound in bounds if abs(bound) < math.inf and bound != default]


def subjects_with(values: Callable[[Parameter, Any], list[Any]]) -> list[Subject]:
    """Every loss with its defaults, and with each value of each parameter."""
    found = []
    for name, loss in CATALOGUE.items():
        found.append(Subject(name))
        for parameter in loss.hyper_parameters:
            default = loss.defaults()[parameter.keyword]
            found += [Subject(name, ((parameter.keyword, value),)) for value in values(parameter, default)]
    return found


DEFAULTS = [Subject(name) for name in CATALOGUE]
ALL = subjects_with(typical_values)
"""Every loss with its defaults and with each parameter changed: for cells that compare values."""
BRANCHES = subjects_with(lambda parameter, default: typical_values(parameter, default) * changes_the_code(parameter))
"""With each switch, choice and absent value: for cells that no number in a formula could break."""
EXTREMES = BRANCHES + [subject for subject in subjects_with(extreme_values) if subject.changed]
"""These, and with each number at the ends of its range: for cells that ask for finite values."""


@cache
def make_logits(
    space: tuple[int, ...], *, seed: int = 0, dtype: torch.dtype = torch.float64, samples: int = 2
) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(samples, CLASSES, *space, generator=generator, dtype=torch.float64)).to(dtype)


@cache
def make_target(space: tuple[int, ...], *, regions: bool, seed: int = 0, samples: int = 2) -> Tensor:
    """A reference in which no class is empty and no class is full, in the types that nnU-Net gives."""
    generator = torch.Generator().manual_seed(seed + 1)
    count = math.prod(space)
    if regions:
        ranks = torch.rand(samples, CLASSES, count, generator=generator).argsort(-1).reshape(samples, CLASSES, *space)
        return ranks < max(1, count // 3)
    labels = torch.stack([torch.randperm(count, generator=generator) % CLASSES for _ in range(samples)])
    return labels.reshape(samples, 1, *space).to(torch.int16)


@cache
def make_weight(space: tuple[int, ...], channels: int, *, seed: int = 0, samples: int = 2) -> Tensor:
    """Weights of which a third are 0."""
    generator = torch.Generator().manual_seed(seed + 2)
    weight = 3 * torch.rand(samples, channels, *space, generator=generator, dtype=torch.float64)
    ignored = torch.rand(samples, 1, *space, generator=generator) < 1 / 3
    return weight.masked_fill(ignored, 0)


def perfect_logits(target: Tensor, *, regions: bool, size: float = 60.0) -> Tensor:
    """Logits of a prediction that is right everywhere and sure of it."""
    if regions:
        return size * (2 * target.double() - 1)
    one_hot = torch.nn.functional.one_hot(target[:, 0].long(), CLASSES).movedim(-1, 1)
    return size * (2 * one_hot.double() - 1)


def value_and_gradient(
    loss: Loss, logits: Tensor, target: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    leaf = logits.detach().clone().requires_grad_()
    value = loss(leaf, target, weight)
    (gradient,) = torch.autograd.grad(value, leaf)
    return value.detach(), gradient


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are the same bit for bit; a signed zero is told from an unsigned one."""
    return a.numpy().tobytes() == b.numpy().tobytes()
