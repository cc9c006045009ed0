"""How the networks learned: pseudo-Dice of all losses, and each loss on its own scale."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.legend import legend
from nnunet_losses.report.numbers import number
from nnunet_losses.report.style import INK, MUTED, canvas, figure_style

MOST_POINTS = 250  # per curve; a thousand epochs look the same with fewer


def pseudo_dice(view: View) -> Figure | None:
    """nnU-Net's pseudo-Dice per epoch: mean over folds and seeds, band from the lowest to the highest."""
    training = view.table("training")
    if training is None or not training["ema_pseudo_dice"].notna().any():
        return None
    trainers = view.present(set(training["trainer"]))
    told = []
    with figure_style():
        figure, axes = canvas(3.6)
        for trainer in trainers:
            curve, look = _curve(training[training["trainer"] == trainer], "ema_pseudo_dice"), view.look(trainer)
            if curve.empty:
                continue
            axes.fill_between(curve.index, curve["min"], curve["max"], color=look.color, alpha=0.1, linewidth=0)
            axes.plot(
                curve.index, curve["mean"], color=look.color, linestyle=look.line, marker=look.marker,
                markevery=max(len(curve) // 6, 1), markersize=4,
            )  # fmt: skip
            told.append(f"{view.name(trainer)} {number(curve['mean'].iloc[-1], 2)}")
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("Pseudo-Dice, running mean")
        axes.grid(axis="y")
        legend(figure, view, trainers)
    return Figure(
        "Pseudo-Dice during training",
        "nnU-Net's own check on validation patches, not on whole cases; running mean over epochs. Line: mean over "
        f"folds and seeds; band: lowest to highest. It shows convergence but does not rank the {view.nouns}.",
        f"Pseudo-Dice at the end: {'; '.join(told)}.",
        figure,
        "training",
    )


def losses(view: View) -> Figure | None:
    """Training and validation loss, a panel per trainer: values of different losses cannot be compared."""
    training = view.table("training")
    if training is None:
        return None
    trainers = view.present(set(training["trainer"]))
    columns = min(3, len(trainers))
    rows = -(-len(trainers) // columns)
    with figure_style():
        figure, axes = canvas(0.5 + 1.55 * rows, columns, rows, sharex=True, squeeze=False)
        for ax, trainer in zip(axes.flat, trainers, strict=False):
            _panel(ax, training[training["trainer"] == trainer], view.cut_name(trainer, 26))
        for ax in axes.flat[len(trainers) :]:
            ax.set_visible(False)
        for ax in axes[-1]:
            ax.set_xlabel("Epoch")
            ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    return Figure(
        "Loss during training, each on its own scale",
        "Solid: training patches; dashed: validation patches. Thin: single folds and seeds; thick: their mean. Only "
        f"the shapes can be compared between panels, since every {view.noun} has its own scale.",
        f"Training and validation loss per epoch for {len(trainers)} losses.",
        figure,
        "training",
    )


def _panel(axes: Any, rows: pd.DataFrame, title: str) -> None:
    for column, color, line in (("train_loss", INK, "-"), ("val_loss", "#0072B2", (0, (4, 1.5)))):
        runs = [run for _, run in rows.groupby(["fold", "seed"])]
        for run in runs if len(runs) <= 10 else []:
            run = _thin(run.set_index("epoch")[column].dropna())
            axes.plot(run.index, run, color=color, linestyle=line, linewidth=0.5, alpha=0.45)
        curve = _curve(rows, column)
        if not curve.empty:
            axes.plot(curve.index, curve["mean"], color=color, linestyle=line, linewidth=1.6)
    axes.set_title(title, fontsize=8)
    axes.tick_params(labelsize=7, labelcolor=MUTED)
    axes.grid(axis="y")


def _curve(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    finite = rows[np.isfinite(rows[column].astype(float))]
    return _thin(finite.groupby("epoch")[column].agg(["mean", "min", "max"]))


def _thin(curve: Any) -> Any:
    step = -(-len(curve) // MOST_POINTS)
    return curve.iloc[::step] if step > 1 else curve
