"""Which cases and trainers enter the statistics of lesions and thresholds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.base.identity import LABEL
from nnunet_losses.base.tables.schema import Table
from nnunet_losses.statistics.estimators.bootstrap import resample_counts
from nnunet_losses.statistics.panels.policy import Policy

COUNTED_LESIONS = "false_positive_count"  # a metric that every case has whose lesions were counted


@dataclass(frozen=True)
class Roster:
    """The cases that every kept trainer predicted, those without any lesion included.

    seeds: how many repeats of each case (rows) each trainer (columns) has.
    left_out: why a trainer is not compared.
    all_lesions: the table of lesions, repeats merged, of all rosters; None without one.
    clusters: what each case belongs to, by case, if clusters are resampled instead of cases.
    """

    dataset: str
    configuration: str
    label: str
    baseline: str
    trainers: list[str]
    cases: list[str]
    folds: np.ndarray
    seeds: pd.DataFrame
    left_out: dict[str, str]
    all_lesions: pd.DataFrame | None = None
    clusters: "pd.Series[str] | None" = None

    def table(self, schema: Table, rows: pd.DataFrame | Sequence[Mapping[Any, Any]]) -> pd.DataFrame:
        """The rows as a table that begins with dataset, configuration, label."""
        frame = pd.DataFrame(rows)
        identity = {"dataset": self.dataset, "configuration": self.configuration, "label": self.label}
        return schema.build(frame.assign(**identity)) if len(frame) else schema.build()

    @cached_property
    def unit_of(self) -> np.ndarray:
        """The number of each case's independent unit: its cluster, or the case itself."""
        if self.clusters is None:
            return np.arange(len(self.cases))
        return pd.factorize(self.clusters.reindex(self.cases))[0]

    @property
    def n_units(self) -> int:
        """How many independent units there are."""
        return len(set(self.unit_of))

    def draws(self, resamples: int, seed: int) -> np.ndarray:
        """How often each case is drawn, (resamples, cases), where its unit is drawn with replacement.

        Source: Field and Welsh, Bootstrapping clustered data, JRSS B 2007.
        """
        counts = resample_counts(self.n_units, resamples, seed)
        return counts if self.clusters is None else counts[:, self.unit_of]

    def unit_means(self, values: pd.DataFrame) -> pd.DataFrame:
        """Values by case, averaged within units."""
        return values if self.clusters is None else values.groupby(self.clusters.reindex(values.index)).mean()

    def own(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table with merged seeds that belong here, with the case's `position` and `weight` 1/seeds."""
        here = (table["dataset"] == self.dataset) & (table["configuration"] == self.configuration)
        rows = table[here & (table["label"] == self.label) & table["trainer"].isin(self.trainers)]
        position = rows["case"].map({case: i for i, case in enumerate(self.cases)})
        rows = rows.assign(position=position)[position.notna()].astype({"position": int})
        columns = rows["trainer"].map({trainer: i for i, trainer in enumerate(self.trainers)}).to_numpy(dtype=int)
        return rows.assign(weight=1.0 / self.seeds.to_numpy()[rows["position"].to_numpy(), columns])

    @cached_property
    def lesions(self) -> pd.DataFrame:
        """The lesions that belong here, with the case's `position` and `weight`.

        Raises:
            ValueError: there is no table of lesions.
        """
        if self.all_lesions is None:
            raise ValueError("There is no table of lesions.")
        return self.own(self.all_lesions)


def make_rosters(
    cases: pd.DataFrame, *, baseline: str, policy: Policy, lesions: pd.DataFrame | None = None
) -> Iterator[Roster]:
    """One roster per dataset × configuration × label of the table of cases, repeats merged.

    A case of which only voxel counts are known (from nnU-Net's ``summary.json``) is missing: it would seem to hold no
    lesion.
    """
    for key, rows in cases.groupby([*LABEL], sort=False):
        dataset, configuration, label = (str(part) for part in key)
        with_lesions = rows["metric"] == COUNTED_LESIONS
        if with_lesions.any():
            rows = rows[with_lesions]
        order = [t for t in dict.fromkeys(rows["trainer"]) if t != baseline]
        order += [baseline] if baseline in set(rows["trainer"]) else []
        repeats = rows.groupby(["case", "trainer"], sort=False)["seed"].nunique()
        seeds = repeats.unstack("trainer").reindex(columns=order)  # noqa: PD010 (a Series has no pivot_table)
        missing = seeds.isna()
        left_out = {
            t: f"left out: {int(missing[t].sum())} of {len(seeds)} cases missing"
            for t in order
            if missing[t].mean() > policy.max_missing
        }
        kept = [t for t in order if t not in left_out]
        seeds = seeds[kept].dropna().sort_index()
        folds = rows.groupby("case", sort=False)["fold"].first().reindex(seeds.index)
        yield Roster(
            dataset,
            configuration,
            label,
            baseline,
            kept,
            [str(c) for c in seeds.index],
            folds.to_numpy(),
            seeds,
            left_out,
            lesions,
        )
