"""Which lesions two losses miss together: losses that miss different ones can help each other."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from nnunet_losses.statistics.estimators.bootstrap import FEW_CASES, percentile_interval, resample_counts
from nnunet_losses.statistics.panels.roster import Roster
from nnunet_losses.statistics.tables.together import MISSED

RESAMPLES = 2_000


def missed_table(rosters: Iterable[Roster], *, seed: int = 0, confidence: float = 0.95) -> pd.DataFrame:
    """One row per pair of trainers. Several seeds of a trainer count by the share of them that misses a lesion.

    A lesion is missed if no predicted component overlaps it, as in lesion recall; false positives are not considered.
    """
    parts = []
    for roster in rosters:
        own = roster.lesions
        if "component" not in own or len(roster.trainers) < 2:
            continue
        reference = own[own["side"] == "reference"]
        if len(reference):
            parts.append(_of_roster(reference, roster, seed, confidence))
    return MISSED.concat(parts)


def _of_roster(reference: pd.DataFrame, roster: Roster, seed: int, confidence: float) -> pd.DataFrame:
    weighted = reference.assign(missed=(~reference["matched"].astype(bool)) * reference["weight"])
    shares = weighted.groupby(["position", "component", "trainer"])["missed"].sum()
    wide = shares.unstack("trainer").reindex(columns=roster.trainers).dropna()  # noqa: PD010 (a Series has no pivot)
    missed, position = wide.to_numpy(dtype=float), wide.index.get_level_values("position").to_numpy()
    a, b = np.triu_indices(len(roster.trainers), 1)
    n, cases = len(missed), len(roster.cases)
    # per case: lesions, and those that both of a pair miss
    lesions = np.bincount(position, minlength=cases).astype(float)
    both = np.zeros((cases, len(a)))
    np.add.at(both, position, missed[:, a] * missed[:, b])
    total, alone = both.sum(axis=0), missed.sum(axis=0)
    either = alone[a] + alone[b] - total
    low = high = np.full(len(a), np.nan)
    if cases >= FEW_CASES:
        counts = resample_counts(cases, RESAMPLES, seed)
        with np.errstate(invalid="ignore"):
            low, high = percentile_interval((counts @ both) / (counts @ lesions)[:, None], cases, confidence)
    rows = pd.DataFrame(
        {
            "trainer_a": [roster.trainers[i] for i in a],
            "trainer_b": [roster.trainers[j] for j in b],
            "n_lesions": n,
            "missed_a": alone[a],
            "missed_b": alone[b],
            "missed_both": total,
            "share": total / n if n else np.nan,
            "share_low": low,
            "share_high": high,
            "overlap": np.divide(total, either, out=np.full(len(a), np.nan), where=either > 0),
            "reason": "" if cases >= FEW_CASES else f"n = {cases}: too few cases for a bootstrap interval",
        }
    )
    return roster.table(MISSED, rows)
