"""What is to be known of a metric, and the kinds that most metrics are of."""

import math
from dataclasses import dataclass
from typing import Any

Bounds = tuple[float, float]
SHARE: Bounds = (0.0, 1.0)
POSITIVE: Bounds = (0.0, math.inf)


@dataclass(frozen=True)
class Metric:
    """One metric of one case and label.

    name: as in the column `metric` of the table of cases.
    long_name: as in figures and tables of a report.
    unit: "1", "mm", "ml" or "count".
    higher_is_better: the direction.
    description: its definition, a sentence.
    bounds: what a value can be at all.
    margin: the region of practical equivalence; a smaller difference is irrelevant. 0 where the field has no
        convention.
    needs_reference: without a reference it has no meaning, whatever was predicted; such a case is left out, not counted
        as a failure.
    rewards_silence: whether a prediction of nothing has the best value, so that a collapsed training would win.
    alternatives: other definitions of the same idea, by name, which a ranking is checked against.
    """

    name: str
    long_name: str
    unit: str
    higher_is_better: bool
    description: str
    bounds: Bounds = POSITIVE
    margin: float = 0.0
    needs_reference: bool = False
    rewards_silence: bool = False
    alternatives: tuple[str, ...] = ()

    @property
    def worst(self) -> float | None:
        """The worst value there can be; None if there is no end to bad values."""
        end = self.bounds[0] if self.higher_is_better else self.bounds[1]
        return end if math.isfinite(end) else None

    @property
    def best(self) -> float | None:
        """The best value there can be; None if there is no end to good values."""
        end = self.bounds[1] if self.higher_is_better else self.bounds[0]
        return end if math.isfinite(end) else None

    @property
    def is_share(self) -> bool:
        """Whether values lie between 0 and 1."""
        return self.bounds == SHARE


def score(name: str, long_name: str, description: str, *, higher_is_better: bool = True, **facts: Any) -> Metric:
    """A ratio; unless `facts` say otherwise, between 0 and 1, and a difference of 0.01 is irrelevant."""
    usual: dict[str, Any] = {"bounds": SHARE, "margin": 0.01}
    return Metric(name, long_name, "1", higher_is_better, description, **usual | facts)


def distance(name: str, long_name: str, description: str, **facts: Any) -> Metric:
    """A distance in mm, the smaller the better; unless `facts` say otherwise, 1 mm is irrelevant."""
    return Metric(name, long_name, "mm", False, description, **{"margin": 1.0} | facts)


def volume(name: str, long_name: str, description: str, **facts: Any) -> Metric:
    """A volume in ml, the smaller the better."""
    return Metric(name, long_name, "ml", False, description, **facts)


def count(name: str, long_name: str, description: str, **facts: Any) -> Metric:
    """A number of things, the fewer the better; unless `facts` say otherwise, every one of them matters."""
    return Metric(name, long_name, "count", False, description, **facts)
