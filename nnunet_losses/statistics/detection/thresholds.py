"""Threshold fairness: a better ranking of voxels, or only a moved operating point?"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from nnunet_losses.statistics.estimators.means import mean_interval
from nnunet_losses.statistics.estimators.ranks import best_first
from nnunet_losses.statistics.panels.roster import Roster
from nnunet_losses.statistics.tables.detection import SCORES, THRESHOLD_CASES, THRESHOLDS
from nnunet_losses.statistics.tables.identity import LABEL

DEFAULT = 0.5
PARTS = 5  # of the cases, where one fold was trained


def threshold_tables(
    thresholds: pd.DataFrame, rosters: Iterable[Roster], *, confidence: float = 0.95
) -> dict[str, pd.DataFrame]:
    """The tables threshold_cases (a row per case and run) and thresholds (a row per trainer).

    In each fold of each run the threshold is the one with the best mean Dice over the cases of the run's *other*
    folds (ties: nearest to 0.5), so that no case helps to choose its own. Cases without reference are left out: there
    Dice is 0 or undefined. Of a single fold, five parts of its cases take the place of the folds; of a single case the
    tuned columns are NaN.
    """
    per_case = choose_thresholds(with_scores(thresholds))
    summaries = []
    for roster in rosters if len(per_case) else []:
        mine = roster.own(per_case)
        if len(mine):
            summaries.append(_summary(mine, roster, confidence=confidence))
    return {"thresholds": THRESHOLDS.concat(summaries), "threshold_cases": per_case}


def with_scores(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the cases with a reference, with their Dice, recall and precision."""
    tp, fp, fn = (table[name].to_numpy(dtype=float) for name in ("tp", "fp", "fn"))
    positive = tp + fn > 0
    table, tp, fp, fn = table[positive], tp[positive], fp[positive], fn[positive]
    precision = np.divide(tp, tp + fp, out=np.zeros_like(tp), where=tp + fp > 0)
    return table.assign(dice=2 * tp / (2 * tp + fp + fn), recall=tp / (tp + fn), precision=precision)


def best_threshold(scores: pd.DataFrame) -> float:
    """The threshold with the best mean Dice over the cases of one run and label; ties: nearest to 0.5."""
    by_threshold = scores.groupby("threshold")["dice"]
    return _best(by_threshold.sum(), by_threshold.count())


def _best(sums: "pd.Series[float]", counts: "pd.Series[int]") -> float:
    """The threshold with the largest sum / count, both by threshold."""
    return float((sums / counts)[_nearest_first(sums.index.to_numpy())].round(12).idxmax())  # type: ignore[arg-type]


def _nearest_first(thresholds: np.ndarray) -> np.ndarray:
    grid = np.sort(thresholds)
    return grid[np.argsort(np.abs(grid - DEFAULT), kind="stable")]


def choose_thresholds(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per run, case and label: scores at 0.5 and at the threshold chosen on the other folds."""
    run = [*LABEL, "trainer", "seed"]
    parts = []
    for key, rows in scores.groupby(run, sort=False):
        default_threshold = _nearest_first(rows["threshold"].unique())[0]
        rows = rows.assign(group=_groups(rows))
        sums = rows.pivot_table(index="group", columns="threshold", values="dice", aggfunc="sum")
        counts = rows.pivot_table(index="group", columns="threshold", values="dice", aggfunc="count")
        for own in sums.index:
            others = sums.index != own
            chosen = _best(sums[others].sum(), counts[others].sum()) if others.any() else np.nan
            part = rows[rows["group"] == own]
            wanted = ["fold", "case", *SCORES]
            default = part.loc[part["threshold"] == default_threshold, wanted]
            tuned = part.loc[part["threshold"] == chosen, ["case", *SCORES]]
            merged = default.merge(tuned, on="case", how="left", suffixes=("_default", "_tuned"), validate="one_to_one")
            identity = dict(zip(run, key, strict=True))
            parts.append(merged.assign(threshold=chosen, default_threshold=default_threshold, **identity))
    return THRESHOLD_CASES.concat(parts)


def _groups(rows: pd.DataFrame) -> np.ndarray:
    """What each row's threshold is chosen without: its fold, or a fifth of the cases where there is one fold."""
    if len(rows["fold"].unique()) > 1:
        return rows["fold"].to_numpy()
    case = rows["case"].astype("category").cat.codes.to_numpy()
    return np.asarray(case % PARTS)


def _summary(mine: pd.DataFrame, roster: Roster, *, confidence: float) -> pd.DataFrame:
    columns = [f"{s}_{when}" for s in SCORES for when in ("default", "tuned")]
    means = mine.groupby(["case", "trainer"], sort=False)[[*columns, "threshold"]].mean()
    wide = {c: means[c].unstack("trainer").reindex(columns=roster.trainers) for c in columns}  # noqa: PD010
    complete = wide["dice_default"].dropna().index
    n = len(complete)
    table = pd.DataFrame({"trainer": roster.trainers, "n": n})
    table["threshold"] = mine.groupby("trainer")["threshold"].mean().reindex(roster.trainers).to_numpy()
    samples = {}
    for column in columns:
        values = roster.unit_means(wide[column].loc[complete]).to_numpy(dtype=float)
        table[column] = values.mean(axis=0) if n else np.nan
        if column.startswith("dice") and n:
            samples[column] = values
            low, high, *_ = mean_interval(values, confidence=confidence, bounds=(0, 1))
            table[f"{column}_low"], table[f"{column}_high"] = low, high
    if n:
        gain = samples["dice_tuned"] - samples["dice_default"]
        table["gain"] = gain.mean(axis=0)
        table["gain_low"], table["gain_high"], *_ = mean_interval(gain, confidence=confidence, bounds=(-1, 1))
    for when in ("default", "tuned"):
        score = table[f"dice_{when}"].to_numpy(dtype=float)
        table[f"rank_{when}"] = best_first(score) if np.isfinite(score).all() and n else np.nan
    across = "one fold: thresholds chosen across its cases" if len(mine["fold"].unique()) == 1 else ""
    table["reason"] = np.where(table["threshold"].isna(), "one case: no other to choose a threshold on", across)
    missing = {name: np.nan for name in THRESHOLDS.columns if name not in table and name not in LABEL}
    return roster.table(THRESHOLDS, table.assign(**missing))
