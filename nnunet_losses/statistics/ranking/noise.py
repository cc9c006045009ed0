"""Run-to-run noise: what the seed alone does, beside every difference between trainers."""

import numpy as np
import pandas as pd

from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.pairwise import EFFECT_NOISE, NOISE


def noise_tables(panel: Panel) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(noise, effect_noise): spread of the mean over seeds by trainer, and difference ÷ noise of every pair.

    sd_seed is the SD over seeds of the mean over all cases, from seeds that have every case; sd_case the mean SD of a
    case over seeds. noise = √(s_a²/S_a + s_b²/S_b) for S seeds; a trainer with one seed borrows the SD pooled over
    the others. NaN with a reason where no trainer was repeated.
    """
    complete = panel.repeats.groupby(["trainer", "seed"])["value"].agg(["mean", "size"]).reset_index()
    complete = complete[complete["size"] == len(panel.cases)]
    by_trainer = complete.groupby("trainer")["mean"]
    seeds = by_trainer.size().reindex(panel.trainers).fillna(0).astype(int).to_numpy()
    sd = by_trainer.std().reindex(panel.trainers).to_numpy()
    within = panel.repeats.groupby(["trainer", "case"])["value"].std().groupby("trainer").mean()
    mean = panel.values.mean(axis=0) if len(panel.cases) else np.full(len(panel.trainers), np.nan)
    noise = panel.table(
        NOISE,
        trainer=panel.trainers,
        n_seeds=seeds,
        mean=mean,
        sd_seed=sd,
        sd_case=within.reindex(panel.trainers).to_numpy(),
    )
    a, b = panel.pairs
    repeated = seeds >= 2
    freedom = (seeds - 1)[repeated]
    pooled = np.sqrt(np.average(sd[repeated] ** 2, weights=freedom)) if repeated.any() else np.nan
    squared = np.where(repeated, sd, pooled) ** 2 / np.maximum(seeds, 1)
    spread = np.sqrt(squared[a] + squared[b])
    difference = mean[a] - mean[b]
    ratio = np.divide(np.abs(difference), spread, out=np.full(len(a), np.nan), where=spread > 0)
    borrowed = np.where(repeated[a] & repeated[b], "", "noise of a trainer with one seed taken from the others")
    effects = panel.table(
        EFFECT_NOISE,
        **panel.pair_names,
        difference=difference,
        noise=spread,
        ratio=ratio,
        reason=borrowed if repeated.any() else "no trainer was repeated with another seed",
    )
    return noise, effects
