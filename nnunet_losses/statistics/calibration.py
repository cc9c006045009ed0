"""Calibration before and after temperature scaling: is a loss overconfident, and does one number mend it?"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.special import expit

from nnunet_losses.statistics.estimators.means import mean_interval
from nnunet_losses.statistics.estimators.temperature import HIGHEST, fit_temperature
from nnunet_losses.statistics.panels.roster import Roster
from nnunet_losses.statistics.tables.calibration import (
    AFTER,
    BEFORE,
    RELIABILITY,
    SCORES,
    TEMPERATURE_SCALING,
    TEMPERATURES,
)
from nnunet_losses.statistics.tables.identity import LABEL

BINS = 15
_RUN = [*LABEL, "trainer", "seed"]
_UNSCALED = "one fold: no other folds to fit a temperature on"


def calibration_tables(
    log_odds: pd.DataFrame, rosters: Iterable[Roster], *, confidence: float = 0.95
) -> dict[str, pd.DataFrame]:
    """The tables temperatures (a row per training), temperature_scaling (per trainer) and reliability (per bin).

    In each fold of each run the temperature is the one with the smallest mean negative log-likelihood over the cases of
    the run's *other* folds, so that no case helps to scale itself. All voxels of a case weigh the same, all cases
    together the same. Everything is computed from the bins of the table log_odds, with the mean log-odds of each.
    """
    rows = _with_temperatures(log_odds)
    per_case = _per_case(rows)
    summaries, curves = [], []
    for roster in rosters:
        mine = roster.own(per_case)
        if len(mine):
            summaries.append(_summary(mine, roster, confidence=confidence))
            curves.append(roster.table(RELIABILITY, _reliability(roster.own(rows))))
    return {
        "temperatures": _temperatures(rows),
        "temperature_scaling": TEMPERATURE_SCALING.concat(summaries),
        "reliability": RELIABILITY.concat(curves),
    }


def temperature_of(rows: pd.DataFrame) -> float:
    """The temperature of some cases of a label, from their rows of the table log_odds; NaN without rows."""
    voxels = rows["background"] + rows["foreground"]
    share = 1 / voxels.groupby(rows["case"]).transform("sum")
    return fit_temperature(
        rows["log_odds"].to_numpy(dtype=float),
        (rows["background"] * share).to_numpy(dtype=float),
        (rows["foreground"] * share).to_numpy(dtype=float),
    )


def _with_temperatures(log_odds: pd.DataFrame) -> pd.DataFrame:
    """The rows with the temperature of the other folds, and the number of cases that it was fitted on."""
    parts = []
    for _, rows in log_odds.groupby(_RUN, sort=False):
        for fold, own in rows.groupby("fold", sort=True):
            others = rows[rows["fold"] != fold]
            parts.append(own.assign(temperature=temperature_of(others), fitted=others["case"].nunique()))
    columns = [*log_odds.columns, "temperature", "fitted"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _temperatures(rows: pd.DataFrame) -> pd.DataFrame:
    table = rows[[*_RUN, "fold", "temperature", "fitted"]].drop_duplicates().rename(columns={"fitted": "n"})
    at_end = table["temperature"].isin([HIGHEST, 1 / HIGHEST])
    reason = np.where(table["temperature"].isna(), _UNSCALED, np.where(at_end, "an end of the range 1/20 to 20", ""))
    return TEMPERATURES.build(table.assign(reason=reason))


def _scaled(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """The log-odds before and after."""
    z = rows["log_odds"].to_numpy(dtype=float)
    return {BEFORE: z, AFTER: z / rows["temperature"].to_numpy(dtype=float)}


def _per_case(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per run, fold, case and label: the scores before and after."""
    keys = [*_RUN, "fold", "case", "temperature"]
    background, foreground = (rows[side].to_numpy(dtype=float) for side in ("background", "foreground"))
    sums = {"voxels": background + foreground}
    for when, z in _scaled(rows).items():
        p = expit(z)
        with np.errstate(invalid="ignore"):  # without a temperature
            sums[f"nll_{when}"] = foreground * np.logaddexp(0, -z) + background * np.logaddexp(0, z)
        sums[f"brier_{when}"] = foreground * (1 - p) ** 2 + background * p**2
        gaps = rows[keys].assign(bin=_bin(p), gap=foreground * (1 - p) - background * p)
        of_bin = gaps.groupby([*keys, "bin"], dropna=False)["gap"].transform("sum").abs()
        # the gap of a bin stands in its first row only
        sums[f"ece_{when}"] = of_bin.mask(gaps.duplicated([*keys, "bin"]), 0.0).mask(np.isnan(p)).to_numpy()
    totals = rows[keys].assign(**sums).groupby(keys, sort=False, dropna=False)
    table = totals.sum(min_count=1).reset_index()
    scores = [name for name in sums if name != "voxels"]
    return table.assign(**{name: table[name] / table["voxels"] for name in scores})


def _bin(p: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(p), -1, np.minimum(np.nan_to_num(p) * BINS, BINS - 1)).astype(int)


def _summary(mine: pd.DataFrame, roster: Roster, *, confidence: float) -> pd.DataFrame:
    columns = [f"{score}_{when}" for score in SCORES for when in (BEFORE, AFTER)]
    means = mine.groupby(["case", "trainer"], sort=False)[columns].mean()
    wide = {c: means[c].unstack("trainer").reindex(columns=roster.trainers) for c in columns}  # noqa: PD010
    complete = wide[columns[0]].dropna().index
    n = len(complete)
    table = pd.DataFrame({"trainer": roster.trainers, "n": n})
    table["temperature"] = mine.groupby("trainer")["temperature"].mean().reindex(roster.trainers).to_numpy()
    values = {c: roster.unit_means(wide[c].loc[complete]).to_numpy(dtype=float) for c in columns}
    for column in columns:
        table[column] = values[column].mean(axis=0) if n else np.nan
    gain = values[f"nll_{BEFORE}"] - values[f"nll_{AFTER}"]
    table["gain"] = gain.mean(axis=0) if n else np.nan
    table["gain_low"], table["gain_high"] = np.nan, np.nan
    known = np.isfinite(gain).all(axis=0)
    if n and known.any():
        low, high, *_ = mean_interval(gain[:, known], confidence=confidence)
        table.loc[known, "gain_low"], table.loc[known, "gain_high"] = low, high
    table["reason"] = np.where(table["temperature"].isna(), _UNSCALED, "")
    return roster.table(TEMPERATURE_SCALING, table)


def _reliability(rows: pd.DataFrame) -> pd.DataFrame:
    weight = rows["weight"].to_numpy(dtype=float)
    background, foreground = (rows[side].to_numpy(dtype=float) * weight for side in ("background", "foreground"))
    parts = []
    for when, z in _scaled(rows).items():
        p = expit(z)
        count = background + foreground
        frame = pd.DataFrame(
            {"trainer": rows["trainer"], "bin": _bin(p), "count": count, "p": p * count, "g": foreground}
        )
        sums = frame[np.isfinite(p)].groupby(["trainer", "bin"], sort=False).sum().reset_index()
        sums = sums.assign(scaling=when, confidence=sums["p"] / sums["count"], accuracy=sums["g"] / sums["count"])
        parts.append(sums.drop(columns=["p", "g"]).sort_values(["trainer", "bin"]))
    return pd.concat(parts, ignore_index=True)
