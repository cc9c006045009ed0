"""Matrices of pairs: every cell is the row against the column, as the table of pairs says it."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.report.comparison import View, records
from nnunet_losses.report.figures import critical_difference, pairwise, posterior, significance
from nnunet_losses.report.figures.critical_difference import cliques
from nnunet_losses.report.numbers import number, percent

from .artists import colors, marks, offsets, ticks, words


def cell(view: View, row: str, column: str, key: str = "difference") -> float:
    """What the table of pairs says of the row's loss against the column's."""
    return float(view.against(column)[row][key])


def test_cells_are_differences_of_the_row_from_the_column(view: View) -> None:
    figure = pairwise.draw(view)
    assert figure is not None
    (axes,) = figure.drawing.axes
    expected = [
        number(cell(view, row, column), signed=True) + (" ●" if cell(view, row, column, "p_holm") < 0.05 else "")
        for row in view.trainers
        for column in view.trainers
        if row != column
    ]
    assert words(axes) == expected
    assert {word[-1] == "●" for word in expected} == {True, False}, "the fixture must have both"
    assert ticks(axes.yaxis) == ticks(axes.xaxis) == [view.name(t) for t in view.trainers]
    shown = colors(axes)
    assert shown[0, 1] == pytest.approx(cell(view, view.trainers[0], view.trainers[1]))
    assert np.isnan(np.diag(shown)).all()


def test_blue_is_better_for_a_distance_too(view: View) -> None:
    hd95 = view.of_metric("hd95")
    figure = pairwise.draw(hd95)
    assert figure is not None
    assert colors(figure.drawing.axes[0])[0, 1] == pytest.approx(-cell(hd95, hd95.trainers[0], hd95.trainers[1]))


def test_the_description_names_significant_pairs_the_better_first(view: View) -> None:
    figure = pairwise.draw(view)
    pairs = view.statistic("pairwise")
    assert figure is not None and pairs is not None
    told = figure.description.removeprefix("Significant pairs, the better loss first: ").removesuffix(".")
    sure = records(pairs[pairs["p_holm"] < 0.05])
    expected = {
        " over ".join(view.name(t) for t in (p["trainer_a"], p["trainer_b"])[:: 1 if p["difference"] > 0 else -1])
        for p in sure
    }
    assert set(told.replace(" and ", ", ").split(", ")) == expected


def test_many_losses_have_dots_instead_of_numbers(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairwise, "ROOMY", 2)
    figure = pairwise.draw(view)
    assert figure is not None
    (axes,) = figure.drawing.axes
    assert words(axes) == []
    (dots,) = axes.lines
    sure = {
        (x, y)
        for y, row in enumerate(view.trainers)
        for x, column in enumerate(view.trainers)
        if row != column and cell(view, row, column, "p_holm") < 0.05
    }
    assert set(zip(dots.get_xdata(), dots.get_ydata(), strict=True)) == sure


def test_the_significance_map_marks_which_loss_beats_which(view: View) -> None:
    figure = significance.draw(view)
    pairs = view.statistic("pairwise")
    assert figure is not None and pairs is not None
    (axes,) = figure.drawing.axes
    rings, full = axes.lines

    def pairs_of(line: object) -> set[tuple[str, str]]:
        x, y = line.get_xdata(), line.get_ydata()  # type: ignore[attr-defined]
        return {(view.trainers[int(j)], view.trainers[int(i)]) for i, j in zip(x, y, strict=True)}

    def beats(rows: pd.DataFrame) -> set[tuple[str, str]]:
        return {(p["trainer_a"], p["trainer_b"])[:: 1 if p["rank_biserial"] > 0 else -1] for p in records(rows)}

    after, before = pairs["p_holm"] < 0.05, pairs["p"] < 0.05
    assert pairs_of(full) == beats(pairs[after])
    assert pairs_of(rings) == beats(pairs[before & ~after])
    assert full.get_markerfacecolor() != rings.get_markerfacecolor() == "#ffffff"
    won = [sum(winner == t for winner, _ in beats(pairs[after])) for t in view.trainers]
    assert words(axes) == [f"beats {n}" for n in won]
    assert max(won) > 0


def test_posterior_bars_add_up_to_one(view: View) -> None:
    figure = posterior.baseline_bars(view)
    pairs = view.against(view.baseline)
    assert figure is not None
    (axes,) = figure.drawing.axes
    others = [t for t in view.trainers if t != view.baseline]
    widths = np.array([bar.get_width() for bar in axes.patches]).reshape(-1, 3)
    expected = [[pairs[t][key] for key in ("p_worse", "p_equivalent", "p_better")] for t in others]
    np.testing.assert_allclose(widths, expected)
    assert widths.sum(axis=1) == pytest.approx(1)
    starts = np.array([bar.get_x() for bar in axes.patches]).reshape(-1, 3)
    assert starts == pytest.approx(np.column_stack([np.zeros(len(others)), widths[:, :2].cumsum(axis=1)]))
    assert ticks(axes.yaxis) == [view.name(t) for t in others]
    assert "Equivalent: within ±0.010 of the baseline" in figure.how_to_read


def test_the_region_of_equivalence_has_its_unit(view: View) -> None:
    figure = posterior.baseline_bars(view.of_metric("hd95"))
    assert figure is not None
    assert "within ±1.000 mm of the baseline" in figure.how_to_read


def test_a_triangle_holds_every_draw_in_the_third_of_its_largest_share(view: View) -> None:
    figure = posterior.triangle(view)
    draws, pairs = view.statistic("posterior"), view.against(view.baseline)
    assert figure is not None and draws is not None
    others = [t for t in view.trainers if t != view.baseline]
    corners = {"worse": (0, 0), "better": (1, 0), "equivalent": (0.5, np.sqrt(0.75))}
    for trainer, panel in zip(others, figure.drawing.axes, strict=True):
        assert panel.get_title(loc="center") == view.name(trainer)
        own = draws[draws["trainer_a"] == trainer].reset_index()
        dots = offsets(panel.collections[0])
        assert len(dots) == len(own) > 0
        nearest = np.argmin([((dots - at) ** 2).sum(axis=1) for at in corners.values()], axis=0)
        assert [list(corners)[i] for i in nearest] == list(own[list(corners)].idxmax(axis=1))
        assert words(panel) == [
            f"{word}\n{percent(pairs[trainer][f'p_{word}'])}" for word in ("worse", "equivalent", "better")
        ]


def test_only_the_best_losses_have_a_triangle(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posterior, "MOST_TRIANGLES", 2)
    figure = posterior.triangle(view)
    assert figure is not None
    shown = [axes.get_title(loc="center") for axes in figure.drawing.axes]
    assert shown == [view.name(t) for t in view.trainers if t != view.baseline][:2]
    assert "Shown are the 2 best of 4 losses." in figure.how_to_read


def test_probabilities_of_being_better_are_those_of_the_pair(view: View) -> None:
    figure = posterior.heat_map(view)
    assert figure is not None
    (axes,) = figure.drawing.axes
    expected = [
        [np.nan if row == column else cell(view, row, column, "p_better") for column in view.trainers]
        for row in view.trainers
    ]
    np.testing.assert_array_equal(colors(axes), expected)
    assert words(axes) == [f"{100 * p:.0f}" for row in expected for p in row if p == p]


def test_two_losses_need_no_matrix_of_probabilities(view: View) -> None:
    pairs = view.comparison.statistics["pairwise"]
    two = {view.trainers[0], view.trainers[1]}
    pairs = pairs[pairs["trainer_a"].isin(two) & pairs["trainer_b"].isin(two)]
    assert posterior.heat_map(dataclasses.replace(view.comparison, statistics={"pairwise": pairs}).views[0]) is None


def test_the_critical_difference_diagram_places_every_mean_rank(view: View) -> None:
    figure = critical_difference.draw(view)
    pairs = view.statistic("nemenyi")
    assert figure is not None and pairs is not None
    (axes,) = figure.drawing.axes
    ranks = {
        t: float(rows[f"mean_rank_{side}"].iloc[0]) for side in "ab" for t, rows in pairs.groupby(f"trainer_{side}")
    }
    order = sorted(ranks, key=lambda t: (ranks[t], t))
    assert marks(axes) == [(ranks[t], 0) for t in order]
    assert {word for word in words(axes) if "  " in word} == {
        f"{view.name(t)}  {ranks[t]:.2f}" if i < 3 else f"{ranks[t]:.2f}  {view.name(t)}" for i, t in enumerate(order)
    }
    width = pairs["critical_difference"].iloc[0]
    bars = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 4]
    assert [tuple(bar) for bar in bars] == [
        pytest.approx((ranks[order[first]] - 0.03, ranks[order[last]] + 0.03))
        for first, last in cliques([ranks[t] for t in order], width)
    ]
    assert bars
    (scale,) = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 2.5]
    assert scale[1] - scale[0] == pytest.approx(width)


def test_cliques_join_ranks_within_the_critical_difference() -> None:
    assert cliques([1.0, 1.5, 2.2, 4.0], 1.0) == [(0, 1), (1, 2)]
    assert cliques([1.0, 1.5, 1.9], 1.0) == [(0, 2)]
    assert cliques([1.0, 3.0], 1.0) == []
    assert cliques([1.0, 2.0], 1.0) == [(0, 1)], "exactly the critical difference does not separate"
