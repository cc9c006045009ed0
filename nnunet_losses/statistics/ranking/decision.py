"""One word for each pair of losses, from intervals that hold for new trainings wherever there are several."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from scipy import stats

from nnunet_losses.base.states import RunStatus, Word
from nnunet_losses.base.tables.results import COLLAPSED
from nnunet_losses.statistics.estimators.hodges_lehmann import hodges_lehmann
from nnunet_losses.statistics.estimators.retraining import loss_effects, pair_medians, retrained
from nnunet_losses.statistics.estimators.rounding import without_rounding_noise
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.decision import DECISIONS

CONFIDENCE, EQUIVALENCE_CONFIDENCE = 0.95, 0.90


def word_for(low: float, high: float, low_90: float, high_90: float, margin: float) -> Word:
    """The word for a difference in the direction of benefit.

    low, high: its 95 % interval; low_90, high_90: its 90 % interval, which decides equivalence by two one-sided tests;
    margin: the difference that nobody would act on. NaN, an interval that does not exist, decides nothing.
    Source: Piaggio et al., Reporting of noninferiority and equivalence randomized trials, JAMA 2012.
    """
    if -margin < low_90 and high_90 < margin:
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


def decisions_table(panel: Panel, *, margin: float, unsteady: Collection[str] = ()) -> pd.DataFrame:
    """One row per pair of trainers, those that were left out included, with the word that their comparison comes to.

    unsteady: trainers of which a training collapsed or diverged; their spread is not taken for that of others.
    """
    a, _ = panel.pairs
    n = len(panel.cases)
    parts = []
    if len(a) and n >= 2:
        columns = _columns(panel)
        parts.append(_of_losses(panel, columns, unsteady) if len(columns) > 1 else _of_models(panel))
    elif len(a):
        parts.append(_not_comparable(panel.pair_names, f"{n} common cases: a comparison needs two"))
    reasons = zip(panel.coverage["trainer"].astype(str), panel.coverage["reason"].astype(str), strict=True)
    left_out = {trainer: reason for trainer, reason in reasons if trainer not in panel.trainers}
    for trainer, reason in left_out.items():
        against = [other for other in panel.coverage["trainer"] if other != trainer and other not in left_out]
        turned = trainer == panel.baseline
        for other in against:
            pair = (other, trainer) if turned else (trainer, other)
            parts.append(_not_comparable({"trainer_a": [pair[0]], "trainer_b": [pair[1]]}, f"{trainer} is {reason}"))
    if not parts:
        return DECISIONS.build()
    rows = pd.concat(parts, ignore_index=True).assign(margin=margin, n=n)
    ends = rows[["low", "high", "low_90", "high_90"]].to_numpy(dtype=float)
    words = [str(word_for(*map(float, row), margin=margin)) for row in ends]  # type: ignore[misc]
    rows["word"] = rows["word"].where(rows["word"] != "", pd.Series(words))
    return panel.table(DECISIONS, **{str(name): column.to_numpy() for name, column in rows.items()})


def unsteady_trainers(jobs: pd.DataFrame | None, panel: Panel) -> set[str]:
    """Trainers of the panel of which a training collapsed or diverged.

    Without a table of trainings, those of which all cases of a training have the worst value there can be.
    """
    if jobs is not None:
        here = jobs[(jobs["dataset"] == panel.dataset) & (jobs["configuration"] == panel.configuration)]
        failed = here[COLLAPSED] | (here["status"] == RunStatus.DIVERGED)
        return set(here.loc[failed, "trainer"]) & set(panel.trainers)
    worst = panel.metric.worst
    if worst is None:
        return set()
    at_worst = (panel.repeats["value"] == worst).groupby([panel.repeats[k] for k in ("trainer", "fold", "seed")])
    failed = at_worst.mean().eq(1) & at_worst.size().ge(2)
    return set(failed[failed].index.get_level_values("trainer"))


def _columns(panel: Panel) -> list[np.ndarray]:
    """Oriented values (cases, trainers) of the trainings that all trainers have side by side.

    Folds where there are several, seeds averaged; else seeds, in their order.
    """
    folds = np.unique(panel.folds)
    if len(folds) > 1:
        return [panel.oriented[panel.folds == fold] for fold in folds]
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


def _of_losses(panel: Panel, columns: list[np.ndarray], unsteady: Collection[str]) -> pd.DataFrame:
    steady = np.array([t not in unsteady for t in panel.trainers])
    if steady.sum() < 2:
        steady = np.ones(len(panel.trainers), bool)
    pairs = np.array([pair_medians(values) for values in columns])
    effects = loss_effects(without_rounding_noise(pairs, scale=panel.values), steady)
    shared = len(np.unique(panel.folds)) == 1
    found = retrained(
        effects,
        steady=steady,
        case_variance=_case_variance(panel) if shared else None,
        case_df=len(panel.cases) - 1,
    )
    low, high = found.interval(CONFIDENCE)
    low_90, high_90 = found.interval(EQUIVALENCE_CONFIDENCE)
    return pd.DataFrame(
        {
            **panel.pair_names, "subject": "losses", "word": "", "difference": found.estimate, "low": low, "high": high,
            "low_90": low_90, "high_90": high_90, "se": found.se, "df": found.df, "trainings": len(columns),
            "reason": "",
        }
    )  # fmt: skip


def _case_variance(panel: Panel) -> np.ndarray:
    """Variance of each pair's Hodges-Lehmann difference over other cases, from the width of its interval."""
    level = stats.norm.cdf(1) - stats.norm.cdf(-1)
    ends = np.array([hodges_lehmann(d, confidence=level)[1:] for d in panel.gains().T])
    return ((ends[:, 1] - ends[:, 0]) / 2) ** 2


def _of_models(panel: Panel) -> pd.DataFrame:
    """Intervals over cases alone, by Bonferroni for all pairs at once."""
    gains = panel.gains()
    pairs = gains.shape[1]
    wide = np.array([hodges_lehmann(d, confidence=1 - (1 - CONFIDENCE) / pairs) for d in gains.T])
    narrow = np.array([hodges_lehmann(d, confidence=1 - (1 - EQUIVALENCE_CONFIDENCE) / pairs) for d in gains.T])
    few = np.isnan(wide[:, 1]).any()
    return pd.DataFrame(
        {
            **panel.pair_names, "subject": "models", "word": "", "difference": wide[:, 0], "low": wide[:, 1],
            "high": wide[:, 2], "low_90": narrow[:, 1], "high_90": narrow[:, 2], "se": np.nan, "df": np.nan,
            "trainings": 1,
            "reason": f"{len(gains)} cases allow no interval for {pairs} pairs at once" if few else "",
        }
    )  # fmt: skip


def _not_comparable(names: dict[str, list[str]], reason: str) -> pd.DataFrame:
    nan = dict.fromkeys(["difference", "low", "high", "low_90", "high_90", "se", "df"], np.nan)
    return pd.DataFrame(
        {**names, "subject": "models", "word": str(Word.NOT_COMPARABLE), **nan, "trainings": 0, "reason": reason}
    )
