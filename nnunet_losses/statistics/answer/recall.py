"""Lesions found where every loss raises one false positive a case: recall from the FROC curve of each training."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from nnunet_losses.base.metrics import Metric
from nnunet_losses.statistics.detection.curves import Detections, curves, recall_at
from nnunet_losses.statistics.detection.froc import THRESHOLDS_RESAMPLED, detections_of
from nnunet_losses.statistics.estimators.bootstrap import percentile_interval
from nnunet_losses.statistics.estimators.retraining import retrained, seeds_act_alike
from nnunet_losses.statistics.panels.roster import Roster
from nnunet_losses.statistics.ranking.decision import (
    ALPHA,
    decided,
    not_comparable,
    of_losses,
    of_models,
    pair_names,
    steady_among,
    with_those_left_out,
)

AT_ONE = np.array([1.0])  # false positives a case
UP_TO_FIVE = np.linspace(0, 5, 501)
RESAMPLES = 2_000


@dataclass(frozen=True)
class Recall:
    """Recall at one false positive a case, or averaged over several rates.

    values: over all cases, by trainer. columns: (trainings, trainers) of each training side by side: folds, or seeds of
    one fold. by_seed: (folds, seeds, trainers) of each training where there are several of both; else empty. shared:
    whether the columns have the same cases. samples: (resamples, trainers) of resampled cases; empty where the columns
    do not need it. left_out: why a trainer has none.
    """

    values: dict[str, float]
    columns: np.ndarray
    by_seed: np.ndarray
    shared: bool
    samples: np.ndarray
    left_out: dict[str, str]


def smallest_quarter(roster: Roster) -> float:
    """The diameter that a quarter of the reference lesions, the smallest ones, do not exceed; NaN without lesions."""
    own = roster.lesions[roster.lesions["side"] == "reference"]
    if own.empty or "diameter_mm" not in own:
        return np.nan
    first = own[own["trainer"] == own["trainer"].iloc[-1]]
    return float(np.quantile(first["diameter_mm"], 0.25, method="inverted_cdf"))


def recall_of(
    roster: Roster,
    *,
    up_to: float | None = None,
    false_positives: np.ndarray = AT_ONE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Recall:
    """Recall of the lesions of a roster at one false positive a case, or its mean over several such rates.

    up_to: only lesions of at most this diameter; all if absent. False positives are of all sizes.
    """
    lesions = roster.lesions
    if up_to is not None:
        lesions = lesions[(lesions["side"] != "reference") | (lesions["diameter_mm"] <= up_to)]
    n, folds = len(roster.cases), np.unique(roster.folds)
    at = partial(_recall_at, false_positives)
    seeds = _common_seeds(lesions, roster.trainers)
    members = np.array([roster.folds == fold for fold in folds], dtype=float)
    values, left_out = {}, dict(roster.left_out)
    columns: list[np.ndarray] = []
    by_seed: list[np.ndarray] = []
    samples: list[np.ndarray] = []
    needed = len(folds) == 1 and roster.n_units > 1
    counts = roster.draws(resamples, seed) if needed else np.empty((0, n))
    for trainer in roster.trainers:
        rows = lesions[lesions["trainer"] == trainer]
        found = detections_of(rows, n, "score_max")
        if isinstance(found, str):
            left_out[trainer] = f"left out: {found}"
            continue
        values[trainer] = float(at(found, np.ones((1, n)))[0])
        of_seeds = [detections_of(rows[rows["seed"] == s].assign(weight=1.0), n, "score_max") for s in seeds]
        by_seed.append(
            np.array([np.full(len(folds), np.nan) if isinstance(one, str) else at(one, members) for one in of_seeds])
        )
        columns.append(at(found, members) if len(folds) > 1 else by_seed[-1].reshape(-1))
        if needed:
            thinned = found.thinned(THRESHOLDS_RESAMPLED)
            samples.append(np.concatenate([at(thinned, part) for part in np.array_split(counts, 4)]))
    table = np.column_stack(columns) if columns else np.empty((0, 0))
    single = np.stack(by_seed, axis=-1).swapaxes(0, 1) if len(folds) > 1 and seeds and by_seed else np.empty((0, 0, 0))
    return Recall(
        values,
        # a fold without such lesions says nothing
        table[np.isfinite(table).all(axis=1)],
        single[np.isfinite(single).all(axis=(1, 2))],
        len(folds) == 1,
        np.column_stack(samples) if samples else np.empty((0, len(values))),
        left_out,
    )


def recall_decisions(
    roster: Roster, recall: Recall, metric: Metric, *, margin: float, unsteady: Collection[str], alpha: float = ALPHA
) -> pd.DataFrame:
    """One row per pair of trainers with a word; columns of the table `decisions` but for its identity."""
    trainers, n = list(recall.values), roster.n_units
    names, parts = pair_names(trainers), []
    if len(trainers) > 1:
        a, b = np.triu_indices(len(trainers), 1)
        pairs = recall.samples[:, a] - recall.samples[:, b]
        if len(recall.columns) > 1:
            steady = steady_among(trainers, unsteady)
            found = retrained(
                recall.columns,
                steady=steady,
                case_variance=np.nanvar(pairs, axis=0, ddof=1) if recall.shared else None,
                case_df=n - 1,
            )
            trainings = len(recall.columns)
            if alike := seeds_act_alike(recall.by_seed, steady):
                seeds = recall.by_seed.mean(axis=0)
                found, trainings = found.crossed(retrained(seeds, steady=steady)), len(seeds)
            parts.append(of_losses(names, found, trainings=trainings, alpha=alpha, alike=alike))
        elif len(pairs):
            values = np.array([recall.values[t] for t in trainers])
            wide = percentile_interval(pairs, n, 1 - alpha / len(a))
            narrow = percentile_interval(pairs, n, 1 - 2 * alpha / len(a))
            few = "" if np.isfinite(wide).all() else f"{n} cases: too few for a bootstrap interval"
            parts.append(of_models(names, values[a] - values[b], wide, narrow, few))
        else:
            parts.append(not_comparable(names, "lesions in fewer than two folds"))
    parts.append(with_those_left_out(trainers, recall.left_out, roster.baseline))
    rows = decided(parts, margin=margin, n=n, bounds=metric.bounds)
    identity = {"dataset": roster.dataset, "configuration": roster.configuration, "label": roster.label}
    return rows.assign(**identity, metric=metric.name)


def _recall_at(false_positives: np.ndarray, found: Detections, counts: np.ndarray) -> np.ndarray:
    return recall_at(false_positives, curves(found, counts)).mean(axis=1)


def _common_seeds(lesions: pd.DataFrame, trainers: list[str]) -> list[int]:
    """Seeds that all trainers have; none where fewer than two are common."""
    sets = [set(lesions.loc[lesions["trainer"] == t, "seed"]) for t in trainers]
    common = sorted(set.intersection(*sets)) if sets else []
    return common if len(common) > 1 else []
