"""One ranking over several data sets."""

import pandas as pd


def consensus_table(ranking: pd.DataFrame) -> pd.DataFrame:
    """Mean over data sets and labels of the rank by mean, per configuration and metric; data sets weigh the same.

    Only trainers ranked in every data set are ranked together; `n_datasets` says where each one was. Empty for one
    data set.
    """
    rows = []
    for (configuration, metric), own in ranking.groupby(["configuration", "metric"], sort=False):
        datasets = own["dataset"].nunique()
        if datasets < 2:
            continue
        per_set = own.dropna(subset=["rank"]).groupby(["trainer", "dataset"], sort=False)["rank"].mean()
        summary = per_set.groupby("trainer", sort=False).agg(["size", "mean"])
        everywhere = summary["mean"].where(summary["size"] == datasets)
        table = pd.DataFrame(
            {
                "configuration": configuration,
                "metric": metric,
                "trainer": summary.index,
                "n_datasets": summary["size"].to_numpy(),
                "mean_rank": summary["mean"].to_numpy(),
                "rank": everywhere.rank(method="min").to_numpy(),
            }
        )
        rows.append(table.sort_values("rank", kind="stable"))
    columns = ["configuration", "metric", "trainer", "n_datasets", "mean_rank", "rank"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)
