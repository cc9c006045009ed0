"""FROC and precision-recall of every trainer, with bootstrap intervals over cases, paired between trainers."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from nnunet_losses.base.tables.schema import Table
from nnunet_losses.statistics.detection.curves import (
    Curves,
    Detections,
    Events,
    curves,
    detections,
    measures,
    precision_at,
    recall_at,
)
from nnunet_losses.statistics.estimators.bootstrap import FEW_CASES, percentile_interval
from nnunet_losses.statistics.panels.roster import Roster
from nnunet_losses.statistics.tables.detection import FROC, FROC_CURVE, MEASURES, PR_CURVE
from nnunet_losses.statistics.tables.pairwise import FROC_PAIRWISE

FALSE_POSITIVE_GRID = np.round(np.concatenate([np.linspace(0, 1, 41), np.linspace(1.1, 8, 70)]), 3)
RECALL_GRID = np.linspace(0.01, 1, 100).round(2)
THRESHOLDS_RESAMPLED = 500  # a finer grid of thresholds moves no interval visibly, the point estimates use all
BAND_RESAMPLES = 1_000


def froc_tables(
    rosters: Iterable[Roster],
    *,
    score: str = "score_max",
    resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, pd.DataFrame]:
    """The tables froc, froc_pairwise, froc_curve and pr_curve.

    A reference lesion is hit at threshold t if a component that touches it has score ≥ t; a false positive is a
    predicted component without any overlap. The roster names the cases, so that one with neither lesion nor prediction
    counts in the denominator. score: "score_max" or "score_mean".
    Sources: Setio et al., LUNA16, MedIA 2017 (CPM); Shirokikh et al., MICCAI 2020 (average recall).
    """
    schemas = (FROC, FROC_PAIRWISE, FROC_CURVE, PR_CURVE)
    tables: dict[str, list[pd.DataFrame]] = {schema.name: [] for schema in schemas}
    for roster in rosters:
        own = roster.lesions
        counts = roster.draws(resamples, seed) if roster.n_units > 1 else None
        reasons, n_lesions = dict(roster.left_out), {}
        values: dict[str, np.ndarray] = {}
        resampled: dict[str, np.ndarray] = {}
        # One trainer at a time: its counts by case and threshold are large, what is kept of them is small.
        for trainer in roster.trainers:
            found = detections_of(own[own["trainer"] == trainer], len(roster.cases), score)
            if isinstance(found, str):
                reasons[trainer] = found
                continue
            n_lesions[trainer] = float(found.lesions.sum())
            full, thinned = curves(found, np.ones((1, len(roster.cases)))), found.thinned(THRESHOLDS_RESAMPLED)
            values[trainer] = measures(full)[0]
            resampled[trainer] = _resampled_measures(thinned, counts)
            for schema, frame in _curve_tables(full, thinned, counts, confidence, roster.n_units).items():
                tables[schema.name].append(roster.table(schema, frame.assign(trainer=trainer)))
        tables["froc"].append(_measure_table(roster, n_lesions, reasons, values, resampled, confidence))
        tables["froc_pairwise"].append(_pair_table(roster, values, resampled, confidence))
    return {schema.name: schema.concat(tables[schema.name]) for schema in schemas}


def detections_of(rows: pd.DataFrame, cases: int, score: str) -> Detections | str:
    """One trainer's detections, or why there are none."""
    reference, matched = rows["side"] == "reference", rows["matched"].astype(bool)
    hit, invented = rows[reference & matched], rows[~reference & ~matched]
    if hit[score].isna().any() or invented[score].isna().any():
        return "no scores: predicted without probabilities"
    if not reference.any():
        return "no reference lesions"
    lesions = rows.loc[reference, "position"].to_numpy(), rows.loc[reference, "weight"].to_numpy()
    return detections(cases, _events(hit, score), _events(invented, score), lesions)


def _events(rows: pd.DataFrame, score: str) -> Events:
    return rows["position"].to_numpy(), rows[score].to_numpy(dtype=float), rows["weight"].to_numpy()


def _resampled_measures(thinned: Detections, counts: np.ndarray | None) -> np.ndarray:
    if counts is None:
        return np.empty((0, len(MEASURES)))
    return np.vstack([measures(curves(thinned, part)) for part in np.array_split(counts, max(1, len(counts) // 1_000))])


def _few(n: int) -> str:
    return f"n = {n}: too few cases for a bootstrap interval" if n < FEW_CASES else ""


def _measure_table(
    roster: Roster,
    n_lesions: dict[str, float],
    reasons: dict[str, str],
    values: dict[str, np.ndarray],
    resampled: dict[str, np.ndarray],
    confidence: float,
) -> pd.DataFrame:
    n, rows = roster.n_units, []
    for trainer, lesions in n_lesions.items():
        low, high = percentile_interval(resampled[trainer], n, confidence)
        for k, name in enumerate(MEASURES):
            rows.append(
                {
                    "trainer": trainer, "measure": name, "value": values[trainer][k], "low": low[k], "high": high[k],
                    "n_cases": len(roster.cases), "n_lesions": lesions, "reason": _few(n),
                }
            )  # fmt: skip
    for trainer, reason in reasons.items():
        nan = dict.fromkeys(["value", "low", "high", "n_lesions"], np.nan)
        rows += [{"trainer": trainer, "measure": name, "n_cases": 0, **nan, "reason": reason} for name in MEASURES]
    return roster.table(FROC, rows)


def _pair_table(
    roster: Roster, values: dict[str, np.ndarray], resampled: dict[str, np.ndarray], confidence: float
) -> pd.DataFrame:
    rows, trainers, n = [], list(values), roster.n_units
    for i, a in enumerate(trainers):
        for b in trainers[i + 1 :]:
            samples = resampled[a] - resampled[b]
            low, high = percentile_interval(samples, n, confidence)
            for k, name in enumerate(MEASURES):
                rows.append(
                    {
                        "trainer_a": a, "trainer_b": b, "measure": name, "n_cases": len(roster.cases),
                        "difference": values[a][k] - values[b][k], "low": low[k], "high": high[k],
                        "p": _bootstrap_p(samples[:, k], n), "reason": _few(n),
                    }
                )  # fmt: skip
    return roster.table(FROC_PAIRWISE, rows)


def _bootstrap_p(samples: np.ndarray, n: int) -> float:
    """Twice the smaller tail of the resampled differences beyond zero, at least 2/(1 + resamples)."""
    if n < FEW_CASES:
        return np.nan
    samples = samples[np.isfinite(samples)]
    tail = min((samples <= 0).sum(), (samples >= 0).sum())
    return float(min(1.0, 2 * (1 + tail) / (1 + len(samples))))


def _curve_tables(
    full: Curves, thinned: Detections, counts: np.ndarray | None, confidence: float, n: int
) -> dict[Table, pd.DataFrame]:
    some = curves(thinned, np.ones((1, len(thinned.lesions))) if counts is None else counts[:BAND_RESAMPLES])
    last = float(full.per_case[0, -1])
    # The curve ends where the lowest threshold was: beyond there is nothing to show.
    grid = np.append(FALSE_POSITIVE_GRID[last > FALSE_POSITIVE_GRID], min(last, FALSE_POSITIVE_GRID[-1]))
    reached = RECALL_GRID[np.nanmax(full.recall) >= RECALL_GRID]
    froc_low, froc_high = percentile_interval(recall_at(grid, some), n, confidence)
    pr_low, pr_high = percentile_interval(precision_at(reached, some), n, confidence)
    return {
        FROC_CURVE: pd.DataFrame(
            {"fp_per_case": grid, "recall": recall_at(grid, full)[0], "low": froc_low, "high": froc_high}
        ),
        PR_CURVE: pd.DataFrame(
            {"recall": reached, "precision": precision_at(reached, full)[0], "low": pr_low, "high": pr_high}
        ),
    }
