"""Linear mixed models of balanced tables: trainers as fixed, cases as random effects."""

from functools import lru_cache

import numpy as np
from scipy import optimize, stats

SCALES = ("raw", "logit", "rank")
ESTIMATES = ("difference", "se", "df", "low", "high", "p", "low_simultaneous", "high_simultaneous", "p_interaction")


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


def rescaled(groups: list[np.ndarray], scale: str) -> list[np.ndarray]:
    """The groups on another scale, as a check: "raw", ranks over all groups, or the "logit" of shares.

    Shares are pulled into (0, 1) as by Smithson and Verkuilen, Psychological Methods 2006.
    """
    flat = np.concatenate([group.ravel() for group in groups])
    if scale == "rank":
        values = stats.rankdata(flat)
    elif scale == "logit":
        values = (flat * (len(flat) - 1) + 0.5) / len(flat)
        values = np.log(values / (1 - values))
    else:
        values = flat
    ends = np.cumsum([group.size for group in groups])[:-1]
    return [part.reshape(group.shape) for part, group in zip(np.split(values, ends), groups, strict=True)]


def mixed_model(groups: list[np.ndarray], base: int, *, confidence: float = 0.95) -> dict[str, object]:
    """Differences of all trainers from one, from value ~ trainer·group + (1 | group:case).

    In a balanced table the random intercept drops out when each case's mean is subtracted, so the estimates and
    standard errors of the mixed model are exact and need no iteration.

    Args:
        groups: values (cases × trainers) of each group (data set); groups weigh the same.
        base: the column that the others are compared with.
        confidence: of the intervals: low, high hold for one difference, low_simultaneous, high_simultaneous for all at
            once (Dunnett).

    Returns:
        `ESTIMATES` of the other columns in their order; p_interaction tests whether the differences are the same in
        every group; `reason` says why all are NaN.
    """
    k, sizes = groups[0].shape[1], np.array([len(group) for group in groups])
    others = [i for i in range(k) if i != base]
    if (sizes < 2).any():
        return {**dict.fromkeys(ESTIMATES, np.nan), "reason": "fewer than two cases in a data set"}
    means = np.array([group.mean(axis=0) for group in groups])
    residual_ss = sum(
        ((group - group.mean(axis=1, keepdims=True) - group.mean(axis=0) + group.mean()) ** 2).sum() for group in groups
    )
    df = int((sizes - 1).sum() * (k - 1))
    variance = residual_ss / df
    difference = (means - means[:, [base]]).mean(axis=0)[others]
    se = np.sqrt(2 * variance * (1 / sizes).sum()) / len(groups)
    t = np.divide(np.abs(difference), se, out=np.full(len(others), np.inf), where=se > 0)
    t[difference == 0] = 0.0
    half = stats.t.isf((1 - confidence) / 2, df) * se
    half_all = dunnett_critical(len(others), df, confidence) * se
    return {
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
