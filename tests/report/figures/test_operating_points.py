"""Operating points are those of the statistics: means, ellipses and the front."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures import operating_points
from nnunet_losses.report.figures.operating_points import ellipse, points

from .artists import marks

RECALL, DISTANCE = ("recall", "precision"), ("dice", "hd95")


def test_dots_are_the_means_of_the_table_and_filled_on_the_front(view: View) -> None:
    for draw, pair in ((operating_points.recall_precision, RECALL), (operating_points.further, DISTANCE)):
        figure, found = draw(view), points(view, pair)
        assert figure is not None
        (axes,) = figure.drawing.axes
        assert marks(axes) == [(found[t]["x"], found[t]["y"]) for t in view.trainers]
        filled = [line.get_markerfacecolor() != "#ffffff" for line in axes.lines if len(line.get_xdata()) == 1]
        assert filled == [bool(found[t]["on_front"]) for t in view.trainers]
    assert {True, False} == set(filled), "the fixture must have both"


def test_means_are_those_of_the_ranking(view: View) -> None:
    for pair in (RECALL, DISTANCE):
        found = points(view, pair)
        for name, key in zip(pair, "xy", strict=True):
            ranking = view.of_metric(name).by_trainer("ranking")
            assert {t: row[key] for t, row in found.items()} == pytest.approx(
                {t: r["mean"] for t, r in ranking.items()}
            )


def test_ellipses_have_the_covariance_of_the_means(view: View) -> None:
    figure, found = operating_points.recall_precision(view), points(view, RECALL)
    assert figure is not None
    for trainer, patch in zip(view.trainers, figure.drawing.axes[0].patches, strict=True):
        row = found[trainer]
        assert patch.center == (row["x"], row["y"])
        angle = np.radians(patch.angle)
        axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        half = np.array([patch.width, patch.height]) / 2 / np.sqrt(stats.chi2.ppf(0.95, 2))
        covariance = axes @ np.diag(half**2) @ axes.T
        np.testing.assert_allclose(
            covariance, [[row["var_x"], row["cov_xy"]], [row["cov_xy"], row["var_y"]]], atol=1e-12
        )


def test_half_axes_are_standard_errors_times_the_root_of_chi_squared() -> None:
    drawn = ellipse(np.zeros(2), np.diag([0.04, 0.01]), type("Look", (), {"color": "k", "line": "-"}))
    assert sorted([drawn.width, drawn.height]) == pytest.approx([2 * 2.4477 * 0.1, 2 * 2.4477 * 0.2], rel=1e-3)


def test_tooltips_tell_means_and_how_sure_the_front_is(view: View) -> None:
    figure, found = operating_points.recall_precision(view), points(view, RECALL)
    assert figure is not None
    tips = [tip for (tip,) in figure.tips.values()]
    assert len(tips) == len(view.trainers)
    for trainer, tip in zip(view.trainers, tips, strict=True):
        row = found[trainer]
        assert tip.startswith(f"{view.name(trainer)}: Recall {row['x']:.3f} [")
        assert f", Precision {row['y']:.3f} [" in tip


def test_curves_of_equal_f1_are_drawn_only_for_recall_and_precision(view: View) -> None:
    with_f1, without = operating_points.recall_precision(view), operating_points.further(view)
    assert with_f1 is not None and without is not None
    (axes,) = with_f1.drawing.axes
    curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
    assert len(curves) == 9
    for f1, line in zip(np.arange(1, 10) / 10, curves, strict=True):
        x, y = line.get_xdata(), line.get_ydata()
        assert 2 * x * y / (x + y) == pytest.approx(np.full(len(x), f1))
    assert not [line for line in without.drawing.axes[0].lines if len(line.get_xdata()) > 2]


def test_words_say_which_corner_is_best_and_axes_which_way(view: View) -> None:
    figure = operating_points.recall_precision(view)
    assert figure is not None
    assert figure.how_to_read.startswith("The upper right corner is best.")
    figure = operating_points.further(view)
    assert figure is not None
    assert figure.title == "Operating points: Dice and HD95"
    assert figure.how_to_read.startswith("The lower right corner is best.")
    (axes,) = figure.drawing.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Mean Dice (better →)", "Mean HD95 (mm) (← better)")
    assert axes.get_xlim()[1] <= 1.02
    assert axes.get_ylim()[1] > 1.02


def test_losses_without_a_point_are_left_out(view: View) -> None:
    table = view.comparison.statistics["pareto"].copy()
    table.loc[table["trainer"] == view.trainers[0], ["x", "y"]] = np.nan
    changed = dataclasses.replace(view.comparison, statistics={"pareto": table}).views[0]
    figure = operating_points.recall_precision(changed)
    assert figure is not None
    assert len(marks(figure.drawing.axes[0])) == len(view.trainers) - 1
    table[["x", "y"]] = np.nan
    nothing = dataclasses.replace(view.comparison, statistics={"pareto": table}).views[0]
    assert operating_points.recall_precision(nothing) is None
    assert operating_points.further(nothing) is None
