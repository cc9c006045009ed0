"""What papers conclude, judged by the words and intervals of the decision card.

Every claim is about contrasts: weighted sums of losses' values, their weights summing to zero. A contrast is a sum of
differences of pairs with positive weights, and the intervals of `decisions` hold for all pairs at once. So the same sum
of their ends is an interval for the contrast, which holds for all contrasts at once, and the card and a claim can never
contradict each other. It is on the wide side for contrasts of many losses.
Source: Hochberg and Tamhane, Multiple Comparison Procedures, 1987, section 3.2 (contrasts from pairwise intervals).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.base.identity import LABEL
from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.states import Verdict, Word
from nnunet_losses.statistics.papers.reproduction import LossNames
from nnunet_losses.statistics.ranking.decision import word_for
from nnunet_losses.statistics.tables.papers import CLAIMS

FEWEST_STEPS = 3  # of a trend
_ENDS = ["low", "high", "low_90", "high_90"]


class Direction(StrEnum):
    """What is claimed of a contrast's value, whether high values are good or bad."""

    HIGHER = "higher"
    LOWER = "lower"
    EQUAL = "equal"
    NOT_LOWER = "not lower"
    NOT_HIGHER = "not higher"


_HOLDS = {
    Direction.HIGHER: {Word.BETTER},
    Direction.EQUAL: {Word.EQUIVALENT},
    Direction.NOT_LOWER: {Word.BETTER, Word.EQUIVALENT, Word.NOT_WORSE},
}
_FAILS = {
    Direction.HIGHER: {Word.EQUIVALENT, Word.WORSE, Word.NOT_BETTER},
    Direction.EQUAL: {Word.BETTER, Word.WORSE},
    Direction.NOT_LOWER: {Word.WORSE},
}
_MIRRORED = {Direction.LOWER: Direction.HIGHER, Direction.NOT_HIGHER: Direction.NOT_LOWER}


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of losses' values.

    weights: by trainer; several trainers in order of preference, separated by ``|``. They sum to zero.
    words: the contrast in words, with ``{0}``, ``{1}``, ... for the losses in the order of the weights.
    """

    weights: Mapping[str, float]
    words: str


@dataclass(frozen=True)
class Claim:
    """A conclusion of a paper.

    paper, name: the file that it stands in, and its short name there. says: the conclusion, a sentence.
    metric: what it is about. direction: what is claimed of every contrast. contrasts: all of them must be so.
    steps: of a trend, its losses in order; no later one may lie on the wrong side of an earlier one.
    size: the published size of the first contrast, if there is one. source, mark: as of published numbers.
    """

    paper: str
    name: str
    says: str
    metric: str
    direction: Direction
    contrasts: Sequence[Contrast]
    steps: Sequence[str] = ()
    size: float = np.nan
    source: str = ""
    mark: str = "primary"


@dataclass(frozen=True)
class _Judged:
    verdict: Verdict
    facts: Mapping[str, Any]
    reason: str = ""


def claims_table(decisions: pd.DataFrame, claims: Sequence[Claim], losses: LossNames) -> pd.DataFrame:
    """A row for each claim, data set, configuration, label and variant of the trainers.

    decisions: the table of that name, with the metrics that the claims are about. losses: the loss of each trainer and
    what else its name says; trainings of different length, or by different recipes, are judged one by one.
    """
    rows: list[dict[str, Any]] = []
    places = decisions[[*LABEL]].drop_duplicates().to_dict("records")
    variants = dict.fromkeys(variant for _, variant in losses.values())
    by_place = dict(iter(decisions.groupby([*LABEL, "metric"], sort=False)))
    for place in places:
        for variant in variants:
            trainers = {loss: trainer for trainer, (loss, v) in losses.items() if v == variant}
            for claim in claims:
                own = by_place.get((*(place[name] for name in LABEL), claim.metric))
                judged = _judge(own, claim, trainers)
                facts = {
                    "variant": variant, "paper": claim.paper, "claim": claim.name, "says": claim.says,
                    "measure": claim.metric, "direction": str(claim.direction), "size": claim.size,
                    "source": claim.source, "mark": claim.mark, "verdict": str(judged.verdict), "reason": judged.reason,
                }  # fmt: skip
                rows.append({**{str(name): value for name, value in place.items()}, **facts, **judged.facts})
    return CLAIMS.build(rows)


def _judge(decisions: pd.DataFrame | None, claim: Claim, trainers: Mapping[str, str]) -> _Judged:
    nothing: dict[str, Any] = dict.fromkeys(["difference", *_ENDS, "margin"], np.nan)
    nothing |= {"contrast": "", "subject": "losses", "n": 0, "trainings": 0}
    contrasts = _trained(claim, trainers)
    named = {name: _found(name, trainers) for c in contrasts for name in c.weights}
    shown = {trainer: _short(loss) for loss, trainer in trainers.items()}
    if lacking := [name.split("|")[0] for name, trainer in named.items() if not trainer]:
        return _Judged(Verdict.NOT_TESTABLE, nothing, f"not trained: {', '.join(lacking)}")
    if decisions is None:
        return _Judged(Verdict.NOT_TESTABLE, nothing, f"not measured: {claim.metric}")
    pairs = _Pairs(decisions, higher_is_better=metric_named(claim.metric).higher_is_better)
    parts = [_part(pairs, contrast, named, shown, claim.direction) for contrast in contrasts]
    if unfit := [part for part in parts if part.verdict == Verdict.NOT_TESTABLE]:
        return _Judged(Verdict.NOT_TESTABLE, {**nothing, "contrast": unfit[0].facts["contrast"]}, unfit[0].reason)
    order = [Verdict.DOES_NOT_HOLD, Verdict.UNDECIDED, Verdict.HOLDS]
    # the weakest link decides: of those with the worst verdict, the one with least room
    weakest = min(parts, key=lambda part: (order.index(part.verdict), part.facts["room"]))
    facts = {key: value for key, value in weakest.facts.items() if key != "room"}
    against = _step_against(
        pairs, shown, [found for name in claim.steps if (found := _found(name, trainers))], claim.direction
    )
    if against is not None and weakest.verdict != Verdict.DOES_NOT_HOLD:
        return _Judged(Verdict.DOES_NOT_HOLD, facts, f"not one direction throughout: {against}")
    all_names = dict.fromkeys([*claim.steps, *(name for c in claim.contrasts for name in c.weights)])
    left_out = [_short(name.split("|")[0]) for name in all_names if not _found(name, trainers)]
    told = [weakest.reason, f"without {', '.join(left_out)}, not trained here" if left_out else ""]
    return _Judged(weakest.verdict, facts, "; ".join(filter(None, told)))


def _trained(claim: Claim, trainers: Mapping[str, str]) -> Sequence[Contrast]:
    """The contrasts as far as their losses were trained: a trend between its ends, the best among fewer; else all."""
    if claim.steps:
        there = [place for place, name in enumerate(claim.steps) if _found(name, trainers)]
        ends = {0, len(claim.steps) - 1} <= set(there)
        return [trend(claim.steps, there)] if ends and len(there) >= FEWEST_STEPS else claim.contrasts
    whole = [c for c in claim.contrasts if all(_found(name, trainers) for name in c.weights)]
    return whole or claim.contrasts


def _found(name: str, trainers: Mapping[str, str]) -> str:
    return next((trainers[one] for one in name.split("|") if one in trainers), "")


class _Pairs:
    """The decisions on the pairs of one panel, looked up in either order, as differences of values."""

    def __init__(self, decisions: pd.DataFrame, *, higher_is_better: bool) -> None:
        self.sign = 1.0 if higher_is_better else -1.0
        self.rows = {(str(row["trainer_a"]), str(row["trainer_b"])): row for row in decisions.to_dict("records")}

    def between(self, a: str, b: str) -> tuple[np.ndarray, Mapping[Any, Any]] | None:
        """(difference, low, high, low_90, high_90) of the values a − b and the row; None if there is none."""
        turned = (a, b) not in self.rows
        row = self.rows.get((b, a) if turned else (a, b))
        if row is None:
            return None
        ends = np.array([row["difference"], *(row[name] for name in _ENDS)], dtype=float)
        return (-ends[[0, 2, 1, 4, 3]] if turned == (self.sign > 0) else ends), row


def _part(
    pairs: _Pairs, contrast: Contrast, named: Mapping[str, str], shown: Mapping[str, str], claimed: Direction
) -> _Judged:
    total, rows = np.zeros(5), []
    facts: dict[str, Any] = {
        "contrast": contrast.words.format(*(shown[named[name]] for name in contrast.weights)),
        "room": np.nan,
    }
    plus = {named[name]: w for name, w in contrast.weights.items() if w > 0}
    minus = {named[name]: -w for name, w in contrast.weights.items() if w < 0}
    for a, weight in plus.items():
        for b, other in minus.items():
            found = pairs.between(a, b) if a != b else None
            if found is None:
                return _Judged(Verdict.NOT_TESTABLE, facts, f"{a} and {b} were not compared")
            values, row = found
            if row["word"] == Word.NOT_COMPARABLE:
                return _Judged(Verdict.NOT_TESTABLE, facts, str(row["reason"]))
            total += values * weight * other / sum(minus.values())
            rows.append(row)
    direction = _MIRRORED.get(claimed, claimed)
    toward = -total[[0, 2, 1, 4, 3]] if claimed in _MIRRORED else total
    margin = float(rows[0]["margin"])
    low, high, low_90, high_90 = map(float, toward[1:])
    word = word_for(low, high, low_90, high_90, margin)
    verdict = Verdict.UNDECIDED
    if word in _HOLDS[direction]:
        verdict = Verdict.HOLDS
    elif word in _FAILS[direction]:
        verdict = Verdict.DOES_NOT_HOLD
    subject = "models" if any(row["subject"] == "models" for row in rows) else "losses"
    facts |= {
        **dict(zip(["difference", *_ENDS], map(float, total), strict=True)), "margin": margin, "subject": subject,
        "n": int(rows[0]["n"]), "trainings": min(int(row["trainings"]) for row in rows), "room": float(toward[1]),
    }  # fmt: skip
    small = word == Word.EQUIVALENT and direction == Direction.HIGHER
    return _Judged(verdict, facts, "smaller than the margin" if small else "")


def _step_against(pairs: _Pairs, shown: Mapping[str, str], steps: Sequence[str], claimed: Direction) -> str | None:
    """Two losses of a trend of which the later one lies on the wrong side for certain."""
    sign = -1.0 if claimed in _MIRRORED else 1.0
    for i, earlier in enumerate(steps):
        for later in steps[i + 1 :]:
            found = pairs.between(later, earlier)
            if found is None:
                continue
            low, high = sorted(sign * found[0][1:3])
            if high < 0 and not -found[1]["margin"] < low:
                return f"from {shown[earlier]} to {shown[later]}, {sign * found[0][0]:+.3g} in the claimed direction"
    return None


def trend(steps: Sequence[str], places: Sequence[int] | None = None) -> Contrast:
    """The change from the first to the last of several losses by a straight line through all of them, equally spaced.

    places: those of the steps to use, the first and the last included; all if absent.
    """
    places = range(len(steps)) if places is None else places
    x = np.array(places) - np.mean(places)
    weights = x / (x**2).sum() * (len(steps) - 1)
    used = {steps[place]: float(w) for place, w in zip(places, weights, strict=True) if w}
    return Contrast(used, f"from {{0}} to {{{len(used) - 1}}}")


def difference(first: Sequence[str], second: Sequence[str]) -> Contrast:
    """The mean of some losses minus the mean of others."""
    weights = dict.fromkeys(first, 1 / len(first)) | dict.fromkeys(second, -1 / len(second))
    fields = [f"{{{place}}}" for place in range(len(weights))]
    return Contrast(weights, f"{_mean(fields[: len(first)])} − {_mean(fields[len(first) :])}")


def gain(more: tuple[str, str], less: tuple[str, str]) -> Contrast:
    """How much more one change of the loss gains than another; each is (with, without)."""
    weights = {more[0]: 1.0, more[1]: -1.0, less[1]: 1.0, less[0]: -1.0}
    return Contrast(weights, "({0} − {1}) − ({3} − {2})")


def _short(loss: str) -> str:
    return loss.replace("Trainer", "").replace("_", " ")


def _mean(fields: Sequence[str]) -> str:
    return fields[0] if len(fields) == 1 else f"mean of {', '.join(fields)}"
