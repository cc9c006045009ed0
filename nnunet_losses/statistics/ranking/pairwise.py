"""Every trainer against every other: is there a difference, how large, how sure."""

import numpy as np
import pandas as pd

from nnunet_losses.statistics.estimators.bayes import KEPT_DRAWS, bayesian_signed_rank, posterior_draws
from nnunet_losses.statistics.estimators.cliff import cliffs_delta
from nnunet_losses.statistics.estimators.false_claim import false_claim_probability
from nnunet_losses.statistics.estimators.friedman import friedman
from nnunet_losses.statistics.estimators.hodges_lehmann import hodges_lehmann, interval_rank
from nnunet_losses.statistics.estimators.multiplicity import holm
from nnunet_losses.statistics.estimators.ranks import case_ranks
from nnunet_losses.statistics.estimators.rounding import without_rounding_noise
from nnunet_losses.statistics.estimators.sign_flip import sign_flip_p
from nnunet_losses.statistics.estimators.signed_rank import signed_rank
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.pairwise import FRIEDMAN, NEMENYI, PAIRWISE, POSTERIOR


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
    better = panel.gains()
    location = np.array([hodges_lehmann(column, confidence=confidence) for column in d.T]).reshape(-1, 3)
    p_baseline = np.full(len(a), np.nan)
    p_baseline[panel.against_baseline] = holm(ranks.p[panel.against_baseline])
    bayes = bayesian_signed_rank(better, rope=rope, draws=draws, seed=seed)
    reason = ""
    if interval_rank(n, confidence) == 0:
        reason = f"n = {n}: no {confidence:.0%} interval, the smallest possible p is {min(1.0, 2.0 ** (1 - n)):.3g}"
    if n == 0:
        reason = "no case in which every trainer has a value"
    return panel.table(
        PAIRWISE,
        **panel.pair_names,
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
        rank_biserial=ranks.rank_biserial if panel.metric.higher_is_better else -ranks.rank_biserial,
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


def posterior_table(panel: Panel, *, rope: float = 0.0, draws: int = KEPT_DRAWS, seed: int = 0) -> pd.DataFrame:
    """A few draws of the posterior of every pair with the baseline: the dots of the triangle that Benavoli draws."""
    chosen = panel.against_baseline
    shares = posterior_draws(panel.gains()[:, chosen], rope=rope, draws=draws, seed=seed).round(4)
    names = np.array(panel.pair_names["trainer_a"], dtype=object)[chosen]
    return panel.table(
        POSTERIOR,
        trainer_a=np.repeat(names, shares.shape[1]),
        trainer_b=panel.baseline,
        better=shares[:, :, 0].ravel(),
        equivalent=shares[:, :, 1].ravel(),
        worse=shares[:, :, 2].ravel(),
    )


def friedman_tables(panel: Panel, *, confidence: float = 0.95) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(friedman, nemenyi): the test of all trainers at once in one row, and all pairs of mean ranks."""
    n, k = panel.values.shape
    a, b = panel.pairs
    test = friedman(case_ranks(panel.oriented) if n else panel.values, confidence=confidence)
    names = ("chi2", "p_chi2", "f", "p_f", "critical_difference", "reason")
    row = panel.table(FRIEDMAN, n=[n], k=[k], **{name: [getattr(test, name)] for name in names})
    pairs = panel.table(
        NEMENYI,
        **panel.pair_names,
        mean_rank_a=test.mean_ranks[a],
        mean_rank_b=test.mean_ranks[b],
        p=test.p_pairs,
        critical_difference=test.critical_difference,
    )
    return row, pairs
