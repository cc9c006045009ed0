"""One ranking over several data sets."""

import numpy as np
import pandas as pd

from nnunet_losses.statistics.estimators.kemeny import kemeny_ranks
from nnunet_losses.statistics.tables.ranking import CONSENSUS


def consensus_table(ranking: pd.DataFrame) -> pd.DataFrame:
    """Mean over data sets and labels of the rank by mean, per configuration and metric; data sets weigh the same.

    Only trainers ranked in every data set are ranked together; `n_datasets` says where each one was. `kemeny` is
    their place in Kemeny's consensus of the data sets' rankings. Empty for one data set.
    """
    rows = []
    for (configuration, metric), own in ranking.groupby(["configuration", "metric"], sort=False):
        datasets = own["dataset"].nunique()
        if datasets < 2:
            continue
        per_set = own.dropna(subset=["rank"]).groupby(["trainer", "dataset"], sort=False)["rank"].mean()
        summary = per_set.groupby("trainer", sort=False).agg(["size", "mean"])
        complete = (summary["size"] == datasets).to_numpy()
        everywhere = summary["mean"].where(complete)
        kemeny = np.full(len(summary), np.nan)
        if complete.any():
            by_set = per_set.unstack("trainer")[summary.index[complete]]  # noqa: PD010 (a Series has no pivot_table)
            kemeny[complete] = kemeny_ranks(by_set.to_numpy())
        table = pd.DataFrame(
            {
                "configuration": configuration,
                "metric": metric,
                "trainer": summary.index,
                "n_datasets": summary["size"].to_numpy(),
                "mean_rank": summary["mean"].to_numpy(),
                "rank": everywhere.rank(method="min").to_numpy(),
                "kemeny": kemeny,
            }
        )
        rows.append(table.sort_values("rank", kind="stable"))
    return CONSENSUS.concat(rows)
