"""The unit of every comparison: one table of cases by trainers, the same cases for every trainer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.base.metrics import Metric
from nnunet_losses.base.states import CaseStatus, Resolution
from nnunet_losses.base.tables.schema import Table
from nnunet_losses.statistics.estimators.rounding import without_rounding_noise
from nnunet_losses.statistics.panels.policy import Policy, resolved, worst_values
from nnunet_losses.statistics.tables.panels import UNDEFINED, VALUES


@dataclass(frozen=True)
class Panel:
    """Values (cases × trainers, all finite) of one metric of one label, with what was left out and why.

    trainers: in order of first appearance, the baseline last, so that differences read "trainer minus baseline".
    resolved: (cases × trainers) what an undefined value was counted as ("worst", "perfect"); empty for a defined one.
    coverage: one row per trainer, also those left out: n_cases, n, n_seeds, n_missing, n_both_empty,
        n_reference_empty, n_prediction_empty, n_worst (values that the policy set to the worst), reason.
    undefined: how many values of each trainer and status were not defined, and what each kind was counted as.
    repeats: the same cases, one row per case × trainer × seed, before averaging over seeds.
    cluster: what the cases belong to, such as their patient, if that is the unit of analysis: then `cases` are the
        clusters, and their values means over the cases of each. Empty if the case itself is the unit.
    units: the unit of every compared case, by case.
    """

    dataset: str
    configuration: str
    label: str
    metric: Metric
    baseline: str
    trainers: list[str]
    cases: list[str]
    folds: np.ndarray
    values: np.ndarray
    resolved: np.ndarray
    coverage: pd.DataFrame
    undefined: pd.DataFrame
    repeats: pd.DataFrame
    units: "pd.Series[str]"
    cluster: str = ""

    @property
    def fewest_seeds(self) -> int:
        """Seeds of the trainer that has the fewest."""
        return int(self.coverage.set_index("trainer")["n_seeds"][self.trainers].min())

    @property
    def side_by_side(self) -> int:
        """Trainings of each loss that stand side by side: folds where there are several, else seeds."""
        folds = len(np.unique(self.folds))
        return folds if folds > 1 else self.fewest_seeds

    @property
    def identity(self) -> dict[str, str]:
        """The columns that every row of every table begins with."""
        return {
            "dataset": self.dataset,
            "configuration": self.configuration,
            "label": self.label,
            "metric": self.metric.name,
        }

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells this panel from others."""
        return self.dataset, self.configuration, self.label, self.metric.name

    @property
    def oriented(self) -> np.ndarray:
        """Values turned so that higher is better."""
        return self.values if self.metric.higher_is_better else -self.values

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices (a, b) of all pairs of trainers; the baseline is always b."""
        a, b = np.triu_indices(len(self.trainers), 1)
        return a, b

    @property
    def pair_names(self) -> dict[str, list[str]]:
        """The columns trainer_a and trainer_b of a table with a row per pair."""
        a, b = self.pairs
        return {"trainer_a": [self.trainers[i] for i in a], "trainer_b": [self.trainers[j] for j in b]}

    @property
    def against_baseline(self) -> np.ndarray:
        """Which pairs are with the baseline."""
        return np.array([self.trainers[j] == self.baseline for j in self.pairs[1]], dtype=bool)

    def differences(self) -> np.ndarray:
        """Paired differences a − b, cases × pairs, freed of rounding noise so that ties are ties."""
        a, b = self.pairs
        return without_rounding_noise(self.values[:, a] - self.values[:, b], scale=self.values)

    def gains(self) -> np.ndarray:
        """Paired differences, turned so that higher is better for a."""
        return self.differences() if self.metric.higher_is_better else -self.differences()

    def without(self, reasons: Mapping[str, str]) -> "Panel":
        """The panel without some trainers; `reasons` says why each is left out."""
        kept = [k for k, trainer in enumerate(self.trainers) if trainer not in reasons]
        now = zip(self.coverage["trainer"], self.coverage["reason"], strict=True)
        reason = [reasons.get(trainer, before) for trainer, before in now]
        return replace(
            self,
            trainers=[self.trainers[k] for k in kept],
            values=self.values[:, kept],
            resolved=self.resolved[:, kept],
            coverage=self.coverage.assign(reason=reason),
            repeats=self.repeats[~self.repeats["trainer"].isin(list(reasons))],
        )

    def table(self, schema: Table, **columns: Any) -> pd.DataFrame:
        """A table whose rows begin with the identity of this panel."""
        frame = pd.DataFrame(columns)
        return schema.build(frame.assign(**self.identity)) if len(frame) else schema.build()

    def values_table(self) -> pd.DataFrame:
        """The values as rows: what every statistic and every figure is made of."""
        cases, trainers = len(self.cases), len(self.trainers)
        return self.table(
            VALUES,
            trainer=np.tile(np.array(self.trainers, dtype=object), cases),
            case=np.repeat(np.array(self.cases, dtype=object), trainers),
            fold=np.repeat(self.folds, trainers),
            value=self.values.ravel(),
            resolved=self.resolved.ravel(),
        )

    def undefined_table(self) -> pd.DataFrame:
        """What became of undefined values."""
        return self.table(UNDEFINED, **{str(name): column.to_numpy() for name, column in self.undefined.items()})


def cut_panel(
    rows: pd.DataFrame,
    *,
    dataset: str,
    configuration: str,
    label: str,
    metric: Metric,
    trainers: Sequence[str],
    baseline: str,
    policy: Policy,
    diagonal: pd.Series,
    clusters: "pd.Series[str] | None" = None,
) -> Panel:
    """Make a panel of the rows of one data set, configuration, label and metric.

    trainers: all of the data set and configuration, the baseline last. diagonal: of the images, in mm, by case.
    clusters: what each case belongs to, by case; its name is that of the cluster. Values are averaged within a cluster,
    over the cases that all trainers have, so that every cluster weighs the same and no two rows depend on each other.
    Source: Matthews et al., Analysis of serial measurements in medical research, BMJ 1990 (summary measures).
    """
    trainers = list(trainers)
    worst = worst_values(rows, metric, policy, diagonal)
    rows = resolved(rows, metric, policy, worst)
    cells = _by_case_and_trainer(rows, trainers)
    wide, has_row, how = cells["value"], cells["rows"].notna(), cells["resolved"]
    if policy.missing == "worst":
        by_case = worst.groupby(rows["case"]).first()
        wide = wide.where(has_row, pd.DataFrame(dict.fromkeys(trainers, by_case)).reindex(wide.index))
        how = how.where(has_row, str(Resolution.WORST))
        kept = trainers
    else:
        lacking = 1.0 - has_row.mean()
        kept = [t for t in trainers if lacking[t] <= policy.max_missing]
    complete = wide[kept].dropna() if kept else wide.iloc[:0]
    repeats = rows.loc[rows["case"].isin(complete.index) & rows["trainer"].isin(kept)]
    repeats = repeats[["case", "trainer", "fold", "seed", "filled"]].rename(columns={"filled": "value"})
    folds = rows.groupby("case", sort=False)["fold"].first().reindex(complete.index)
    coverage = _coverage(rows, has_row, trainers, kept, complete.index, policy)
    how = how[kept].reindex(complete.index)
    units = pd.Series(complete.index.astype(str), index=complete.index)
    if clusters is not None:
        units = clusters.reindex(complete.index).astype(str)
        folds = folds.groupby(units).agg("first")
        complete = complete.groupby(units).mean()
        how = pd.DataFrame({trainer: words.groupby(units).agg(max) for trainer, words in how.items()})
        repeats = repeats.assign(case=repeats["case"].map(units))
        repeats = repeats.groupby(["case", "trainer", "fold", "seed"], sort=False)["value"].mean().reset_index()
    return Panel(
        dataset,
        configuration,
        label,
        metric,
        baseline=baseline,
        trainers=kept,
        cases=[str(c) for c in complete.index],
        folds=folds.to_numpy(),
        values=complete.to_numpy(dtype=float).reshape(len(complete), len(kept)),
        resolved=how.to_numpy(dtype=object).reshape(len(complete), len(kept)),
        coverage=coverage,
        undefined=_undefined(rows),
        repeats=repeats,
        units=units,
        cluster="" if clusters is None else str(clusters.name),
    )


def _by_case_and_trainer(rows: pd.DataFrame, trainers: list[str]) -> dict[str, pd.DataFrame]:
    """Tables of cases × trainers: the value, averaged over seeds, the number of rows, and how it was resolved."""
    # Of several words the last in the alphabet counts; "" is the first, so that one resolved seed marks the case.
    words = ["", *sorted(map(str, Resolution))]
    # As numbers, of which pandas finds the maximum fast.
    rows = rows.assign(resolved=pd.Categorical(rows["resolved"], words).codes)
    groups = rows.groupby(["case", "trainer"], sort=False)
    # A case that one seed lacks is averaged over the other seeds; one that a seed has undefined is undefined.
    table = groups["filled"].agg(["mean", "count", "size"])
    parts = {
        "value": table["mean"].where(table["count"] == table["size"]),
        "rows": table["size"],
        "resolved": groups["resolved"].max().map(dict(enumerate(words))),
    }
    return {
        name: part.unstack("trainer").reindex(columns=trainers).sort_index()  # noqa: PD010 (a Series has no pivot_table)
        for name, part in parts.items()
    }


def _undefined(rows: pd.DataFrame) -> pd.DataFrame:
    kinds = rows[rows["resolved"] != ""].groupby(["trainer", "status", "resolved"], sort=False, observed=True)
    return kinds.size().rename("n").reset_index()


def _coverage(
    rows: pd.DataFrame,
    has_row: pd.DataFrame,
    trainers: list[str],
    kept: list[str],
    complete: pd.Index,
    policy: Policy,
) -> pd.DataFrame:
    empty = [CaseStatus.BOTH_EMPTY, CaseStatus.REFERENCE_EMPTY, CaseStatus.PREDICTION_EMPTY]
    status = pd.crosstab(rows["trainer"], rows["status"]).reindex(index=trainers, columns=empty, fill_value=0)
    worst = (rows["resolved"] != "") & rows["filled"].notna()
    table = pd.DataFrame({"trainer": trainers, "n_cases": len(has_row)})
    table["n"] = [len(complete) if t in kept else 0 for t in trainers]
    table["n_seeds"] = rows.groupby("trainer")["seed"].nunique().reindex(trainers).fillna(0).astype(int).to_numpy()
    table["n_missing"] = (~has_row).sum().reindex(trainers).to_numpy()
    for name in empty:
        table[f"n_{name}"] = status[name].to_numpy()
    table["n_worst"] = worst.groupby(rows["trainer"]).sum().reindex(trainers).fillna(0).astype(int).to_numpy()
    table["reason"] = [
        "" if t in kept else f"left out: {missing} of {len(has_row)} cases missing (more than {policy.max_missing:.0%})"
        for t, missing in zip(trainers, table["n_missing"], strict=True)
    ]
    return table
