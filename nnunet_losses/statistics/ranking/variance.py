"""How much of all variance the choice of the loss explains, beside training, case and fold."""

import numpy as np
import pandas as pd

from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.decision import SOURCES, VARIANCE


def variance_table(panel: Panel) -> pd.DataFrame:
    """The sum of squares of the values, parted among loss, training, case, fold and the rest.

    The parts are orthogonal, because all losses have all cases: fold, case within fold, loss, training (loss × fold,
    and seeds within it), and the rest (loss × case, and noise). A loss trained once per fold and seed: with one fold
    and one seed, the luck of its training is part of the loss. Empty without two trainers or two cases.
    """
    values = panel.values
    n, losses = values.shape
    if n < 2 or losses < 2:
        return VARIANCE.build()
    grand, by_loss, by_case = values.mean(), values.mean(axis=0), values.mean(axis=1)
    folds = np.unique(panel.folds)
    parts = dict.fromkeys(SOURCES, 0.0)
    parts["loss"] = n * ((by_loss - grand) ** 2).sum()
    for one in folds:
        here = panel.folds == one
        own, size = values[here], here.sum()
        middle = own.mean()
        parts["fold"] += losses * size * (middle - grand) ** 2
        parts["case"] += losses * ((by_case[here] - middle) ** 2).sum()
        parts["training"] += size * ((own.mean(axis=0) - middle - by_loss + grand) ** 2).sum()
    within_seeds, of_seeds = _seeds(panel)
    total = ((values - grand) ** 2).sum() + within_seeds
    parts["training"] += of_seeds
    parts["rest"] = total - sum(parts.values())
    once = len(folds) == 1 and not of_seeds
    return panel.table(
        VARIANCE,
        source=list(parts),
        share=[max(part, 0.0) / total if total > 0 else np.nan for part in parts.values()],
        reason="one training per loss: what a training is worth is part of the loss" if once else "",
    )


def _seeds(panel: Panel) -> tuple[float, float]:
    """Sum of squares over seeds within case and loss, and the part of it that whole trainings share."""
    rows = panel.repeats.dropna(subset=["value"])
    cell = rows.groupby(["case", "trainer"])["value"]
    deviation = rows["value"] - cell.transform("mean")
    share = 1 / cell.transform("size")
    run = [rows[name] for name in ("trainer", "fold", "seed")]
    means, sizes = deviation.groupby(run).mean(), share.groupby(run).sum()
    return float((share * deviation**2).sum()), float((sizes * means**2).sum())
