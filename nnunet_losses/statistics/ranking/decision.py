"""One word for each pair of losses, from intervals that hold for new trainings wherever there are several."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from nnunet_losses.base.states import RunStatus, Word
from nnunet_losses.base.tables.results import COLLAPSED
from nnunet_losses.statistics.estimators.forecast import Aim, Now, both_needed, cases_needed, seeds_needed
from nnunet_losses.statistics.estimators.hodges_lehmann import hodges_lehmann
from nnunet_losses.statistics.estimators.retraining import (
    Differences,
    loss_effects,
    pair_medians,
    retrained,
    seeds_act_alike,
)
from nnunet_losses.statistics.estimators.rounding import without_rounding_noise
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.decision import DECISIONS, FORECASTS

ALPHA = 0.05
SEEDS_ALIKE = "seeds act alike in all folds"
"""The reason beside a decision on losses of which folds are no independent trainings."""


def word_for(low: float, high: float, low_90: float, high_90: float, margin: float) -> Word:
    """The word for a difference in the direction of benefit.

    low, high: its 95 % interval; low_90, high_90: its 90 % interval, which decides equivalence by two one-sided tests;
    margin: the difference that nobody would act on. NaN, an interval that does not exist, decides nothing.
    Source: Piaggio et al., Reporting of noninferiority and equivalence randomized trials, JAMA 2012.
    """
    if (-margin < low_90 and high_90 < margin) or low == high == 0:
        return Word.EQUIVALENT
    if low > 0:
        return Word.BETTER
    if high < 0:
        return Word.WORSE
    if low > -margin:
        return Word.NOT_WORSE
    if high < margin:
        return Word.NOT_BETTER
    return Word.UNDECIDED


def decisions_table(
    panel: Panel, *, margin: float, unsteady: Collection[str] = (), alpha: float = ALPHA, forecast: bool = False
) -> pd.DataFrame:
    """One row per pair of trainers, those that were left out included, with the word that their comparison comes to.

    unsteady: trainers of which a training collapsed or diverged; their spread is not taken for that of others, and
    they are not compared where a prediction of nothing has the best value. alpha: 1 − the confidence of the intervals,
    and half of 1 − that for equivalence. forecast: whether to say how many seeds or cases would decide a pair.
    """
    if panel.metric.rewards_silence:
        panel = panel.without(dict.fromkeys(unsteady, "left out: some of its trainings predict nothing"))
    n = len(panel.cases)
    parts = []
    if len(panel.trainers) > 1 and n >= 2:
        columns = _columns(panel)
        found = _of_losses(panel, columns, unsteady, margin, alpha, forecast) if len(columns) > 1 else None
        parts.append(_of_models(panel, alpha) if found is None else found)
    elif len(panel.trainers) > 1:
        parts.append(not_comparable(panel.pair_names, f"{n} common cases: a comparison needs two"))
    reasons = zip(panel.coverage["trainer"].astype(str), panel.coverage["reason"].astype(str), strict=True)
    left_out = {t: r for t, r in reasons if t not in panel.trainers}
    parts.append(with_those_left_out(panel.trainers, left_out, panel.baseline))
    rows = decided(parts, margin=margin, n=n, bounds=panel.metric.bounds)
    return panel.table(DECISIONS, **{str(name): column.to_numpy() for name, column in rows.items()})


def decided(
    parts: Sequence[pd.DataFrame], *, margin: float, n: int, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> pd.DataFrame:
    """Rows of pairs, put together and given their words; empty if there are none.

    bounds: of a value; no end of an interval lies beyond the largest difference that there can be.
    """
    full = [part for part in parts if len(part)]
    if not full:
        return pd.DataFrame()
    rows = pd.concat(full, ignore_index=True).assign(margin=margin, n=n)
    limits, largest = ["low", "high", "low_90", "high_90"], bounds[1] - bounds[0]
    rows[limits] = rows[limits].clip(-largest, largest)
    ends = rows[limits].to_numpy(dtype=float)
    words = [str(word_for(*map(float, row), margin=margin)) for row in ends]  # type: ignore[misc]
    rows["word"] = rows["word"].where(rows["word"] != "", pd.Series(words))
    decisive = ~rows["word"].isin([Word.UNDECIDED, Word.NOT_WORSE, Word.NOT_BETTER])
    return rows.assign(**{name: rows[name].mask(decisive) for name in FORECASTS})


def of_losses(
    names: Mapping[str, Sequence[str]], found: Differences, *, trainings: int, alpha: float = ALPHA, alike: bool = False
) -> pd.DataFrame:
    """Rows about losses, from differences that hold for new trainings.

    alike: whether the trainings are seeds that act alike in all of several folds.
    """
    low, high = found.interval(1 - alpha)
    low_90, high_90 = found.interval(1 - 2 * alpha)
    return pd.DataFrame(
        {
            **names, "subject": "losses", "word": "", "difference": found.estimate, "low": low, "high": high,
            "low_90": low_90, "high_90": high_90, "se": found.se, "df": found.df, "trainings": trainings,
            **dict.fromkeys(FORECASTS, np.nan), "reason": SEEDS_ALIKE if alike else "",
        }
    )  # fmt: skip


def of_models(
    names: Mapping[str, Sequence[str]],
    estimate: np.ndarray,
    interval: Sequence[np.ndarray],
    interval_90: Sequence[np.ndarray],
    reason: str = "",
) -> pd.DataFrame:
    """Rows about the models that were trained, from intervals over cases alone."""
    return pd.DataFrame(
        {
            **names, "subject": "models", "word": "", "difference": estimate, "low": interval[0], "high": interval[1],
            "low_90": interval_90[0], "high_90": interval_90[1], "se": np.nan, "df": np.nan, "trainings": 1,
            **dict.fromkeys(FORECASTS, np.nan), "reason": reason,
        }
    )  # fmt: skip


def not_comparable(names: Mapping[str, Sequence[str]], reason: str) -> pd.DataFrame:
    """Rows of pairs that cannot be compared."""
    nothing = np.full(len(names["trainer_a"]), np.nan)
    rows = of_models(names, nothing, (nothing, nothing), (nothing, nothing), reason)
    return rows.assign(word=str(Word.NOT_COMPARABLE), trainings=0)


def with_those_left_out(compared: Sequence[str], left_out: Mapping[str, str], baseline: str) -> pd.DataFrame:
    """A row for each pair of which a trainer is left out; `left_out` says why, in the order of the trainers."""
    pairs = [(out, other) for out in left_out for other in compared] + list(combinations(left_out, 2))
    turned = [(b, a) if a == baseline else (a, b) for a, b in pairs]
    rows = not_comparable({"trainer_a": [a for a, _ in turned], "trainer_b": [b for _, b in turned]}, "")
    reasons = ["; ".join(f"{t} is {left_out[t]}" for t in pair if t in left_out) for pair in pairs]
    return rows.assign(reason=reasons)


def pair_names(trainers: Sequence[str]) -> dict[str, list[str]]:
    """The columns trainer_a and trainer_b of all pairs, in the order of ``np.triu_indices``."""
    pairs = list(combinations(trainers, 2))
    return {"trainer_a": [a for a, _ in pairs], "trainer_b": [b for _, b in pairs]}


def failed_runs(jobs: pd.DataFrame) -> "pd.Series[bool]":
    """Which trainings of a table of jobs collapsed or diverged."""
    return jobs[COLLAPSED] | (jobs["status"] == RunStatus.DIVERGED)


def failed_trainings(jobs: pd.DataFrame | None, panel: Panel) -> dict[str, int]:
    """How many trainings of each trainer of the panel collapsed or diverged; those without any are not named.

    Without a table of trainings, those of which all cases have the worst value there can be.
    """
    if jobs is not None:
        here = jobs[(jobs["dataset"] == panel.dataset) & (jobs["configuration"] == panel.configuration)]
        runs = here.loc[failed_runs(here), "trainer"]
        return {str(t): int(n) for t, n in runs.value_counts().items() if t in panel.trainers}
    worst = panel.metric.worst
    if worst is None:
        return {}
    at_worst = (panel.repeats["value"] == worst).groupby([panel.repeats[k] for k in ("trainer", "fold", "seed")])
    failed = at_worst.mean().eq(1) & at_worst.size().ge(2)
    return {str(t): int(n) for t, n in failed[failed].index.get_level_values("trainer").value_counts().items()}


def training_spread(panel: Panel, unsteady: Collection[str] = ()) -> tuple[np.ndarray, np.ndarray]:
    """SD over trainings of what each trainer's training is worth, (trainers,), and who surely varies more than others.

    The SD is NaN, and nobody is erratic, if each was trained once.
    """
    columns = _columns(panel) if len(panel.trainers) > 1 and panel.cases else []
    if len(columns) < 2:
        return np.full(len(panel.trainers), np.nan), np.zeros(len(panel.trainers), bool)
    found, _ = _over_trainings(panel, columns, steady_among(panel.trainers, unsteady))
    return found.spread, found.erratic


def steady_among(trainers: Sequence[str], unsteady: Collection[str]) -> np.ndarray:
    """(trainers,) those whose spread is pooled: the others, or all if fewer than two are steady."""
    steady = np.array([t not in unsteady for t in trainers])
    return steady if steady.sum() >= 2 else np.ones(len(trainers), bool)


def _columns(panel: Panel) -> list[np.ndarray]:
    """Oriented values (cases, trainers) of the trainings that all trainers have side by side.

    Folds where there are several, seeds averaged; else seeds, in their order.
    """
    folds = np.unique(panel.folds)
    return [panel.oriented[panel.folds == fold] for fold in folds] if len(folds) > 1 else _by_seed(panel)


def _by_seed(panel: Panel) -> list[np.ndarray]:
    """Oriented values (cases, trainers) of each seed that all trainers have, in their order."""
    repeats = panel.repeats.dropna(subset=["value"])
    order = repeats.groupby("trainer")["seed"].rank(method="dense").astype(int)
    wide = repeats.assign(order=order).pivot_table(index="case", columns=["order", "trainer"], values="value")
    sign = 1 if panel.metric.higher_is_better else -1
    columns = []
    for seed in range(1, int(order.max() if len(order) else 0) + 1):
        if not {(seed, t) for t in panel.trainers} <= set(wide.columns):
            break
        values = wide[[(seed, t) for t in panel.trainers]].reindex(panel.cases).to_numpy(dtype=float)
        if not np.isfinite(values).all():
            break
        columns.append(sign * values)
    return columns


def _alike(panel: Panel, steady: np.ndarray) -> list[np.ndarray]:
    """The values by seed of a study of several folds in which seeds act alike in all of them; else none."""
    folds = np.unique(panel.folds)
    seeds = _by_seed(panel) if len(folds) > 1 and len(panel.repeats["seed"].unique()) > 1 else []
    if len(seeds) < 2:
        return []
    means = np.array([[values[panel.folds == fold].mean(axis=0) for values in seeds] for fold in folds])
    return seeds if seeds_act_alike(without_rounding_noise(means, scale=panel.values), steady) else []


def _effects(panel: Panel, columns: list[np.ndarray], steady: np.ndarray) -> np.ndarray:
    pairs = np.array([pair_medians(values) for values in columns])
    return loss_effects(without_rounding_noise(pairs, scale=panel.values), steady)


def _over_trainings(
    panel: Panel, columns: list[np.ndarray], steady: np.ndarray, case_variance: np.ndarray | None = None
) -> tuple[Differences, list[np.ndarray]]:
    """Differences that hold for new trainings, and the values by seed if seeds count as trainings, not folds."""
    found = retrained(
        _effects(panel, columns, steady), steady=steady, case_variance=case_variance, case_df=len(panel.cases) - 1
    )
    alike = _alike(panel, steady)
    if alike:
        found = found.crossed(retrained(_effects(panel, alike, steady), steady=steady))
    return found, alike


def _of_losses(
    panel: Panel, columns: list[np.ndarray], unsteady: Collection[str], margin: float, alpha: float, forecast: bool
) -> pd.DataFrame:
    steady = steady_among(panel.trainers, unsteady)
    folds = np.unique(panel.folds)
    one_fold = len(folds) == 1
    gains = panel.gains()
    found, alike = _over_trainings(panel, columns, steady, _case_variance(gains) if one_fold else None)
    trainings = len(alike or columns)
    rows = of_losses(panel.pair_names, found, trainings=trainings, alpha=alpha, alike=bool(alike))
    if not forecast:
        return rows
    seeds_count = one_fold or bool(alike)
    for fold in folds:  # what a training is worth is no variance of cases
        gains[panel.folds == fold] -= np.median(gains[panel.folds == fold], axis=0)
    of_cases = np.minimum(_case_variance(gains), found.se**2)
    seeds = trainings if seeds_count else panel.fewest_seeds
    now = [
        Now(float(se**2 - case), float(case), float(df), seeds, len(panel.cases), columns_are_seeds=seeds_count)
        for se, case, df in zip(found.se, of_cases, found.df, strict=True)
    ]
    aim = Aim(margin, found.losses, alpha)
    rows["seeds_needed"] = [seeds_needed(aim, one) for one in now]
    rows["cases_needed"] = [cases_needed(aim, one) for one in now]
    rows["detectable"] = [aim.reach(one.df) * np.sqrt(one.training + one.case) for one in now]
    rows["seeds_together"], rows["cases_together"] = zip(*(both_needed(aim, one) for one in now), strict=True)
    return rows


def _case_variance(gains: np.ndarray) -> np.ndarray:
    """Variance of each pair's Hodges-Lehmann difference over other cases, from the width of its interval."""
    level = stats.norm.cdf(1) - stats.norm.cdf(-1)
    ends = np.array([hodges_lehmann(d, confidence=level)[1:] for d in gains.T])
    return ((ends[:, 1] - ends[:, 0]) / 2) ** 2


def _of_models(panel: Panel, alpha: float) -> pd.DataFrame:
    """Intervals over cases alone, by Bonferroni for all pairs at once."""
    gains = panel.gains()
    pairs = gains.shape[1]
    wide = np.array([hodges_lehmann(d, confidence=1 - alpha / pairs) for d in gains.T])
    narrow = np.array([hodges_lehmann(d, confidence=1 - 2 * alpha / pairs) for d in gains.T])
    few = np.isnan(wide[:, 1]).any()
    reason = f"{len(gains)} cases allow no interval for {pairs} pairs at once" if few else ""
    return of_models(panel.pair_names, wide[:, 0], (wide[:, 1], wide[:, 2]), (narrow[:, 1], narrow[:, 2]), reason)
