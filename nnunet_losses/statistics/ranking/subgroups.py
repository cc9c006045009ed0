"""Differences from the baseline in subgroups of the cases, and whether they depend on the group."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from nnunet_losses.base.tables.schema import TableError
from nnunet_losses.statistics.estimators.hodges_lehmann import hodges_lehmann
from nnunet_losses.statistics.estimators.interaction import interaction_p
from nnunet_losses.statistics.estimators.multiplicity import holm
from nnunet_losses.statistics.estimators.rounding import without_rounding_noise
from nnunet_losses.statistics.panels.covariates import Grouped, grouped, is_identifier, of_units
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.subgroups import INTERACTIONS, SUBGROUPS

SMALLEST = 3  # units of a group that is tested
RESAMPLES = 5_000


def subgroup_tables(
    panels: Sequence[Panel],
    covariates: pd.DataFrame,
    *,
    cuts: Mapping[str, Sequence[float]] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, pd.DataFrame]:
    """The tables subgroups and interactions of panels that have the baseline and another trainer.

    covariates: the table of that name; that of the panels' cluster is left out. cuts: limits between groups of numeric
    covariates, by covariate.

    Raises:
        TableError: a covariate names cases one by one instead of grouping them, or `cuts` names one that is not there.
    """
    if absent := sorted(set(cuts or {}) - set(covariates["covariate"])):
        raise TableError(f"There is no covariate {absent[0]!r} to cut.")
    groups, tests = [], []
    for panel in panels:
        names = [n for n in dict.fromkeys(covariates["covariate"]) if n != panel.cluster]
        if panel.baseline not in panel.trainers or len(panel.trainers) < 2 or not panel.cases:
            continue
        here = covariates[covariates["dataset"] == panel.dataset]
        rows = []
        for name in names:
            values = here[here["covariate"] == name].set_index("case")["value"]
            if values.empty:
                continue
            if is_identifier(values):
                raise TableError(
                    f"The covariate {name!r} has {len(set(values))} different values in {len(values)} cases of "
                    f"{panel.dataset}: it names them rather than groups them. Name the covariates that you want "
                    f"(--covariates), or resample by this one (--cluster {name})."
                )
            units = of_units(values, panel.units, panel.cases)
            limits = (cuts or {}).get(name, ())
            if limits and pd.to_numeric(values, errors="coerce").isna().any():
                raise TableError(f"The covariate {name!r} holds words; only numbers can be cut.")
            found = grouped(units, limits)
            groups.append(_groups(panel, name, found, confidence))
            rows.append(_tests(panel, name, found, resamples, seed))
        if rows:
            table = pd.concat(rows, ignore_index=True)
            tests.append(INTERACTIONS.build(table.assign(p_holm=holm(table["p"].to_numpy(dtype=float)))))
    return {"subgroups": SUBGROUPS.concat(groups), "interactions": INTERACTIONS.concat(tests)}


def _differences(panel: Panel) -> tuple[list[str], np.ndarray]:
    """The trainers but the baseline, and their differences from it, (units, trainers)."""
    base = panel.trainers.index(panel.baseline)
    others = [k for k in range(len(panel.trainers)) if k != base]
    d = panel.values[:, others] - panel.values[:, [base]]
    return [panel.trainers[k] for k in others], without_rounding_noise(d, scale=panel.values)


def _groups(panel: Panel, name: str, found: Grouped, confidence: float) -> pd.DataFrame:
    trainers, differences = _differences(panel)
    rows = []
    for k, trainer in enumerate(trainers):
        for number, level in enumerate(found.levels):
            own = differences[found.groups == number, k]
            estimate, low, high = hodges_lehmann(own, confidence=confidence)
            reason = "" if np.isfinite(low) else f"{len(own)} {panel.cluster or 'case'}s allow no interval"
            rows.append(
                {"covariate": name, "trainer": trainer, "baseline": panel.baseline, "level": level, "position": number,
                 "n": len(own), "difference": estimate, "low": low, "high": high, "reason": reason}
            )  # fmt: skip
    return panel.table(SUBGROUPS, **{key: [row[key] for row in rows] for key in rows[0]}) if rows else SUBGROUPS.build()


def _tests(panel: Panel, name: str, found: Grouped, resamples: int, seed: int) -> pd.DataFrame:
    trainers, differences = _differences(panel)
    sizes = np.bincount(found.groups[found.groups >= 0], minlength=len(found.levels))
    tested = np.flatnonzero(sizes >= SMALLEST)
    kept = np.isin(found.groups, tested)
    p, reason = np.full(len(trainers), np.nan), f"fewer than two groups of {SMALLEST}"
    if panel.cluster and (found.groups < 0).any():
        reason += f"; it varies within a {panel.cluster}, or is unknown, in {(found.groups < 0).sum()}"
    if len(tested) > 1:
        p = interaction_p(
            differences[kept], np.searchsorted(tested, found.groups[kept]), resamples=resamples, seed=seed
        )
        small = [found.levels[k] for k in range(len(sizes)) if 0 < sizes[k] < SMALLEST]
        reason = f"not tested for so few: {', '.join(small)}" if small else ""
    columns = {
        "covariate": name, "trainer": trainers, "baseline": panel.baseline, "rule": found.rule, "levels": len(tested),
        "n": int(kept.sum()), "unknown": int((found.groups < 0).sum()), "p": p, "p_holm": np.nan, "reason": reason,
    }  # fmt: skip
    return panel.table(INTERACTIONS, **columns)
