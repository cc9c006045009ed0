"""The figure of the first screen: means and differences are those of the statistics."""

import pandas as pd
import pytest

from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures import ranking

from .artists import intervals, marks


def test_means_and_intervals_are_those_of_the_ranking(view: View) -> None:
    figure = ranking.draw(view)
    rows = view.by_trainer("ranking")
    assert figure is not None
    means, _ = figure.drawing.axes
    assert marks(means) == [(rows[t]["mean"], i) for i, t in enumerate(view.trainers)]
    assert intervals(means) == [(rows[t]["mean_low"], rows[t]["mean_high"], i) for i, t in enumerate(view.trainers)]
    assert means.get_xlabel() == "Mean Dice (better →)"
    low, high = means.get_xlim()
    assert low < min(row["mean_low"] for row in rows.values())
    assert max(row["mean_high"] for row in rows.values()) < high <= 1.02


def test_differences_are_from_the_baseline_and_filled_if_significant(view: View) -> None:
    figure = ranking.draw(view)
    pairs = view.against(view.baseline)
    assert figure is not None
    _, gaps = figure.drawing.axes
    others = [(i, t) for i, t in enumerate(view.trainers) if t != view.baseline]
    assert marks(gaps) == [(pairs[t]["difference"], i) for i, t in others]
    assert intervals(gaps) == [(pairs[t]["low"], pairs[t]["high"], i) for i, t in others]
    filled = [line.get_markerfacecolor() != "#ffffff" for line in gaps.lines if len(line.get_xdata()) == 1]
    assert filled == [pairs[t]["p_holm"] < 0.05 for _, t in others]
    assert {True, False} == set(filled), "the fixture must have both"
    assert [text.get_text() for text in gaps.texts] == ["baseline"]


def test_the_dashed_lines_are_the_baselines_mean_and_no_difference(view: View) -> None:
    figure = ranking.draw(view)
    assert figure is not None and view.baseline is not None
    dashed = [
        [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"] for axes in figure.drawing.axes
    ]
    assert dashed == [[view.by_trainer("ranking")[view.baseline]["mean"]], [0]]


def test_a_distance_is_better_to_the_left(view: View) -> None:
    figure = ranking.draw(view.of_metric("hd95"))
    assert figure is not None
    assert figure.drawing.axes[0].get_xlabel() == "Mean HD95 (mm) (← better)"


def test_the_description_tells_every_mean_in_order(view: View) -> None:
    figure = ranking.draw(view)
    assert figure is not None
    rows: dict[str, pd.Series] = view.by_trainer("ranking")
    places = [figure.description.index(f"{view.name(t)} {rows[t]['mean']:.3f} [") for t in view.trainers]
    assert places == sorted(places)
    assert figure.description.startswith("Dice, mean and 95 % confidence interval: ")


def test_without_a_baseline_there_is_one_panel(view: View) -> None:
    import dataclasses

    alone = dataclasses.replace(view.comparison, baseline="SomebodyElse").views[0]
    figure = ranking.draw(alone)
    assert figure is not None
    assert len(figure.drawing.axes) == 1
    assert "Right panel" not in figure.how_to_read


@pytest.mark.parametrize("column", ["mean", "mean_low", "mean_high"])
def test_a_loss_without_a_value_is_named_not_drawn(view: View, column: str) -> None:
    import dataclasses

    last = view.trainers[-1]
    table = view.comparison.statistics["ranking"].copy()
    table.loc[table["trainer"] == last, ["mean", "mean_low", "mean_high", "rank"]] = float("nan")
    changed = dataclasses.replace(view.comparison, statistics={"ranking": table}).views[0]
    figure = ranking.draw(changed)
    assert figure is not None
    axes = figure.drawing.axes[0]
    assert [text.get_text() for text in axes.texts] == ["no value"]
    assert axes.texts[0].xy[1] == changed.trainers.index(last)
    assert len(marks(axes)) == len(view.trainers) - 1
