"""All trainers at once: Friedman's test with cases as blocks, and Nemenyi's critical difference."""

import numpy as np
import pandas as pd
from scipy import stats

from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.ranking.ranks import case_ranks


def critical_difference(k: int, n: int, *, confidence: float = 0.95) -> float:
    """Smallest significant difference of mean ranks: q/√2 · √(k(k+1)/(6n)), q of the studentized range, df = ∞.

    Source: Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 2006, section 3.2.2.
    """
    q = stats.studentized_range.ppf(confidence, k, np.inf)
    return float(q / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n)))


def friedman_tables(panel: Panel, *, confidence: float = 0.95) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(friedman, nemenyi): the test of one panel in one row, and all pairs of mean ranks.

    chi2 is corrected for ties; f is Iman and Davenport's less conservative form. Fewer than three trainers or two
    cases, or all trainers equal in every case, allow no test: NaN with a reason.
    Sources: Friedman 1937; Iman and Davenport 1980; Nemenyi 1963.
    """
    n, k = panel.values.shape
    row: dict[str, object] = dict.fromkeys(["chi2", "p_chi2", "f", "p_f", "critical_difference"], np.nan)
    ranks = case_ranks(panel) if n else np.full((1, k), np.nan)
    a, b = panel.pairs
    mean = ranks.mean(axis=0)
    p = np.full(len(a), np.nan)
    if k < 3 or n < 2:
        row["reason"] = f"{k} trainers and {n} cases: Friedman's test needs three and two"
    elif np.all(ranks == (k + 1) / 2):
        row["reason"] = "all trainers equal in every case"
    else:
        chi2, p_chi2 = stats.friedmanchisquare(*ranks.T)
        denominator = n * (k - 1) - chi2
        f = (n - 1) * chi2 / denominator if denominator > 1e-9 * n else np.inf
        row |= {"chi2": float(chi2), "p_chi2": float(p_chi2), "f": f, "reason": ""}
        row["p_f"] = float(stats.f.sf(f, k - 1, (k - 1) * (n - 1)))
        row["critical_difference"] = critical_difference(k, n, confidence=confidence)
        scaled = np.abs(mean[a] - mean[b]) / np.sqrt(k * (k + 1) / (12 * n))
        p = np.asarray(stats.studentized_range.sf(scaled, k, np.inf))
    friedman = panel.table(n=[n], k=[k], **{name: [value] for name, value in row.items()})
    nemenyi = panel.table(
        trainer_a=[panel.trainers[i] for i in a],
        trainer_b=[panel.trainers[j] for j in b],
        mean_rank_a=mean[a],
        mean_rank_b=mean[b],
        p=p,
        critical_difference=row["critical_difference"],
    )
    return friedman, nemenyi
