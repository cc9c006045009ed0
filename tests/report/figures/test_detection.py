"""Curves, thresholds, strata and calibration are drawn as their tables say."""

import numpy as np
import pytest

from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures import detection, lesion_size, reliability, thresholds
from nnunet_losses.report.numbers import percent
from nnunet_losses.report.tables.detection import MEASURES

from .artists import intervals, marks, ticks, words


def test_curves_run_through_every_point_with_their_bands(view: View) -> None:
    figure = detection.draw(view)
    assert figure is not None
    for axes, name, x, y in zip(
        figure.drawing.axes, ("froc_curve", "pr_curve"), ("fp_per_case", "recall"), ("recall", "precision"), strict=True
    ):
        table = view.statistic(name)
        assert table is not None
        for trainer, line, band in zip(view.trainers, axes.lines, axes.collections, strict=True):
            mine = table[table["trainer"] == trainer].sort_values(x)
            assert list(line.get_xdata()) == list(mine[x])
            np.testing.assert_array_equal(line.get_ydata(), mine[y])
            heights = band.get_paths()[0].vertices[:, 1]
            assert (heights.min(), heights.max()) == pytest.approx((mine["low"].min(), mine["high"].max()))


def test_many_losses_have_no_bands(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "MOST_BANDS", len(view.trainers) - 1)
    figure = detection.draw(view)
    assert figure is not None
    assert all(not axes.collections and axes.lines for axes in figure.drawing.axes)


def test_differences_in_detection_are_from_the_baseline(view: View) -> None:
    figure, table = detection.differences(view), view.statistic("froc_pairwise")
    assert figure is not None and table is not None
    others = [t for t in view.trainers if t != view.baseline]
    for axes, (measure, title) in zip(figure.drawing.axes, MEASURES.items(), strict=True):
        found = view.against(view.baseline, table[table["measure"] == measure])
        assert axes.get_title(loc="left") == title
        assert marks(axes) == [(found[t]["difference"], i) for i, t in enumerate(others)]
        assert intervals(axes) == [(found[t]["low"], found[t]["high"], i) for i, t in enumerate(others)]
        filled = [line.get_markerfacecolor() != "#ffffff" for line in axes.lines if len(line.get_xdata()) == 1]
        assert filled == [found[t]["low"] > 0 or found[t]["high"] < 0 for t in others]


def test_thresholds_show_dice_at_half_hollow_and_tuned_filled(view: View) -> None:
    figure, rows = thresholds.draw(view), view.by_trainer("thresholds")
    assert figure is not None
    (axes,) = figure.drawing.axes
    expected = [(rows[t][key], i) for i, t in enumerate(view.trainers) for key in ("dice_default", "dice_tuned")]
    assert marks(axes) == expected
    faces = [line.get_markerfacecolor() for line in axes.lines if len(line.get_xdata()) == 1]
    assert [face == "#ffffff" for face in faces] == [True, False] * len(view.trainers)
    assert words(axes) == [f"at {rows[t]['threshold']:.2f}" for t in view.trainers]


def test_shares_of_lesions_found_are_those_of_the_strata(view: View) -> None:
    figure, strata = lesion_size.draw(view), view.statistic("strata")
    assert figure is not None and strata is not None
    for axes, scheme in zip(figure.drawing.axes, lesion_size.SCHEMES, strict=True):
        table = strata[strata["scheme"] == scheme].sort_values("low_mm")
        bins = table.drop_duplicates("stratum")
        assert ticks(axes.xaxis) == [f"{row.stratum}\n{row.n:.0f} lesions" for row in bins.itertuples()]
        for trainer, line, bars in zip(view.trainers, axes.lines, axes.collections, strict=True):
            mine = table[table["trainer"] == trainer]
            np.testing.assert_array_equal(line.get_ydata(), mine["recall"])
            assert np.rint(line.get_xdata()).tolist() == list(range(len(bins)))
            ends = [segment[:, 1] for segment in bars.get_segments() if len(segment)]
            np.testing.assert_array_equal(ends, mine[["low", "high"]].dropna())
    last = strata[(strata["scheme"] == "quartile") & (strata["trainer"] == view.trainers[0])].sort_values("low_mm")
    assert f"{view.name(view.trainers[0])} {', '.join(map(percent, last['recall']))}" in figure.description


def test_reliability_pools_the_voxels_of_all_cases(view: View) -> None:
    figure, bins = reliability.draw(view), view.table("calibration")
    assert figure is not None and bins is not None
    diagonal, *lines = figure.drawing.axes[0].lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    for trainer, line in zip(view.trainers, lines, strict=True):
        mine = bins[bins["trainer"] == trainer]
        predicted, true, gap = [], [], 0.0
        for _, part in mine.groupby("bin"):
            predicted.append((part["confidence"] * part["count"]).sum() / part["count"].sum())
            true.append((part["accuracy"] * part["count"]).sum() / part["count"].sum())
            gap += abs(predicted[-1] - true[-1]) * part["count"].sum() / mine["count"].sum()
        assert list(line.get_xdata()) == pytest.approx(predicted)
        assert list(line.get_ydata()) == pytest.approx(true)
        assert f"{view.name(trainer)} {gap:.3f}" in figure.description


def test_reliability_after_scaling_is_drawn_as_the_statistics_say(view: View) -> None:
    figure, bins = reliability.scaled(view), view.statistic("reliability")
    assert figure is not None and bins is not None
    _, *lines = figure.drawing.axes[0].lines
    for trainer, line in zip(view.trainers, lines, strict=True):
        mine = bins[(bins["trainer"] == trainer) & (bins["scaling"] == "after")].sort_values("bin")
        assert list(line.get_xdata()) == list(mine["confidence"])
        assert list(line.get_ydata()) == list(mine["accuracy"])
        gap = np.average((mine["confidence"] - mine["accuracy"]).abs(), weights=mine["count"])
        assert f"{view.name(trainer)} {gap:.3f}" in figure.description
