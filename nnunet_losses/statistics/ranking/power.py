"""What this many cases can show at all."""

import numpy as np
import pandas as pd
from statsmodels.stats.power import TTestPower

from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.pairwise import POWER as POWER_TABLE

POWER = 0.8


def power_table(panel: Panel, *, confidence: float = 0.95) -> pd.DataFrame:
    """One row: the smallest possible p, the cases that Holm needs, the difference that would be found.

    smallest_p = 2^(1−n) of a two-sided signed-rank test; n_for_holm is the smallest n at which one pair can survive
    Holm over all pairs; paired_sd is the median SD of the differences to the baseline; detectable_difference would be
    found by a paired t-test in 80 % of such studies.
    """
    n, k = panel.values.shape
    alpha, pairs = 1 - confidence, len(panel.pairs[0])
    differences = panel.differences()[:, panel.against_baseline]
    sd = float(np.median(differences.std(axis=0, ddof=1))) if n > 1 and differences.size else np.nan
    needed = int(np.ceil(1 + np.log2(max(pairs, 1) / alpha)))
    detectable = np.nan
    if n > 2 and np.isfinite(sd):
        detectable = sd * float(TTestPower().solve_power(nobs=n, alpha=alpha, power=POWER, alternative="two-sided"))
    return panel.table(
        POWER_TABLE,
        n=[n],
        k=[k],
        pairs=[pairs],
        smallest_p=[min(1.0, 2.0 ** (1 - n)) if n else np.nan],
        n_for_holm=[needed],
        paired_sd=[sd],
        power=[POWER],
        detectable_difference=[detectable],
        reason=[
            "" if n >= needed else f"n = {n}: no pair can survive Holm over {pairs} pairs, that takes {needed} cases"
        ],
    )
