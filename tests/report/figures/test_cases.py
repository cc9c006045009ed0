"""Places case by case are counted from the values that the statistics use."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures import podium

from .artists import colors, curves, marks, ticks, words


def places(view: View) -> pd.DataFrame:
    """The place of every loss (column) in every case (row), by sorting."""
    rows = {}
    for case, values in view.values.iterrows():
        order = sorted(values.index, key=lambda t: -values[t] if view.metric.higher_is_better else values[t])
        rows[case] = {t: order.index(t) + 1 for t in values.index}
    return pd.DataFrame(rows).T[list(view.values.columns)]


@pytest.mark.parametrize("metric", ["dice", "hd95"])
def test_the_heat_map_counts_cases_per_place(view: View, metric: str) -> None:
    view = view.of_metric(metric)
    figure = podium.rank_map(view)
    assert figure is not None
    (axes,) = figure.drawing.axes
    expected = [[(places(view)[t] == place).sum() for place in range(1, 6)] for t in view.trainers]
    np.testing.assert_array_equal(colors(axes), expected)
    assert words(axes) == [str(n) for row in expected for n in row]
    assert ticks(axes.yaxis) == [view.name(t) for t in view.trainers]
    assert ticks(axes.xaxis) == ["1", "2", "3", "4", "5"]
    assert f"{view.name(view.trainers[0])} {expected[0][0]}" in figure.description


def test_the_podium_has_a_line_per_case_and_counts_below(view: View) -> None:
    figure = podium.podium(view)
    assert figure is not None
    axes, bars = figure.drawing.axes
    expected, k = places(view), len(view.trainers)
    lines = curves(axes)
    cases = [line for line in lines if len(line[0]) == k]
    for (x, y), case in zip(cases, view.values.index, strict=True):
        assert y == sorted(view.values.loc[case], reverse=True)
        assert np.floor(x).tolist() == list(range(k)), "from the first place to the last"
    dots = [line for line in lines if len(line[0]) == len(view.values)]
    for i, (x, y) in enumerate(dots):
        assert (np.floor(x) + 1).tolist() == expected[view.trainers[i]].tolist()
        assert y == view.values[view.trainers[i]].tolist()
    heights = np.array([bar.get_height() for bar in bars.patches]).reshape(k, k)
    np.testing.assert_array_equal(heights, [[(expected[t] == p).sum() for p in range(1, k + 1)] for t in view.trainers])
    assert marks(axes) == []


def test_a_podium_of_too_many_is_left_to_the_heat_map(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, limit in (("MOST_CASES", len(view.values)), ("MOST_TRAINERS", len(view.trainers))):
        with monkeypatch.context() as patch:
            patch.setattr(podium, name, limit)
            assert podium.podium(view) is not None
            patch.setattr(podium, name, limit - 1)
            assert podium.podium(view) is None
            assert podium.rank_map(view) is not None


@pytest.mark.parametrize("kept", ["one case", "one loss"])
def test_places_need_two_losses_and_two_cases(view: View, kept: str) -> None:
    table = view.comparison.statistics["values"]
    column = "case" if kept == "one case" else "trainer"
    few = dataclasses.replace(
        view.comparison, statistics={"values": table[table[column] == table[column].iloc[0]]}
    ).views[0]
    assert podium.podium(few) is None
    assert podium.rank_map(few) is None
