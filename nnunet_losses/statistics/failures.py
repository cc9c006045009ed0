"""Failures are outcomes: trainings that did not complete or collapsed, and what all trainings cost."""

import pandas as pd

from nnunet_losses.base.identity import EXPERIMENT, RUN
from nnunet_losses.base.states import LEARNED, RunStatus
from nnunet_losses.base.tables.results import COLLAPSED
from nnunet_losses.statistics.tables.pairwise import COSTS, FAILURES


def failures_table(jobs: pd.DataFrame, training: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per dataset × configuration × trainer: trainings by status, collapsed ones, hours, peak memory.

    jobs: repeats merged. failed_runs names the trainings that did not complete or collapsed; hours are of all
    trainings, failed ones included. training: the table of epochs, repeats merged.
    """
    rows, lost = [], _lost(training)
    for (dataset, configuration, trainer), own in jobs.groupby([*EXPERIMENT], sort=False):
        failed = own[(own["status"] != RunStatus.COMPLETED) | own[COLLAPSED]]
        fates = failed["status"].mask(failed[COLLAPSED], COLLAPSED)
        rows.append(
            {
                "dataset": dataset,
                "configuration": configuration,
                "trainer": trainer,
                "jobs": len(own),
                **{str(status): int((own["status"] == status).sum()) for status in RunStatus},
                COLLAPSED: int(own[COLLAPSED].sum()),
                "learned_then_lost": lost.get((str(dataset), str(configuration), str(trainer)), 0),
                "failed_runs": "; ".join(
                    f"fold {fold}" + (f" seed {seed}" if seed else "") + f": {fate}"
                    for fold, seed, fate in zip(failed["fold"], failed["seed"], fates, strict=True)
                ),
                "hours": own["seconds"].sum() / 3600,
                "hours_per_run": own.loc[own["status"] == RunStatus.COMPLETED, "seconds"].mean() / 3600,
                "peak_memory_mb": own["peak_memory_mb"].max(),
            }
        )
    return FAILURES.build(rows)


def _lost(training: pd.DataFrame | None) -> dict[tuple[str, ...], int]:
    """How many trainings of each trainer learned and then lost what they had learned; without any, it is not named."""
    if training is None or "ema_pseudo_dice" not in training:
        return {}
    curves = training.dropna(subset=["ema_pseudo_dice"]).sort_values("epoch").groupby([*RUN])["ema_pseudo_dice"]
    best, last = curves.max(), curves.last()
    lost = best[(best >= LEARNED) & (last < best / 2)].reset_index()
    counted = lost.groupby([*EXPERIMENT]).size().rename("n").reset_index()
    names = counted[[*EXPERIMENT]].astype(str).itertuples(index=False, name=None)
    return dict(zip(names, counted["n"].tolist(), strict=True))


def costs_table(jobs: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset × configuration × trainer with a completed training: time, memory, hardware.

    A training that diverged or stopped early does not show what a loss costs; one that collapsed was trained to its
    end and does.

    jobs: repeats merged.
    """
    done = jobs[jobs["status"] == RunStatus.COMPLETED]
    rows = []
    for identity, own in done.groupby([*EXPERIMENT], sort=False):
        machines = own["hardware"].dropna().astype(str) if "hardware" in own else ()
        rows.append(
            {
                **dict(zip(EXPERIMENT, identity, strict=True)),
                "runs": len(own),
                "seconds": own["seconds"].mean(),
                "fastest": own["seconds"].min(),
                "slowest": own["seconds"].max(),
                "peak_memory_mb": own["peak_memory_mb"].max(),
                "hardware": ", ".join(sorted(set(machines))),
            }
        )
    return COSTS.build(rows)
