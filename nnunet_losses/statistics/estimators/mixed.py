"""Linear mixed models: trainers as fixed, cases as random effects, within a data set and across all."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import optimize, stats

from nnunet_losses.statistics.panels.panel import Panel

SCALES = ("raw", "logit", "rank")


@lru_cache(maxsize=256)
def dunnett_critical(contrasts: int, df: int, confidence: float = 0.95) -> float:
    """The two-sided critical value for `contrasts` comparisons with one baseline, correlated by 1/2, at once.

    Source: Dunnett, A multiple comparison procedure for comparing several treatments with a control, JASA 1955.
    """
    z, z_weight = np.polynomial.hermite_e.hermegauss(64)
    z_weight = z_weight / z_weight.sum()
    u, u_weight = np.polynomial.legendre.leggauss(64)
    spread = np.sqrt(stats.chi2.ppf((u + 1) / 2, df) / df)

    def excess(c: float) -> float:
        # Given the baseline's share z of the noise, the contrasts are independent.
        limit = c * spread[:, None] * np.sqrt(2)
        inside = stats.norm.cdf(limit + z) - stats.norm.cdf(-limit + z)
        return float((u_weight / 2) @ inside**contrasts @ z_weight) - confidence

    return float(optimize.brentq(excess, 0.1, 1e4))


def mixed_table(panels: Sequence[Panel], *, confidence: float = 0.95) -> pd.DataFrame:
    """Differences trainer − baseline from metric ~ trainer + (1 | case), per panel and across data sets.

    In a balanced table the random intercept drops out when each case's mean is subtracted, so the estimates and
    standard errors of the mixed model are exact and need no iteration. Across data sets, metric ~ trainer·dataset +
    (1 | dataset:case): every data set weighs the same, several labels are averaged per case first, and p_interaction
    tests whether the differences are the same everywhere. low, high hold for one difference, low_simultaneous,
    high_simultaneous for all of a panel at once (Dunnett). As a check, scores are also modelled as logit (pulled
    into (0, 1) as in Smithson and Verkuilen 2006) and every metric as ranks.
    """
    parts = []
    for panel in panels:
        groups = [panel.values]
        for scale in SCALES:
            rows = _model(groups, panel, panel.trainers, scale, confidence)
            if rows is not None:
                parts.append(panel.table(scope="within", scale=scale, **rows))
    across: dict[tuple[str, str], list[Panel]] = {}
    for panel in panels:
        across.setdefault((panel.configuration, panel.metric), []).append(panel)
    for (configuration, metric), members in across.items():
        datasets = list(dict.fromkeys(panel.dataset for panel in members))
        if len(datasets) < 2:
            continue
        trainers = [t for t in members[0].trainers if all(t in panel.trainers for panel in members)]
        groups = [_label_means([p for p in members if p.dataset == d], trainers) for d in datasets]
        for scale in SCALES:
            rows = _model(groups, members[0], trainers, scale, confidence)
            if rows is not None:
                table = pd.DataFrame({"scope": "across", "scale": scale, **rows})
                for position, (name, value) in enumerate(
                    {"dataset": "all", "configuration": configuration, "label": "all", "metric": metric}.items()
                ):
                    table.insert(position, name, value)
                parts.append(table)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _label_means(panels: Sequence[Panel], trainers: Sequence[str]) -> np.ndarray:
    """Values (cases × trainers) of one data set, averaged over labels where a case has them all."""
    frames = [pd.DataFrame(p.values, index=p.cases, columns=p.trainers)[list(trainers)] for p in panels]
    common = frames[0].index
    for frame in frames[1:]:
        common = common.intersection(frame.index)
    return np.mean([frame.loc[common].to_numpy() for frame in frames], axis=0)


def _scaled(groups: list[np.ndarray], scale: str) -> list[np.ndarray] | None:
    flat = np.concatenate([group.ravel() for group in groups])
    if scale == "rank":
        values = stats.rankdata(flat)
    elif scale == "logit":
        if not len(flat) or flat.min() < 0 or flat.max() > 1:
            return None
        values = (flat * (len(flat) - 1) + 0.5) / len(flat)
        values = np.log(values / (1 - values))
    else:
        values = flat
    ends = np.cumsum([group.size for group in groups])[:-1]
    return [part.reshape(group.shape) for part, group in zip(np.split(values, ends), groups, strict=True)]


def _model(
    groups: list[np.ndarray], panel: Panel, trainers: Sequence[str], scale: str, confidence: float
) -> dict[str, object] | None:
    if panel.baseline not in trainers or len(trainers) < 2 or (scale == "logit" and panel.unit != "1"):
        return None
    scaled = _scaled(groups, scale)
    if scaled is None:
        return None
    base = list(trainers).index(panel.baseline)
    others = [i for i in range(len(trainers)) if i != base]
    k, sizes = len(trainers), np.array([len(group) for group in scaled])
    common = {
        "trainer": [trainers[i] for i in others],
        "baseline": panel.baseline,
        "n": int(sizes.sum()),
    }
    nan = dict.fromkeys(
        ["difference", "se", "df", "low", "high", "p", "low_simultaneous", "high_simultaneous", "p_interaction"], np.nan
    )
    if (sizes < 2).any():
        return {**common, **nan, "reason": "fewer than two cases in a data set"}
    means = np.array([group.mean(axis=0) for group in scaled])
    residual_ss = sum(
        ((group - group.mean(axis=1, keepdims=True) - group.mean(axis=0) + group.mean()) ** 2).sum() for group in scaled
    )
    df = int((sizes - 1).sum() * (k - 1))
    variance = residual_ss / df
    difference = (means - means[:, [base]]).mean(axis=0)[others]
    se = np.sqrt(2 * variance * (1 / sizes).sum()) / len(scaled)
    t = np.divide(np.abs(difference), se, out=np.full(len(others), np.inf), where=se > 0)
    t[difference == 0] = 0.0
    half = stats.t.isf((1 - confidence) / 2, df) * se
    half_all = dunnett_critical(len(others), df, confidence) * se
    return {
        **common,
        "difference": difference,
        "se": se,
        "df": df,
        "low": difference - half,
        "high": difference + half,
        "p": 2 * stats.t.sf(t, df),
        "low_simultaneous": difference - half_all,
        "high_simultaneous": difference + half_all,
        "p_interaction": _interaction_p(means, sizes, variance, df),
        "reason": "",
    }


def _interaction_p(means: np.ndarray, sizes: np.ndarray, variance: float, df: int) -> float:
    sets, k = means.shape
    if sets < 2 or variance == 0:
        return float("nan")
    centred = means - means.mean(axis=1, keepdims=True)
    pooled = np.average(centred, axis=0, weights=sizes)
    between = (sizes[:, None] * (centred - pooled) ** 2).sum() / ((sets - 1) * (k - 1))
    return float(stats.f.sf(between / variance, (sets - 1) * (k - 1), df))
