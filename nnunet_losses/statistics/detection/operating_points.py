"""The operating point of a trained model: threshold and smallest component, chosen on its out-of-fold cases."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from nnunet_losses.base.tables.schema import TableError
from nnunet_losses.statistics.detection.curves import curves, detections
from nnunet_losses.statistics.detection.thresholds import best_threshold, choose_thresholds, with_scores
from nnunet_losses.statistics.estimators.bootstrap import percentile_interval, resample_counts
from nnunet_losses.statistics.estimators.means import mean_interval
from nnunet_losses.statistics.panels.clusters import in_several_folds

GOALS = "dice, recall@K, recall=R, precision=P"
SMALLEST = (1, 2, 3, 5, 10, 20, 50, 100)
"""Voxels of the smallest component that is kept: the sizes that are tried."""
RESAMPLES = 2_000

Interval = tuple[float, float, float]
"""A value, and the ends of its interval, NaN where there is none."""


@dataclass(frozen=True)
class Goal:
    """What an operating point is chosen for.

    kind: ``dice``: the largest mean Dice of the voxels. ``recall@``: the largest recall of lesions with at most
        ``limit`` false positives per case. ``recall=``: the fewest false positives with a recall of at least ``limit``.
        ``precision=``: the largest recall with a precision of lesions of at least ``limit``.
    limit: NaN for ``dice``.
    """

    kind: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> "Goal":
        """Read a goal as it is typed: ``dice``, ``recall@1``, ``recall=0.9``, ``precision=0.8``.

        Raises:
            TableError: it is none, or its limit is out of range.
        """
        if text == "dice":
            return cls("dice", float("nan"))
        found = re.fullmatch(r"(recall@|recall=|precision=)(\d+(?:\.\d*)?|\.\d+)", text)
        if found is None:
            raise TableError(
                f"There is no operating point {text!r}; there are {GOALS}, such as recall@1 or recall=0.9."
            )
        kind, limit = found[1], float(found[2])
        if kind.endswith("=") and not 0 < limit <= 1:
            raise TableError(f"{text}: the limit must be above 0 and at most 1.")
        return cls(kind, limit)


@dataclass(frozen=True)
class Choice:
    """What is kept of a prediction.

    threshold: a voxel belongs to the label if its probability exceeds it; None for nnU-Net's own segmentation.
    min_score: smallest log-odds that the largest in a component must reach; None for any.
    min_voxels: of a component; 1 for any.
    """

    threshold: float | None = None
    min_score: float | None = None
    min_voxels: int = 1


@dataclass(frozen=True)
class OperatingPoint:
    """A choice, what it is worth, and on which cases this is known.

    measures: by name; out of fold, that is, each fold at the choice of the other folds, if ``out_of_fold``, else on the
        cases that it was chosen on, which flatters it.
    remarks: what a reader has to know, a sentence each.
    """

    choice: Choice
    measures: dict[str, Interval]
    out_of_fold: bool
    remarks: tuple[str, ...] = ()


def operating_point(
    goal: Goal,
    cases: pd.DataFrame,
    *,
    thresholds: pd.DataFrame | None,
    lesions: pd.DataFrame | None,
    clusters: "pd.Series[str] | None" = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> OperatingPoint:
    """Choose the operating point of one run and label on all of its out-of-fold cases.

    Args:
        goal: what it is chosen for.
        cases: the run's cases with their folds (case, fold), those without any lesion included.
        thresholds: the run's rows of the table of thresholds, for ``dice``.
        lesions: the run's rows of the table of lesions, for all others.
        clusters: what each case belongs to, by case, such as its patient, if clusters and not cases are independent:
            intervals then come from resampled clusters, and each cluster's mean Dice counts once.
        seed: of the bootstrap.
        confidence: of the intervals.

    Raises:
        TableError: the tables needed are missing or hold no probabilities, or no choice reaches the goal.
    """
    folds = cases.drop_duplicates("case").set_index("case")["fold"].sort_index()
    units = pd.Series(folds.index, index=folds.index) if clusters is None else clusters.reindex(folds.index)
    if goal.kind == "dice":
        found = _for_dice(thresholds, folds, units, confidence)
    else:
        found = _for_lesions(goal, lesions, folds, units, seed, confidence)
    if clusters is None or not found.out_of_fold or not (several := in_several_folds(folds, clusters)):
        return found
    remark = (
        f"{several} of {units.nunique()} {clusters.name}s have cases in several folds, so these values are not of a "
        f"new {clusters.name}."
    )
    return replace(found, remarks=(*found.remarks, remark))


def _for_dice(
    thresholds: pd.DataFrame | None, folds: "pd.Series[int]", units: "pd.Series[str]", confidence: float
) -> OperatingPoint:
    if thresholds is None or thresholds.empty:
        raise TableError("There are no counts at thresholds: the predictions were measured without probabilities.")
    scores = with_scores(thresholds)
    if scores.empty:
        raise TableError("No case holds a reference: there is no Dice to choose a threshold by.")
    chosen, nested = best_threshold(scores), len(folds.unique()) > 1
    if nested:
        by_case = choose_thresholds(scores).set_index("case")["dice_tuned"]
    else:
        by_case = scores[scores["threshold"] == chosen].set_index("case")["dice"]
    dice = by_case.groupby(units.reindex(by_case.index)).mean()
    low, high, *_ = mean_interval(dice.to_numpy(dtype=float)[:, None], confidence=confidence, bounds=(0, 1))
    measures = {"dice": (float(dice.mean()), float(low[0]), float(high[0]))}
    remark = "The tables do not tell sizes of components at other thresholds, so small components are not removed."
    return OperatingPoint(Choice(threshold=chosen), measures, nested, (remark,))


def _for_lesions(
    goal: Goal,
    lesions: pd.DataFrame | None,
    folds: "pd.Series[int]",
    units: "pd.Series[str]",
    seed: int,
    confidence: float,
) -> OperatingPoint:
    if lesions is None or lesions.empty:
        raise TableError("There is no table of lesions, or no lesion in it.")
    events = _Events.of(lesions, list(folds.index))
    everyone = np.ones(len(folds), bool)
    choice = events.choose(goal, everyone)
    if choice is None:
        raise TableError(f"No threshold reaches {goal.kind}{goal.limit:g}: {events.reach(everyone)}.")
    nested = len(folds.unique()) > 1
    counts = np.zeros((3, len(folds)))  # lesions found, false positives, lesions
    for fold in sorted(folds.unique()) if nested else [None]:
        here = (folds == fold).to_numpy() if nested else everyone
        counts[:, here] = events.outcome(events.choose(goal, ~here) if nested else choice)[:, here]
    remarks: tuple[str, ...] = ()
    if not events.sized:
        remarks = ("The table of lesions does not tell which component finds which, so no size was chosen.",)
    return OperatingPoint(choice, _rates(counts, pd.factorize(units)[0], seed, confidence), nested, remarks)


@dataclass(frozen=True)
class _Events:
    """What happens at a choice: each column is (position of the case, largest log-odds, voxels)."""

    hits: tuple[np.ndarray, np.ndarray, np.ndarray]
    invented: tuple[np.ndarray, np.ndarray, np.ndarray]
    lesions: np.ndarray  # (cases,) numbers of reference lesions
    sized: bool

    @classmethod
    def of(cls, rows: pd.DataFrame, cases: Sequence[str]) -> "_Events":
        rows = rows.assign(position=rows["case"].map({case: i for i, case in enumerate(cases)}))
        rows = rows[rows["position"].notna()]
        matched, reference = rows["matched"].astype(bool), rows["side"] == "reference"
        found, invented = rows[reference & matched], rows[~reference & ~matched]
        if found["score_max"].isna().any() or invented["score_max"].isna().any():
            raise TableError("The lesions have no scores: the predictions were measured without probabilities.")
        if not reference.any():
            raise TableError("No case holds a reference lesion: there is no recall to choose by.")
        sized = {"partner", "component", "voxels"} <= set(rows)
        if sized:
            sizes = rows.loc[~reference].set_index(["case", "component"])["voxels"]
            partners = pd.MultiIndex.from_arrays([found["case"], found["partner"]])
            found = found.assign(voxels=sizes.reindex(partners).to_numpy())
            sized = bool(found["voxels"].notna().all())
        return cls(
            _columns(found, sized),
            _columns(invented, sized),
            np.bincount(rows.loc[reference, "position"].astype(int), minlength=len(cases)),
            sized,
        )

    def choose(self, goal: Goal, cases: np.ndarray) -> Choice | None:
        """The best choice for the cases of a mask; None if none reaches the goal."""
        best: tuple[tuple[float, float], Choice] | None = None
        for smallest in SMALLEST if self.sized else SMALLEST[:1]:
            recall, precision, per_case, scores = self._curve(cases, smallest)
            limit = np.float32(goal.limit)
            reached = {"recall@": per_case <= limit, "recall=": recall >= limit, "precision=": precision >= limit}
            good = np.flatnonzero(reached[goal.kind])
            if not len(good):
                continue
            fewest = goal.kind == "recall="
            at = int(good[0] if fewest else good[-1])
            worth = (-per_case[at], recall[at]) if fewest else (recall[at], -per_case[at])
            if best is None or worth > best[0]:
                # halfway to the next score, so that rounding on another machine changes nothing
                last = at + 1 == len(scores)
                cut = None if last else float((scores[at] + scores[at + 1]) / 2)
                best = worth, Choice(min_score=cut, min_voxels=smallest)
        return None if best is None else best[1]

    def outcome(self, choice: Choice | None) -> np.ndarray:
        """(3, cases): lesions found, false positives, lesions. Nothing is kept without a choice."""
        kept = []
        for position, score, voxels in (self.hits, self.invented):
            if choice is None:
                some = np.zeros(len(position), bool)
            else:
                some = voxels >= choice.min_voxels
                some &= score >= (-np.inf if choice.min_score is None else choice.min_score)
            kept.append(np.bincount(position[some], minlength=len(self.lesions)))
        return np.stack([*kept, self.lesions])

    def reach(self, cases: np.ndarray) -> str:
        """How far any threshold gets, in words."""
        recall, precision, per_case, _ = self._curve(cases, 1)
        return (
            f"recall goes up to {recall.max():.3g}, precision up to {precision.max():.3g}, and there are at least "
            f"{per_case.min():.3g} false positives per case"
        )

    def _curve(self, cases: np.ndarray, smallest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Recall, precision and false positives per case at falling scores, of these cases alone."""
        counted = []
        for position, score, voxels in (self.hits, self.invented):
            some = cases[position] & (voxels >= smallest)
            counted.append((position[some], score[some], np.ones(int(some.sum()))))
        total = len(self.lesions)
        positions = np.repeat(np.arange(total), self.lesions)
        found = detections(total, counted[0], counted[1], (positions, np.ones(len(positions))))
        curve = curves(found, cases[None].astype(float))
        return curve.recall[0], curve.precision[0], curve.per_case[0], found.thresholds


def _columns(rows: pd.DataFrame, sized: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    voxels = rows["voxels"].to_numpy(dtype=float) if sized else np.ones(len(rows))
    return rows["position"].to_numpy(dtype=int), rows["score_max"].to_numpy(dtype=float), voxels


def _rates(counts: np.ndarray, unit_of: np.ndarray, seed: int, confidence: float) -> dict[str, Interval]:
    """Recall, precision and false positives per case, with bootstrap intervals.

    counts: (3, cases) lesions found, false positives, lesions. unit_of: number of each case's independent unit.
    """
    counts = np.concatenate([counts, np.ones((1, counts.shape[1]))])

    def rates(sums: np.ndarray) -> np.ndarray:
        found, invented, lesions, cases = sums
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([found / lesions, found / (found + invented), invented / cases], axis=-1)

    values = rates(counts.sum(axis=1))
    low, high = np.full((2, 3), np.nan)
    n = int(unit_of.max()) + 1
    if n > 1:
        drawn = resample_counts(n, RESAMPLES, seed)[:, unit_of] @ counts.T
        low, high = percentile_interval(rates(drawn.T), n, confidence)
    names = ("recall", "precision", "false_positives_per_case")
    return {name: (float(values[k]), float(low[k]), float(high[k])) for k, name in enumerate(names)}
