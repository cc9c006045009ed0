"""How many lesions of each size were found, knowing that lesions of one patient are found or missed together."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from nnunet_losses.statistics.estimators.bootstrap import FEW_CASES, percentile_interval
from nnunet_losses.statistics.panels.roster import Roster
from nnunet_losses.statistics.tables.detection import STRATA

EDGES_MM = (0.0, 3.0, 5.0, 10.0, 20.0, np.inf)


def strata_table(
    rosters: Iterable[Roster],
    *,
    edges_mm: Sequence[float] = EDGES_MM,
    resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Recall of reference lesions by the diameter of a sphere (2D: disc) of their size: fixed bins and quartiles.

    edges_mm: limits of the fixed bins [low, high), in the unit of the lesions: mm, or px where images have no spacing.

    wilson_low, wilson_high treat lesions as independent; low, high resample cases and are the ones to trust;
    difference, difference_low, difference_high are paired with the baseline. Strata without lesions are left out.
    Source: Wilson 1927; cluster bootstrap: Field and Welsh, JRSS B 2007.
    """
    tables = []
    for roster in rosters:
        own = roster.lesions[roster.lesions["side"] == "reference"]
        if own.empty:
            continue
        counts = roster.draws(resamples, seed)
        unit = str(own["unit"].iloc[0])
        one = own[own["trainer"] == own["trainer"].iloc[-1]]
        quartiles = np.quantile(one["diameter_mm"], [0.25, 0.5, 0.75])
        for scheme, edges in (("fixed", np.asarray(edges_mm)), ("quartile", np.r_[0.0, np.unique(quartiles), np.inf])):
            for low, high in pairwise(edges):
                chosen = own[(own["diameter_mm"] >= low) & (own["diameter_mm"] < high)]
                if len(chosen):
                    stratum = {"scheme": scheme, "stratum": _name(low, high, unit), "low_mm": low, "high_mm": high}
                    tables.append(roster.table(STRATA, _rows(chosen, roster, stratum, counts, confidence)))
    return STRATA.concat(tables)


def _name(low: float, high: float, unit: str) -> str:
    if low == 0:
        return f"< {high:.3g} {unit}"
    return f"≥ {low:.3g} {unit}" if np.isinf(high) else f"{low:.3g}–{high:.3g} {unit}"


def _rows(
    chosen: pd.DataFrame, roster: Roster, stratum: dict[str, object], counts: np.ndarray, confidence: float
) -> list[dict[str, object]]:
    alpha, trainers = 1 - confidence, roster.trainers
    cell = (chosen["position"].to_numpy(), chosen["trainer"].map({t: k for k, t in enumerate(trainers)}).to_numpy())
    weight = chosen["weight"].to_numpy()
    present, found = np.zeros((2, len(roster.cases), len(trainers)))
    np.add.at(present, cell, weight)
    np.add.at(found, cell, weight * chosen["matched"].to_numpy(dtype=float))
    n, hits = present.sum(axis=0), found.sum(axis=0)
    recall = np.divide(hits, n, out=np.full(len(trainers), np.nan), where=n > 0)
    total = counts @ present
    samples = np.divide(counts @ found, total, out=np.full(total.shape, np.nan), where=total > 0)
    base = trainers.index(roster.baseline) if roster.baseline in trainers else None
    rows: list[dict[str, object]] = []
    for k, trainer in enumerate(trainers):
        few = len(np.unique(roster.unit_of[present[:, k] > 0]))
        wilson = proportion_confint(hits[k], n[k], alpha=alpha, method="wilson") if n[k] else (np.nan, np.nan)
        pair = np.full(len(samples), np.nan) if base in (None, k) else samples[:, k] - samples[:, base]
        (low, d_low), (high, d_high) = percentile_interval(np.column_stack([samples[:, k], pair]), few, confidence)
        difference = np.nan if base in (None, k) else recall[k] - recall[base]
        rows.append(
            {
                "trainer": trainer, **stratum, "n": n[k], "hits": hits[k], "n_cases": few, "recall": recall[k],
                "wilson_low": wilson[0], "wilson_high": wilson[1], "low": low, "high": high,
                "difference": difference, "difference_low": d_low, "difference_high": d_high,
                "reason": "" if few >= FEW_CASES else f"lesions in {few} cases: too few to resample",
            }
        )  # fmt: skip
    return rows
