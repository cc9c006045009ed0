"""False positives where there is nothing to find: the price that a mean over diseased cases hides."""

from collections.abc import Iterable

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from nnunet_losses.statistics.panels.roster import Roster
from nnunet_losses.statistics.tables.detection import NEGATIVES


def negatives_table(rosters: Iterable[Roster], *, confidence: float = 0.95) -> pd.DataFrame:
    """Per trainer: cases without any reference lesion, how many of them hold a false positive, how many on average.

    share_low, share_high: Wilson interval of the share of negative cases with a false positive.
    """
    tables = []
    for roster in rosters:
        own = roster.lesions
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
        tables.append(roster.table(NEGATIVES, rows))
    return NEGATIVES.concat(tables)
