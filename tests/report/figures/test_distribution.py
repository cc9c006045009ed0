"""Dots, boxes and differences are the values that the statistics use."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures import differences, distribution

from ..conftest import TRAINERS
from .artists import intervals, marks, offsets


def test_every_case_is_a_dot_at_its_value(view: View) -> None:
    figure = distribution.draw(view)
    assert figure is not None
    (axes,) = figure.drawing.axes
    for row, (trainer, dots) in enumerate(zip(view.trainers, axes.collections, strict=True)):
        x, y = offsets(dots).T
        assert list(x) == list(view.values[trainer])
        assert np.abs(y - row).max() <= 0.17


def test_box_and_whiskers_are_quartiles_median_and_the_last_cases_within_one_and_a_half_boxes(view: View) -> None:
    figure = distribution.draw(view)
    assert figure is not None
    (axes,) = figure.drawing.axes
    for row, (trainer, box) in enumerate(zip(view.trainers, axes.patches, strict=True)):
        values = view.values[trainer].to_numpy()
        first, median, third = np.quantile(values, [0.25, 0.5, 0.75])
        assert (box.get_x(), box.get_width()) == pytest.approx((first, third - first))
        inside = values[(values >= first - 1.5 * (third - first)) & (values <= third + 1.5 * (third - first))]
        whiskers = [(start, end) for start, end, height in intervals(axes) if height == row]
        np.testing.assert_allclose(whiskers, [(inside.min(), first), (third, inside.max())])
        assert [line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [row - 0.25, row + 0.25]] == [
            pytest.approx(median)
        ]


def test_tooltips_name_case_and_value(view: View) -> None:
    figure = distribution.draw(view)
    assert figure is not None
    for row, trainer in enumerate(view.trainers):
        assert figure.tips[f"dots-{row}"] == [f"{case}: {value:.3f}" for case, value in view.values[trainer].items()]


def test_undefined_values_are_crosses_where_they_are_counted(view: View) -> None:
    """The collapsed loss predicts nothing in three cases: precision is not defined there and counts as 0."""
    precision = view.of_metric("precision")
    figure = distribution.draw(precision)
    assert figure is not None
    (axes,) = figure.drawing.axes
    row = precision.trainers.index(TRAINERS[1])
    assert figure.tips[f"crosses-{row}"] == [f"phantom_00{i}: 0.000, undefined, counted as worst" for i in (1, 4, 7)]
    (crosses,) = [dots for dots in axes.collections if dots.get_gid() == f"crosses-{row}"]
    assert list(offsets(crosses)[:, 0]) == [0, 0, 0]
    assert [text.get_text() for text in axes.texts] == ["3 undefined"]
    assert axes.texts[0].xy[1] == row
    assert "Cross: undefined" in figure.how_to_read


def test_many_marks_have_no_tooltips(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "MOST_TIPS", view.values.size - 1)
    monkeypatch.setattr(differences, "MOST_TIPS", view.values.size - len(view.values) - 1)
    for draw in (distribution.draw, differences.draw):
        figure = draw(view)
        assert figure is not None
        assert not figure.tips


def test_a_loss_without_values_is_named_not_drawn(view: View) -> None:
    last = view.trainers[-1]
    table = view.comparison.statistics["values"]
    bare = dataclasses.replace(
        view.comparison, statistics={**view.comparison.statistics, "values": table[table["trainer"] != last]}
    ).views[0]
    for draw in (distribution.draw, differences.draw):
        figure = draw(bare)
        assert figure is not None
        assert "no value" in [text.get_text() for text in figure.drawing.axes[0].texts]


def test_paired_differences_are_loss_minus_baseline_case_by_case(view: View) -> None:
    figure = differences.draw(view)
    pairs, base = view.against(view.baseline), view.baseline
    assert figure is not None and base is not None
    (axes,) = figure.drawing.axes
    others = [t for t in view.trainers if t != base]
    for row, (trainer, dots) in enumerate(zip(others, axes.collections, strict=True)):
        gaps = view.values[trainer] - view.values[base]
        assert list(offsets(dots)[:, 0]) == list(gaps)
        assert figure.tips[f"gaps-{row}"][0].startswith("phantom_000: ")
    assert marks(axes) == [(pairs[t]["difference"], pytest.approx(i - 0.2)) for i, t in enumerate(others)]
    assert intervals(axes) == [
        (pairs[t]["low"], pairs[t]["high"], pytest.approx(i - 0.2)) for i, t in enumerate(others)
    ]
    filled = [line.get_markerfacecolor() != "#ffffff" for line in axes.lines if line.get_marker() == "D"]
    assert filled == [pairs[t]["p_holm"] < 0.05 for t in others]


def test_without_the_baseline_there_are_no_differences(view: View) -> None:
    assert differences.draw(dataclasses.replace(view.comparison, baseline="SomebodyElse").views[0]) is None


def test_medians_are_told(view: View) -> None:
    figure = distribution.draw(view)
    assert figure is not None
    medians = pd.Series({t: view.values[t].median() for t in view.values})
    assert all(f"{view.name(t)} {median:.3f}" in figure.description for t, median in medians.items())
