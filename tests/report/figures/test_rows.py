"""Axes show what is possible, and no more."""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas

from nnunet_losses.base.metrics import METRICS, metric_named
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures.rows import better, height, interval_rows, label_rows, limits, mean_of


def test_all_finite_values_are_shown_with_a_margin() -> None:
    assert limits([2.0, 4.0, math.nan, math.inf], margin=0.1) == pytest.approx((1.8, 4.2))


def test_a_single_value_has_room_around_it() -> None:
    assert limits([3.0]) == pytest.approx((2.95, 3.05))


def test_nothing_at_all_is_an_axis_from_0_to_1() -> None:
    assert limits([math.nan]) == (0, 1)


def test_a_share_shows_nothing_impossible_but_its_marks_at_the_ends_whole() -> None:
    assert limits([0.0, 1.0], METRICS["dice"].bounds, margin=0.5) == pytest.approx((-0.02, 1.02))
    assert limits([0.4, 0.6], METRICS["dice"].bounds) == pytest.approx((0.388, 0.612))


@pytest.mark.parametrize("name", ["nll", "hd95", "nsd_2mm", "f0.5", "lesion_recall_tiny"])
def test_an_axis_asks_the_metric_for_its_bounds(name: str) -> None:
    """The unit of NLL is 1, but it has no upper bound; a distance cannot be negative; settings create shares."""
    low, high = limits([0.0, 0.9, 3.0], metric_named(name).bounds, margin=0.1)
    assert -0.1 < low < 0
    assert high == pytest.approx(1.02 if metric_named(name).is_share else 3.3)


def test_labels_say_mean_unit_and_direction() -> None:
    assert [mean_of(METRICS[name]) for name in ("dice", "hd95", "lesion_recall", "false_positive_count")] == [
        "Mean Dice", "Mean HD95 (mm)", "Mean lesion recall", "Mean false positives",
    ]  # fmt: skip
    assert better(METRICS["dice"]) == "better →"
    assert better(METRICS["hd95"]) == "← better"


def test_height_grows_by_the_row() -> None:
    assert height(10) - height(9) == pytest.approx(0.3)
    assert height(0) == height(2)


def test_rows_have_names_from_top_to_bottom_the_baseline_bold(view: View) -> None:
    axes = Canvas().subplots()
    label_rows(axes, view, view.trainers)
    labels = axes.get_yticklabels()
    assert [label.get_text() for label in labels] == [view.name(t) for t in view.trainers]
    assert [label.get_fontweight() == "bold" for label in labels] == [t == view.baseline for t in view.trainers]
    assert axes.yaxis_inverted()


def test_rows_of_intervals_hold_estimate_ends_and_certainty(view: View) -> None:
    first, second, third = view.trainers[:3]
    found = {
        first: {"difference": 0.1, "low": -0.1, "high": 0.3},
        second: {"difference": -0.2, "low": -0.4, "high": -0.1},
        third: {"difference": np.nan, "low": np.nan, "high": np.nan},
    }
    axes = Canvas().subplots()
    interval_rows(axes, view, [first, second, third], found, sure=lambda row: row["high"] < 0)
    zero, *lines = axes.lines
    assert list(zero.get_xdata()) == [0, 0]
    assert [list(line.get_xdata()) for line in lines] == [[-0.1, 0.3], [0.1], [-0.4, -0.1], [-0.2]]
    assert [line.get_ydata()[0] for line in lines] == [0, 0, 1, 1]
    assert lines[1].get_markerfacecolor() == "#ffffff"
    assert lines[3].get_markerfacecolor() == view.look(second).color
    assert [text.get_text() for text in axes.texts] == ["baseline" if third == view.baseline else "no value"]
