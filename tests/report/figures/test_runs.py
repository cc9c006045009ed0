"""Curves of training and costs are those of the runs."""

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures import cost, training

from ..conftest import TRAINERS
from .artists import intervals, marks


def by_fold(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Epochs × folds."""
    return rows.pivot_table(index="epoch", columns="fold", values=column)


def test_pseudo_dice_is_the_mean_over_folds_with_the_whole_range(view: View) -> None:
    figure, table = training.pseudo_dice(view), view.table("training")
    assert figure is not None and table is not None
    (axes,) = figure.drawing.axes
    for trainer, line, band in zip(view.trainers, axes.lines, axes.collections, strict=True):
        wide = by_fold(table[table["trainer"] == trainer], "ema_pseudo_dice")
        assert list(line.get_xdata()) == list(wide.index)
        assert line.get_ydata() == pytest.approx(wide.mean(axis=1).to_numpy())
        heights = band.get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == (wide.min(axis=None), wide.max(axis=None))
        assert f"{view.name(trainer)} {wide.mean(axis=1).iloc[-1]:.2f}" in figure.description


def test_every_loss_has_a_panel_with_its_folds_and_their_mean(view: View) -> None:
    figure, table = training.losses(view), view.table("training")
    assert figure is not None and table is not None
    panels = [axes for axes in figure.drawing.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in panels] == [view.name(t) for t in view.trainers]
    for trainer, axes in zip(view.trainers, panels, strict=True):
        mine = table[table["trainer"] == trainer]
        for column, lines in (("train_loss", axes.lines[:4]), ("val_loss", axes.lines[4:])):
            wide = by_fold(mine, column)
            for fold, line in zip(wide, lines[:3], strict=True):
                assert list(line.get_ydata()) == list(wide[fold])
            assert lines[3].get_ydata() == pytest.approx(wide.mean(axis=1).to_numpy())
            assert lines[3].get_linewidth() > lines[0].get_linewidth()


def test_an_epoch_without_a_finite_loss_is_left_out(view: View) -> None:
    rows = pd.DataFrame({"epoch": [0, 0, 1, 1], "train_loss": [1.0, np.inf, 2.0, 4.0]})
    curve = training._curve(rows, "train_loss")
    assert curve.to_dict("index") == {0: {"mean": 1, "min": 1, "max": 1}, 1: {"mean": 3, "min": 2, "max": 4}}


def test_long_curves_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "MOST_POINTS", 4)
    assert training._thin(pd.Series(range(4))).tolist() == [0, 1, 2, 3]
    assert training._thin(pd.Series(range(9))).tolist() == [0, 3, 6]


def test_costs_are_of_completed_runs_collapsed_ones_included(view: View) -> None:
    jobs = view.table("jobs")
    assert jobs is not None
    spent = view.by_trainer("costs")
    for trainer in TRAINERS:
        mine = jobs[(jobs["trainer"] == trainer) & (jobs["status"] == "completed")]
        row = spent[trainer]
        assert row["seconds"] == pytest.approx(mine["seconds"].mean())
        assert (row["fastest"], row["slowest"]) == (mine["seconds"].min(), mine["seconds"].max())
        assert (row["runs"], row["peak_memory_mb"]) == (len(mine), mine["peak_memory_mb"].max())
    assert jobs["collapsed"].any() and {row["runs"] for row in spent.values()} == {3}


def test_score_stands_over_time_with_both_spreads(view: View) -> None:
    figure, spent, ranking = cost.draw(view), view.by_trainer("costs"), view.by_trainer("ranking")
    assert figure is not None
    (axes,) = figure.drawing.axes
    expected = [(spent[t]["seconds"] / 60, ranking[t]["mean"]) for t in view.trainers]
    np.testing.assert_allclose(marks(axes), expected)
    assert axes.get_xlabel() == "Duration of one training (minutes)"
    spans = [segment for lines in axes.collections for segment in lines.get_segments()]
    upright, level = spans[::2], spans[1::2]
    for trainer, up, across in zip(view.trainers, upright, level, strict=True):
        assert up[:, 1].tolist() == [ranking[trainer]["mean_low"], ranking[trainer]["mean_high"]]
        assert across[:, 0] == pytest.approx([spent[trainer]["fastest"] / 60, spent[trainer]["slowest"] / 60])
    assert intervals(axes) == []
    assert figure.how_to_read.startswith("Upper left is best")


def test_a_distance_is_best_below(view: View) -> None:
    figure = cost.draw(view.of_metric("hd95"))
    assert figure is not None
    assert figure.how_to_read.startswith("Lower left is best")


@pytest.mark.parametrize(
    ("seconds", "unit"),
    [(99, ("seconds", 1)), (100, ("minutes", 60)), (5399, ("minutes", 60)), (5400, ("hours", 3600))],
)
def test_time_has_a_handy_unit(seconds: float, unit: tuple[str, int]) -> None:
    assert cost._unit(seconds) == unit
