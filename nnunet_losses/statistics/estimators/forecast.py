"""How many seeds or cases would decide a comparison: power from the variances that a study has estimated."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from nnunet_losses.statistics.estimators.retraining import critical_value

POWER = 0.8
MOST_SEEDS = 20  # beyond, nobody would train them
MOST_CASES = 1_000_000


@dataclass(frozen=True)
class Aim:
    """A true difference of `margin` is to be found between two of so many `losses`, at the level `alpha`."""

    margin: float
    losses: int
    alpha: float

    def largest_variance(self, df: float) -> float:
        """The squared standard error with which it is found in 80 % of studies."""
        return (self.margin / self.reach(df)) ** 2

    def reach(self, df: float) -> float:
        """How many standard errors a true difference must have to be found in 80 % of studies."""
        return float(critical_value(1 - self.alpha, self.losses, df) + stats.t.ppf(POWER, df))


@dataclass(frozen=True)
class Now:
    """What a study knows of one difference.

    training, case: the parts of the squared standard error that trainings and cases cause. df: its degrees of freedom.
    seeds: per fold; with `columns_are_seeds`, of the one fold, and then the degrees of freedom grow with them.
    """

    training: float
    case: float
    df: float
    seeds: int
    cases: int
    columns_are_seeds: bool = False

    def with_seeds(self, seeds: int, losses: int) -> "Now":
        """The same with more seeds, trained as erratically."""
        training, df = self.training * self.seeds / seeds, self.df
        if self.columns_are_seeds:
            # Satterthwaite: the degrees of freedom of a sum of two variances
            parts = training**2 / ((losses - 1) * (seeds - 1)) + self.case**2 / max(self.cases - 1, 1)
            df = (training + self.case) ** 2 / parts if parts > 0 else df
        return replace(self, training=training, df=df, seeds=seeds)


def seeds_needed(aim: Aim, now: Now) -> float:
    """Seeds per fold with which the aim is reached; NaN where 20 do not do."""
    for more in range(now.seeds + 1, MOST_SEEDS + 1):
        then = now.with_seeds(more, aim.losses)
        if then.training + then.case <= aim.largest_variance(then.df):
            return float(more)
    return np.nan


def cases_needed(aim: Aim, now: Now) -> float:
    """Cases with which the aim is reached; NaN where a million do not do."""
    room = aim.largest_variance(now.df) - now.training
    needed = now.cases * now.case / room if room > 0 else np.inf
    return float(max(now.cases + 1, np.ceil(needed))) if needed <= MOST_CASES else np.nan


def both_needed(aim: Aim, now: Now) -> tuple[float, float]:
    """(seeds, cases) that reach the aim together, with the smallest product; NaN where none do."""
    found = []
    for more in range(now.seeds + 1, MOST_SEEDS + 1):
        wanted = cases_needed(aim, now.with_seeds(more, aim.losses))
        if np.isfinite(wanted):
            found.append((more * wanted, float(more), wanted))
    return min(found)[1:] if found else (np.nan, np.nan)
