"""False positives where there is nothing to find: the price that a mean over diseased cases hides."""

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from nnunet_losses.statistics.panels.policy import Policy
from nnunet_losses.statistics.panels.roster import rosters
from nnunet_losses.statistics.panels.seeds import merge_seeds


def negatives_table(
    lesions: pd.DataFrame,
    cases: pd.DataFrame,
    *,
    baseline: str,
    confidence: float = 0.95,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Per trainer: cases without any reference lesion, how many of them hold a false positive, how many on average.

    share_low, share_high: Wilson interval of the share of negative cases with a false positive.
    """
    merged = merge_seeds(lesions, cases)
    tables = []
    for roster in rosters(cases, baseline=baseline, policy=policy):
        own = roster.own(merged)
        positive = set(own.loc[own["side"] == "reference", "position"])
        negative = len(roster.cases) - len(positive)
        invented = own[(own["side"] == "prediction") & ~own["position"].isin(positive)]
        rows = []
        for trainer in roster.trainers:
            mine = invented[invented["trainer"] == trainer]
            # With several seeds a case counts by the share of seeds that invent something in it.
            runs = mine.drop_duplicates(["position", "seed"])
            affected = float(runs["weight"].sum())
            low, high = (
                proportion_confint(affected, negative, alpha=1 - confidence, method="wilson")
                if negative
                else (float("nan"), float("nan"))
            )
            rows.append(
                {
                    "trainer": trainer,
                    "n_cases": len(roster.cases),
                    "n_negative": negative,
                    "with_false_positives": affected,
                    "share_low": low,
                    "share_high": high,
                    "false_positives_per_case": mine["weight"].sum() / negative if negative else float("nan"),
                }
            )
        tables.append(roster.table(rows))
    return pd.concat(tables, ignore_index=True)
