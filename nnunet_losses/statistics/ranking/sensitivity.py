"""Does the winner change if a choice had been made differently?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from nnunet_losses.base.identity import LABEL
from nnunet_losses.base.metrics import Metric
from nnunet_losses.base.states import CaseStatus
from nnunet_losses.statistics.estimators.ranks import best_first, kendall_tau_b
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.panels.results import Results
from nnunet_losses.statistics.ranking.ranks import BootstrapRanks
from nnunet_losses.statistics.tables.ranking import SENSITIVITY

Key = tuple[str, str, str, str]


def sensitivity_table(
    results: Results,
    primary: Sequence[Panel],
    ranks: Mapping[Key, Sequence[BootstrapRanks]],
    *,
    thresholds: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The winner of every panel under each other choice: one row per panel × choice × variant.

    Choices: aggregation (median, ranks, tests), empty cases, one side empty, missing cases, definition (another
    metric of the same idea in the table of cases), fold left out, threshold rule (from the table `thresholds` of
    `threshold_tables`, for Dice). tau: Kendall's τ_b with the primary ranking over the trainers in both; changes: the
    winner is another one.
    """
    rows: list[pd.DataFrame] = []
    others = _other_policies(results, primary)
    by_key = {panel.key: panel for panel in primary}
    for key, panel in by_key.items():
        if not panel.cases or len(panel.trainers) < 2:
            continue
        score = panel.oriented.mean(axis=0)
        rows.append(_row(panel, "as reported", "", panel, score))
        rows.append(_row(panel, "aggregation", "median", panel, np.median(panel.oriented, axis=0)))
        rows += [_row(panel, "aggregation", r.method, panel, -r.ranks) for r in ranks[key] if r.method != "mean"]
        for (choice, variant), alternative in others.items():
            if key in alternative:
                other = alternative[key]
                rows.append(_row(panel, choice, variant, other, _means(other)))
        for name in _definitions(panel.metric, [k[3] for k in by_key]):
            defined = by_key.get((key[0], key[1], key[2], name))
            if defined is not None:
                rows.append(_row(panel, "definition", name, defined, _means(defined)))
        folds = np.unique(panel.folds)
        for fold in folds if len(folds) > 1 else []:
            kept = panel.folds != fold
            row = _row(panel, "fold left out", str(fold), panel, panel.oriented[kept].mean(axis=0), int(kept.sum()))
            means = dict(zip(panel.trainers, panel.values[kept].mean(axis=0), strict=True))
            rows.append(row.assign(winner_mean=row["winner"].map(means)) if len(row) else row)
        if thresholds is not None and panel.metric.name == "dice" and len(thresholds):
            rows += _threshold_rows(panel, thresholds)
    return SENSITIVITY.concat(rows)


def _means(panel: Panel) -> np.ndarray:
    return panel.oriented.mean(axis=0) if panel.cases else np.full(len(panel.trainers), np.nan)


def _other_policies(results: Results, primary: Sequence[Panel]) -> dict[tuple[str, str], dict[Key, Panel]]:
    changes = {
        ("cases without lesion", "count as perfect"): {"both_empty": "perfect"},
        ("cases without lesion", "left out"): {"both_empty": "exclude"},
        ("one side empty", "left out"): {"one_empty": "exclude"},
        ("one side empty", "worst"): {"one_empty": "worst"},
        ("missing cases", "count as worst"): {"missing": "worst"},
        ("missing cases", "left out"): {"missing": "exclude"},
    }
    metrics = list(dict.fromkeys(panel.metric.name for panel in primary))
    # Only where a choice touches a value of the table can it touch the ranking.
    touched = results.scored[results.scored["metric"].isin(metrics)]
    finite = np.isfinite(touched["value"].to_numpy(dtype=float))
    undefined = touched["status"].ne(CaseStatus.OK).any() or not finite.all()
    missing = any((panel.coverage["n_missing"] > 0).any() for panel in primary)
    others = {}
    for name, change in changes.items():
        policy = replace(results.policy, **change)  # type: ignore[arg-type]
        relevant = missing if "missing" in change else undefined
        if policy != results.policy and relevant and primary:
            others[name] = {panel.key: panel for panel in results.panels(metrics, policy)}
    return others


def _definitions(metric: Metric, present: Sequence[str]) -> list[str]:
    """Other definitions of the same idea; of a metric with a tolerance in its name, every tolerance present."""
    tolerances = [m for m in present if metric.name == "nsd" and m.startswith("nsd_") and m.endswith("mm")]
    return list(dict.fromkeys([*metric.alternatives, *tolerances]))


def _row(
    panel: Panel, choice: str, variant: str, other: Panel, score: np.ndarray, n: int | None = None
) -> pd.DataFrame:
    """The winner by `score` (higher is better, one per trainer of `other`), compared with the panel's own."""
    if not np.isfinite(score).all() or len(score) < 2:
        return SENSITIVITY.build()
    common = [t for t in panel.trainers if t in other.trainers]
    own = best_first(panel.oriented.mean(axis=0))
    ranks = best_first(score)
    mine = own[[panel.trainers.index(t) for t in common]]
    theirs = ranks[[other.trainers.index(t) for t in common]]
    order = np.argsort(ranks, kind="stable")
    # Trainers that share the first rank have all won; the report names the first of them.
    winners = {t for t, r in zip(other.trainers, ranks, strict=True) if r == 1}
    before = {t for t, r in zip(panel.trainers, own, strict=True) if r == 1}
    return panel.table(
        SENSITIVITY,
        choice=[choice],
        variant=[variant],
        n=[len(other.cases) if n is None else n],
        winner=[other.trainers[order[0]]],
        winner_mean=[other.values.mean(axis=0)[order[0]]],
        runner_up=[other.trainers[order[1]]],
        tau=[kendall_tau_b(mine, theirs[None])[0] if len(common) > 1 else np.nan],
        changes=[not winners & before],
    )


def _threshold_rows(panel: Panel, thresholds: pd.DataFrame) -> list[pd.DataFrame]:
    here = (thresholds[[*LABEL]] == list(panel.key[:3])).all(axis=1)
    own = thresholds[here]
    own = own.set_index("trainer").reindex(panel.trainers)
    if own["dice_tuned"].isna().any():
        return []
    row = _row(
        panel, "threshold", "best on the other folds", panel, own["dice_tuned"].to_numpy(), int(own["n"].iloc[0])
    )
    return [row.assign(winner_mean=own["dice_tuned"].max())]
