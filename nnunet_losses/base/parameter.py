"""A hyper-parameter of a loss as data: trainers' names, checks, help texts and tables are made from it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """A hyper-parameter: how a trainer's name spells it, and which values it takes."""

    option: str
    """Its word in trainers' names, ``fp`` in ``TverskyTrainer_fp0.1``; a switch is the word alone, a choice its own."""
    keyword: str
    """Keyword argument of the loss."""
    type: type
    """float, int, bool or str; str takes one of ``choices``."""
    help: str
    """What it is, in one phrase."""
    letter: str = ""
    """The paper's letter, if it has one."""
    effect: str = ""
    """What a larger value does, or a switch that is on, or each choice ("one: ...; other: ...")."""
    minimum: float = -math.inf
    maximum: float = math.inf
    exclusive: bool = False
    """Whether the minimum itself is out of range."""
    choices: Sequence[str] = ()
    none: str | None = None
    """The word for the value None in trainers' names (``noalpha``); without it, None is not allowed."""

    def check(self, value: Any) -> Any:
        """The value in this parameter's type.

        Raises:
            ValueError: it is of another kind or out of range.
        """
        if value is None and self.none is not None:
            return None
        if self.type is bool:
            if isinstance(value, bool):
                return value
            raise self._error(self.range, value)
        if self.type is str:
            if value in self.choices:
                return value
            raise self._error(self.range, value)
        low = value > self.minimum if self.exclusive and _is_number(value) else True
        if not _is_number(value) or not low or not self.minimum <= value <= self.maximum:
            raise self._error(self.range, value)
        if self.type is int and value != int(value):
            raise self._error(f"a whole number, {self.range}", value)
        return self.type(value)

    @property
    def range(self) -> str:
        """The values allowed, in words."""
        if self.type is bool:
            return "True or False"
        if self.choices:
            return "one of " + ", ".join(self.choices)
        sign = ">" if self.exclusive else "≥"
        bounds = [f"{sign} {self.minimum:g}"] if self.minimum > -math.inf else []
        bounds += [f"≤ {self.maximum:g}"] if self.maximum < math.inf else []
        return "a finite number" + (" " + " and ".join(bounds) if bounds else "")

    def _error(self, expected: str, value: Any) -> ValueError:
        return ValueError(f"{self.keyword} must be {expected}, got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


SMOOTH = Parameter(
    "smooth",
    "smooth",
    float,
    "added to the numerator and the denominator",
    effect="every ratio is nearer to 1, especially that of a small structure",
    minimum=0,
)
