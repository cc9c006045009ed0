"""Is a lesion of the same size more likely to be found than by the baseline?"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats

from nnunet_losses.statistics.panels.roster import Roster
from nnunet_losses.statistics.tables.detection import LESION_MODEL, TERMS


def lesion_model_table(rosters: Iterable[Roster], *, confidence: float = 0.95) -> pd.DataFrame:
    """Logistic model hit ~ trainer · log₂(diameter), one fit per trainer against the baseline, clustered by case.

    Equal to a GEE with independence working correlation; repeats with other seeds stay in their case's cluster.
    Odds ratios of: the trainer at the median diameter, a doubling of the diameter (baseline), and how the trainer
    changes the latter (below 1: it gains most on small lesions). NaN with a reason where every lesion, or none, is
    found, or size separates the found from the missed.
    Source: Liang and Zeger, Biometrika 1986.
    """
    tables = []
    for roster in rosters:
        own = roster.lesions[roster.lesions["side"] == "reference"]
        rows: list[dict[str, object]] = []
        for trainer in roster.trainers:
            if trainer != roster.baseline and roster.baseline in roster.trainers and len(own):
                both = own[own["trainer"].isin([trainer, roster.baseline])]
                rows += _fit(both, roster.unit_of[both["position"].to_numpy()], trainer, confidence)
        tables.append(roster.table(LESION_MODEL, rows))
    return LESION_MODEL.concat(tables)


def _fit(rows: pd.DataFrame, units: np.ndarray, trainer: str, confidence: float) -> list[dict[str, object]]:
    hit = rows["matched"].to_numpy(dtype=float)
    is_trainer = (rows["trainer"] == trainer).to_numpy(dtype=float)
    size = np.log2(rows["diameter_mm"].to_numpy(dtype=float))
    size = size - np.median(size)
    design = np.column_stack([np.ones_like(size), is_trainer, size, is_trainer * size])
    common = {"trainer": trainer, "n_lesions": len(rows), "n_cases": rows["position"].nunique()}
    nan = dict.fromkeys(["odds_ratio", "low", "high", "p"], np.nan)
    if hit[is_trainer == 1].std() == 0 or hit[is_trainer == 0].std() == 0:
        reason = "all or none of the lesions found: no finite odds ratio"
        return [{**common, "term": term, **nan, "reason": reason} for term in TERMS]
    if np.linalg.matrix_rank(design) < design.shape[1] or len(set(units)) < design.shape[1]:
        reason = "too few cases or sizes for the model"
        return [{**common, "term": term, **nan, "reason": reason} for term in TERMS]
    # With a slope for each trainer, the likelihood is a product over the two: one of them separated has no maximum.
    if any(_separated(size[is_trainer == one], hit[is_trainer == one]) for one in (0, 1)):
        reason = "size separates found from missed lesions: no finite odds ratio"
        return [{**common, "term": term, **nan, "reason": reason} for term in TERMS]
    model = sm.GLM(hit, design, family=sm.families.Binomial())
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": units})
    z = stats.norm.isf((1 - confidence) / 2)
    return [
        {
            **common,
            "term": term,
            "odds_ratio": np.exp(fit.params[k]),
            "low": np.exp(fit.params[k] - z * fit.bse[k]),
            "high": np.exp(fit.params[k] + z * fit.bse[k]),
            "p": fit.pvalues[k],
            "reason": "",
        }
        for k, term in enumerate(TERMS, start=1)
    ]


def _separated(size: NDArray[np.float64], hit: NDArray[np.float64]) -> bool:
    """Whether a limit of size divides the found lesions from the missed ones; on the limit there may be both."""
    found, missed = size[hit == 1], size[hit == 0]
    return bool(found.min() >= missed.max() or found.max() <= missed.min())
