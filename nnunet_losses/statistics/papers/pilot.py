"""How short may a pilot be? Whether a part of the training, or one seed, orders the losses as the whole does."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.base.identity import STUDY
from nnunet_losses.statistics.estimators.ranks import kendall_tau_b
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.papers import PILOT

SHARES = {"a quarter of the length": 0.25, "half of the length": 0.5}
RESAMPLES = 2_000
FEWEST_LOSSES = 3
_TRAINING = ("fold", "seed")


def pilot_table(training: pd.DataFrame | None, panels: list[Panel], *, seed: int = 0) -> pd.DataFrame:
    """A row for each data set, configuration and kind of pilot.

    training: the table of that name. At a quarter and at half of its epochs each training has a moving average of the
    pseudo-Dice; its mean over trainings orders the losses, and so does that of the last epoch. The learning rate falls
    to zero over the whole length, so a pilot that is planned short comes out better than a long training cut short.
    panels: of the primary metric. The order by the first seed alone is held against that by all seeds.
    tau is Kendall's τ_b; its interval resamples the trainings that all losses have side by side (folds and seeds).
    """
    rows = [*_of_length(training, seed), *_of_seeds(panels, seed)] if training is not None else _of_seeds(panels, seed)
    return PILOT.build(list(rows))


def _of_length(training: pd.DataFrame, seed: int) -> Iterator[dict[str, Any]]:
    for (dataset, configuration), own in training.groupby([*STUDY], sort=False):
        curves = own.set_index(["trainer", *_TRAINING, "epoch"])["ema_pseudo_dice"].sort_index()
        last = curves.groupby(["trainer", *_TRAINING]).tail(1).droplevel("epoch")
        lengths = own.groupby(["trainer", *_TRAINING])["epoch"].max() + 1
        for name, share in SHARES.items():
            at = (lengths * share).round().clip(lower=1).astype(int) - 1
            part = curves.reindex(pd.MultiIndex.from_arrays([*(at.index.get_level_values(i) for i in range(3)), at]))
            part.index = at.index
            identity = {"dataset": str(dataset), "configuration": str(configuration), "label": "mean over labels"}
            yield identity | _row(name, "pseudo_dice", part.unstack("trainer"), last.unstack("trainer"), seed)  # noqa: PD010


def _of_seeds(panels: list[Panel], seed: int) -> Iterator[dict[str, Any]]:
    for panel in panels:
        sign = 1 if panel.metric.higher_is_better else -1
        means = panel.repeats.groupby(["trainer", "fold", "seed"])["value"].mean() * sign
        wide = means.unstack("trainer").reindex(columns=panel.trainers)  # noqa: PD010 (a Series has no pivot_table)
        first = wide.groupby("fold").head(1)
        identity = {"dataset": panel.dataset, "configuration": panel.configuration, "label": panel.label}
        if len(wide.dropna()) <= len(first.dropna()):
            continue  # one seed
        whole = wide.groupby("fold").transform("mean").loc[first.index]
        yield identity | _row("one seed of all", panel.metric.name, first, whole, seed)


def _row(pilot: str, measure: str, part: pd.DataFrame, whole: pd.DataFrame, seed: int) -> dict[str, Any]:
    """The agreement of two tables (trainings × losses)."""
    both = part.notna() & whole.reindex_like(part).notna()
    kept = both.loc[:, both.any()]
    rows = kept.all(axis=1)
    x, y = part.loc[rows, kept.columns].to_numpy(), whole.reindex_like(part).loc[rows, kept.columns].to_numpy()
    facts = {"pilot": pilot, "measure": measure, "n_losses": x.shape[1], "trainings": len(x)}
    nothing = {"tau": np.nan, "low": np.nan, "high": np.nan, "same_best": np.nan}
    if x.shape[1] < FEWEST_LOSSES or not len(x):
        reason = f"{x.shape[1]} losses with {len(x)} trainings side by side: an order needs {FEWEST_LOSSES} losses"
        return {**facts, **nothing, "reason": reason}
    tau = float(kendall_tau_b(x.mean(axis=0), y.mean(axis=0)[None])[0])
    same = float(x.mean(axis=0).argmax() == y.mean(axis=0).argmax())
    low = high = np.nan
    reason = "one training of each: no interval"
    if len(x) > 1:
        draws = np.random.default_rng([seed, len(x), 13]).integers(len(x), size=(RESAMPLES, len(x)))
        drawn = [
            kendall_tau_b(a, b[None])[0] for a, b in zip(x[draws].mean(axis=1), y[draws].mean(axis=1), strict=True)
        ]
        low, high = np.nanquantile(drawn, [0.025, 0.975])
        reason = "" if len(x) > 4 else f"{len(x)} trainings: the interval is too narrow"
    return {**facts, "tau": tau, "low": low, "high": high, "same_best": same, "reason": reason}
