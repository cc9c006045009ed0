"""Every trainer against every other: is there a difference, how large, how sure."""

import numpy as np
import pandas as pd
from scipy import stats

from nnunet_losses.statistics.estimators.bayes import bayesian_signed_rank
from nnunet_losses.statistics.estimators.cliff import cliffs_delta
from nnunet_losses.statistics.estimators.hodges_lehmann import hodges_lehmann, interval_rank
from nnunet_losses.statistics.estimators.sign_flip import sign_flip_p
from nnunet_losses.statistics.estimators.signed_rank import signed_rank
from nnunet_losses.statistics.panels.panel import Panel, without_rounding_noise


def false_claim_probability(differences: np.ndarray) -> np.ndarray:
    """P(the trainer that looks better is not): t_{n−1}(−√n·|mean| / sd) of each column; NaN below two cases.

    With sd² = s_A² + s_B² − 2·r·s_A·s_B, the spread of the paired differences.
    Source: Christodoulou et al., False promises in medical imaging AI?, arXiv 2505.04720, 2025.
    """
    n, pairs = differences.shape
    if n < 2:
        return np.full(pairs, np.nan)
    mean, sd = np.abs(differences.mean(axis=0)), differences.std(axis=0, ddof=1)
    t = np.divide(np.sqrt(n) * mean, sd, out=np.where(mean > 0, np.inf, 0.0), where=sd > 0)
    return stats.t.cdf(-t, n - 1)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values; NaN stay NaN and do not count as tests.

    p₍ᵢ₎ times the number of hypotheses left, never falling, at most 1.
    Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 1979.
    """
    adjusted = np.full(len(p), np.nan)
    valid = np.flatnonzero(np.isfinite(p))
    order = valid[np.argsort(p[valid], kind="stable")]
    left = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * left))
    return adjusted


def pairwise_table(
    panel: Panel,
    *,
    rope: float = 0.0,
    confidence: float = 0.95,
    resamples: int = 10_000,
    draws: int = 4_000,
    seed: int = 0,
) -> pd.DataFrame:
    """One row per pair of trainers; every difference is trainer_a − trainer_b in the metric's unit.

    difference, low, high: Hodges-Lehmann over all cases, ties included. p: Wilcoxon, p_holm over all pairs of the
    panel, p_holm_baseline over the pairs with the baseline alone. wins, draws, losses: cases where a is better
    than b by more than `rope`, within it, worse. p_better, p_equivalent, p_worse: Bayesian signed-rank.
    """
    a, b = panel.pairs
    d = panel.differences()
    n = len(d)
    ranks = signed_rank(d)
    better = d if panel.higher_is_better else -d
    location = np.array([hodges_lehmann(column, confidence=confidence) for column in d.T]).reshape(-1, 3)
    against_baseline = np.array([panel.trainers[j] == panel.baseline for j in b], dtype=bool)
    p_baseline = np.full(len(a), np.nan)
    p_baseline[against_baseline] = holm(ranks.p[against_baseline])
    bayes = bayesian_signed_rank(better, rope=rope, draws=draws, seed=seed)
    reason = ""
    if interval_rank(n, confidence) == 0:
        reason = f"n = {n}: no {confidence:.0%} interval, the smallest possible p is {min(1.0, 2.0 ** (1 - n)):.3g}"
    if n == 0:
        reason = "no case in which every trainer has a value"
    return panel.table(
        trainer_a=[panel.trainers[i] for i in a],
        trainer_b=[panel.trainers[j] for j in b],
        n=n,
        ties=(d == 0).sum(axis=0),
        mean_difference=d.mean(axis=0) if n else np.full(len(a), np.nan),
        difference=location[:, 0],
        low=location[:, 1],
        high=location[:, 2],
        p=ranks.p,
        p_holm=holm(ranks.p),
        p_holm_baseline=p_baseline,
        p_signflip=sign_flip_p(d, resamples=resamples, seed=seed),
        p_pratt=ranks.p_pratt,
        rank_biserial=ranks.rank_biserial if panel.higher_is_better else -ranks.rank_biserial,
        cliffs_delta=cliffs_delta(without_rounding_noise(panel.oriented, scale=panel.values), a, b),
        rope=rope,
        wins=(better > rope).sum(axis=0),
        draws=(np.abs(better) <= rope).sum(axis=0),
        losses=(better < -rope).sum(axis=0),
        p_better=bayes[:, 0],
        p_equivalent=bayes[:, 1],
        p_worse=bayes[:, 2],
        p_false_claim=false_claim_probability(d),
        reason=reason,
    )
