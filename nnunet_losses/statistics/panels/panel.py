"""The unit of every comparison: one table of cases by trainers, the same cases for every trainer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nnunet_losses.statistics.panels.direction import is_higher_better
from nnunet_losses.statistics.panels.policy import DIAGONAL, STATUSES, Policy, filled, worst_values
from nnunet_losses.statistics.panels.seeds import experiment_of, merge_seeds

IDENTITY = ["dataset", "configuration", "label", "metric"]
RUN = ["dataset", "configuration", "trainer", "fold", "seed"]
COLUMNS = [*RUN, "case", "label", "metric", "value", "unit", "status"]


@dataclass(frozen=True)
class Panel:
    """Values (cases × trainers, all finite) of one metric of one label, with what was left out and why.

    trainers: in order of first appearance, the baseline last, so that differences read "trainer minus baseline".
    coverage: one row per trainer, also those left out: n, n_seeds, n_missing, n_both_empty, n_reference_empty,
        n_prediction_empty, n_worst (values that the policy set to the worst), reason.
    repeats: the same cases, one row per case × trainer × seed, before averaging over seeds.
    """

    dataset: str
    configuration: str
    label: str
    metric: str
    unit: str
    higher_is_better: bool
    baseline: str
    trainers: list[str]
    cases: list[str]
    folds: np.ndarray
    values: np.ndarray
    coverage: pd.DataFrame
    repeats: pd.DataFrame

    @property
    def identity(self) -> dict[str, str]:
        """The columns that every row of every table begins with."""
        return {column: getattr(self, column) for column in IDENTITY}

    @property
    def oriented(self) -> np.ndarray:
        """Values turned so that higher is better."""
        return self.values if self.higher_is_better else -self.values

    @property
    def bounds(self) -> tuple[float, float]:
        """What a mean can be: between 0 and 1 for a score."""
        score = self.unit == "1" and self.values.size and self.values.min() >= 0 and self.values.max() <= 1
        return (0.0, 1.0) if score else (-np.inf, np.inf)

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices (a, b) of all pairs of trainers; the baseline is always b."""
        a, b = np.triu_indices(len(self.trainers), 1)
        return a, b

    def differences(self) -> np.ndarray:
        """Paired differences a − b, cases × pairs, freed of rounding noise so that ties are ties."""
        a, b = self.pairs
        return without_rounding_noise(self.values[:, a] - self.values[:, b], scale=self.values)

    def table(self, **columns: object) -> pd.DataFrame:
        """A table whose rows begin with the identity of this panel."""
        frame = pd.DataFrame(columns)
        for position, (name, value) in enumerate(self.identity.items()):
            frame.insert(position, name, value)
        return frame


def without_rounding_noise(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Round to 12 significant digits of the largest value of `scale`: 0.3 − 0.2 and 0.2 − 0.1 become equal."""
    largest = float(np.max(np.abs(scale), initial=0.0))
    decimals = 12 - (int(np.ceil(np.log10(largest))) if largest > 0 else 0)
    return np.round(values, decimals)


def check_cases(cases: pd.DataFrame, baseline: str) -> None:
    """Raise ValueError, in one sentence, where the table of cases cannot be compared."""
    lacking = [column for column in COLUMNS if column not in cases]
    if lacking:
        raise ValueError(f"The table of cases lacks the columns {lacking}; it needs {COLUMNS}.")
    if cases.empty:
        raise ValueError("The table of cases is empty: nothing to compare.")
    unknown = sorted(set(cases["status"]) - set(STATUSES))
    if unknown:
        raise ValueError(f"Unknown status {unknown} in the table of cases; allowed are {list(STATUSES)}.")
    key = [*RUN, "case", "label", "metric"]
    twice = cases.duplicated(key)
    if twice.any():
        first = cases.loc[twice, key].iloc[0].to_dict()
        raise ValueError(f"{int(twice.sum())} rows of the table of cases occur twice, the first is {first}.")
    trainers = sorted(set(merge_seeds(cases)["trainer"]))
    if experiment_of(baseline, cases) not in trainers:
        raise ValueError(f"The baseline {baseline!r} is not among the trainers {trainers}.")


def panels(
    cases: pd.DataFrame,
    *,
    baseline: str,
    metrics: Sequence[str] | None = None,
    policy: Policy | None = None,
    higher_is_better: Mapping[str, bool] | None = None,
) -> Iterator[Panel]:
    """Cut the tidy table of cases into panels, one per dataset × configuration × label × metric.

    Several seeds of one trainer are averaged per case; every trainer of a panel has exactly the same cases.
    Raises ValueError for a malformed table, an unknown baseline or metric.
    """
    check_cases(cases, baseline)
    baseline = experiment_of(baseline, cases)
    policy = policy or Policy()
    present = list(dict.fromkeys(cases["metric"]))
    wanted = [m for m in present if m != DIAGONAL] if metrics is None else list(metrics)
    absent = [m for m in wanted if m not in present]
    if absent:
        raise ValueError(f"The table of cases has no metric {absent}; it has {present}.")
    merged = merge_seeds(cases)
    for (dataset, configuration), study in merged.groupby(["dataset", "configuration"], sort=False):
        trainers = [t for t in dict.fromkeys(study["trainer"]) if t != baseline]
        if baseline in set(study["trainer"]):
            trainers.append(baseline)
        diagonal = study.loc[study["metric"] == DIAGONAL].groupby("case")["value"].max()
        for (label, metric), rows in study.groupby(["label", "metric"], sort=False):
            if metric in wanted:
                better = is_higher_better(str(metric), higher_is_better)
                yield _panel(
                    rows,
                    identity=(str(dataset), str(configuration), str(label), str(metric)),
                    trainers=trainers,
                    baseline=baseline,
                    policy=policy,
                    higher_is_better=better,
                    diagonal=diagonal,
                )


def _panel(
    rows: pd.DataFrame,
    *,
    identity: tuple[str, str, str, str],
    trainers: list[str],
    baseline: str,
    policy: Policy,
    higher_is_better: bool,
    diagonal: pd.Series,
) -> Panel:
    metric = identity[3]
    worst = worst_values(rows, metric, policy, higher_is_better, diagonal)
    rows = rows.assign(filled=filled(rows, metric, policy, higher_is_better, worst))
    wide, has_row = _by_case_and_trainer(rows, trainers)
    if policy.missing == "worst":
        by_case = worst.groupby(rows["case"]).first()
        wide = wide.where(has_row, pd.DataFrame(dict.fromkeys(trainers, by_case)).reindex(wide.index))
        kept = trainers
    else:
        lacking = 1.0 - has_row.mean()
        kept = [t for t in trainers if lacking[t] <= policy.max_missing]
    complete = wide[kept].dropna() if kept else wide.iloc[:0]
    coverage = _coverage(rows, has_row, trainers, kept, complete.index, policy)
    repeats = rows.loc[rows["case"].isin(complete.index) & rows["trainer"].isin(kept)]
    return Panel(
        *identity,
        unit=str(rows["unit"].iloc[0]),
        higher_is_better=higher_is_better,
        baseline=baseline,
        trainers=kept,
        cases=[str(c) for c in complete.index],
        folds=rows.groupby("case", sort=False)["fold"].first().reindex(complete.index).to_numpy(),
        values=complete.to_numpy(dtype=float).reshape(len(complete), len(kept)),
        coverage=coverage,
        repeats=repeats[["case", "trainer", "fold", "seed", "filled"]].rename(columns={"filled": "value"}),
    )


def _by_case_and_trainer(rows: pd.DataFrame, trainers: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values averaged over seeds, cases × trainers, and where there was any row at all."""
    cells = rows.groupby(["case", "trainer"], sort=False)["filled"]
    # A case that one seed lacks is averaged over the other seeds; one that a seed has undefined is undefined.
    table = pd.DataFrame({"mean": cells.mean(), "defined": cells.count(), "rows": cells.size()})
    mean = table["mean"].where(table["defined"] == table["rows"])
    wide = mean.unstack("trainer").reindex(columns=trainers).sort_index()  # noqa: PD010 (a Series has no pivot_table)
    has_row = table["rows"].unstack("trainer").reindex(columns=trainers).sort_index().notna()  # noqa: PD010
    return wide, has_row


def _coverage(
    rows: pd.DataFrame,
    has_row: pd.DataFrame,
    trainers: list[str],
    kept: list[str],
    complete: pd.Index,
    policy: Policy,
) -> pd.DataFrame:
    status = pd.crosstab(rows["trainer"], rows["status"]).reindex(index=trainers, columns=list(STATUSES), fill_value=0)
    undefined = ~rows["value"].map(np.isfinite) & rows["filled"].notna()
    table = pd.DataFrame({"trainer": trainers, "n_cases": len(has_row)})
    table["n"] = [len(complete) if t in kept else 0 for t in trainers]
    table["n_seeds"] = rows.groupby("trainer")["seed"].nunique().reindex(trainers).fillna(0).astype(int).to_numpy()
    table["n_missing"] = (~has_row).sum().reindex(trainers).to_numpy()
    for name in STATUSES[1:]:
        table[f"n_{name}"] = status[name].to_numpy()
    table["n_worst"] = undefined.groupby(rows["trainer"]).sum().reindex(trainers).fillna(0).astype(int).to_numpy()
    table["reason"] = [
        "" if t in kept else f"left out: {missing} of {len(has_row)} cases missing (more than {policy.max_missing:.0%})"
        for t, missing in zip(trainers, table["n_missing"], strict=True)
    ]
    return table
