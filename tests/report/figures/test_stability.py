"""Figures of stability: discs, bars and lines are the shares and ranks of the statistics."""

import numpy as np
import pytest

from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.report.figures import consensus, folds, noise, stability
from nnunet_losses.report.numbers import percent

from .artists import colors, curves, intervals, marks, offsets, ticks, words


def test_discs_have_the_share_of_their_rank_and_the_cross_is_the_median(view: View) -> None:
    figure = stability.blob(view)
    shares = view.statistic("rank_frequencies")
    assert figure is not None and shares is not None
    (axes,) = figure.drawing.axes
    for row, (trainer, discs) in enumerate(zip(view.trainers, axes.collections, strict=True)):
        mine = shares[(shares["trainer"] == trainer) & (shares["method"] == "mean") & (shares["probability"] > 0)]
        mine = mine.sort_values("rank")
        assert offsets(discs).tolist() == [[rank, row] for rank in mine["rank"]]
        assert discs.get_sizes() / 420 == pytest.approx(mine["probability"].to_numpy())
        drawn = np.repeat(mine["rank"], np.rint(1000 * mine["probability"]).astype(int))
        low, middle, high = np.quantile(drawn, [0.025, 0.5, 0.975], method="inverted_cdf")
        assert (middle, row) in marks(axes)
        assert (low, high, row) in intervals(axes)
    best = view.trainers[0]
    first = shares.query("method == 'mean' and rank == 1").set_index("trainer")["probability"]
    assert f"First: {view.name(best)} {percent(first[best])}" in figure.description


def test_stacked_bars_are_the_shares_of_every_method(view: View) -> None:
    figure = stability.stacked(view)
    shares = view.statistic("rank_frequencies")
    assert figure is not None and shares is not None
    assert [axes.get_title(loc="left") for axes in figure.drawing.axes] == list(stability.METHODS.values())
    for method, axes in zip(stability.METHODS, figure.drawing.axes, strict=True):
        for row, trainer in enumerate(view.trainers):
            mine = shares[(shares["trainer"] == trainer) & (shares["method"] == method)].sort_values("rank")
            bars = [bar for bar in axes.patches if round(bar.get_y() + bar.get_height() / 2) == row]
            expected = mine.loc[mine["probability"] > stability.LEAST, "probability"]
            assert [bar.get_width() for bar in bars] == pytest.approx(list(expected))
            assert bars[-1].get_x() + bars[-1].get_width() == pytest.approx(1, abs=3 * stability.LEAST)


def test_agreement_shows_median_and_middle_half_of_every_method(view: View) -> None:
    figure = stability.kendall(view)
    taus = view.statistic("kendall")
    assert figure is not None and taus is not None
    (axes,) = figure.drawing.axes
    for row, method in enumerate(stability.METHODS):
        tau = taus.loc[taus["method"] == method, "tau"].dropna()
        low, middle, high = np.quantile(tau, [0.25, 0.5, 0.75])
        assert (pytest.approx(middle), row) in marks(axes)
        assert (pytest.approx(low), pytest.approx(high), row) in intervals(axes)
        assert f"{stability.METHODS[method]} {middle:.2f}" in figure.description
    assert ticks(axes.yaxis) == list(stability.METHODS.values())


def test_lines_over_methods_are_the_three_ranks(view: View) -> None:
    figure = stability.over_methods(view)
    ranking = view.by_trainer("ranking")
    assert figure is not None
    (axes,) = figure.drawing.axes
    for trainer, (x, y) in zip(view.trainers, curves(axes), strict=True):
        assert x == [0, 1, 2]
        assert np.rint(y).tolist() == [ranking[trainer][key] for key in ("rank", "rank_ranks", "rank_tests")]
        assert np.abs(np.rint(y) - y).max() < 0.1
    same = all(row["rank"] == row["rank_ranks"] == row["rank_tests"] for row in ranking.values())
    assert ("All three methods give the same order" in figure.description) == same
    assert sorted(words(axes)) == sorted(view.name(t) for t in view.trainers)


def test_ranks_by_number_of_cases_run_through_the_table(view: View) -> None:
    figure = stability.by_cases(view)
    table = view.statistic("rank_by_n")
    assert figure is not None and table is not None
    (axes,) = figure.drawing.axes
    for trainer, line in zip(view.trainers, axes.lines, strict=True):
        mine = table[table["trainer"] == trainer].sort_values("n")
        assert list(line.get_xdata()) == list(mine["n"])
        assert list(line.get_ydata()) == list(mine["rank_mean"])
    best = table[table["trainer"] == view.trainers[0]]
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (best["rank_low"].min(), best["rank_high"].max())
    assert axes.yaxis_inverted() or axes.get_ylim()[0] > axes.get_ylim()[1]


def test_the_ranking_without_a_fold_is_a_matrix_of_ranks(view: View) -> None:
    table, ranking = view.statistic("leave_one_fold_out"), view.by_trainer("ranking")
    figure = folds.leave_one_out(view)
    assert figure is not None and table is not None
    (axes,) = figure.drawing.axes
    wide = table.pivot_table(index="trainer", columns="fold", values="rank")
    full = np.array([ranking[t]["rank"] for t in view.trainers])
    ranks = np.column_stack([full, wide.loc[view.trainers]])
    assert words(axes) == [f"{rank:.0f}" for rank in ranks.ravel()]
    np.testing.assert_array_equal(colors(axes), full[:, None] - ranks)
    bold = [text.get_fontweight() == "bold" for text in axes.texts]
    assert bold == (ranks != full[:, None]).ravel().tolist()
    assert ticks(axes.xaxis) == ["All cases", *(f"Without fold {fold}" for fold in wide.columns)]
    stays = set(table[table["rank"] == 1]["trainer"]) == {view.trainers[0]}
    assert figure.description.startswith("The same loss" if stays else "Which loss")


def test_folds_and_cases_are_tested_beside_each_other(view: View) -> None:
    figure, tested = folds.test_on_folds(view), view.statistic("fold_test")
    assert figure is not None and tested is not None
    others = [t for t in view.trainers if t != view.baseline]
    for axes, found, p in (
        (figure.drawing.axes[0], view.against(view.baseline, tested), "p"),
        (figure.drawing.axes[1], view.against(view.baseline), "p_holm"),
    ):
        assert marks(axes) == [(found[t]["difference"], i) for i, t in enumerate(others)]
        assert intervals(axes) == [(found[t]["low"], found[t]["high"], i) for i, t in enumerate(others)]
        filled = [line.get_markerfacecolor() != "#ffffff" for line in axes.lines if len(line.get_xdata()) == 1]
        assert filled == [found[t][p] < 0.05 for t in others]
        low, high = axes.get_xlim()
        assert all(low < row["low"] and row["high"] < high for row in found.values())
    assert figure.drawing.axes[0].get_title(loc="left") == "3 folds as the unit"


def test_effects_stand_over_the_noise_of_their_seeds(small: Comparison) -> None:
    view = small.views[0]
    figure, table = noise.draw(view), view.statistic("effect_noise")
    assert figure is not None and table is not None
    (axes,) = figure.drawing.axes
    table = table[np.isfinite(table["ratio"])].sort_values("difference", key=np.abs, ascending=False)
    assert [x for x, _ in marks(axes)] == list(table["difference"].abs())
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx(np.column_stack([2 * table["noise"], table["noise"]]).ravel())
    assert words(axes) == [f"{abs(ratio):.1f}×" for ratio in table["ratio"]]
    clear = (table["ratio"].abs() >= 2).sum()
    assert figure.description.startswith(f"{clear} of {len(table)} differences exceed twice the noise.")


def test_noise_needs_repeated_seeds(view: View) -> None:
    assert noise.draw(view) is None


def test_data_sets_are_put_into_one_ranking(small: Comparison) -> None:
    view = small.views[0]
    figure, table = consensus.draw(view), view.statistic("consensus")
    assert figure is not None and table is not None
    (axes,) = figure.drawing.axes
    table = table.sort_values(["rank", "kemeny"])
    ranking = small.statistics["ranking"]
    shown = np.array(words(axes)).reshape(len(table), 4)
    for row, place in zip(shown, table.itertuples(), strict=True):
        own = ranking[ranking["trainer"] == place.trainer].set_index("dataset")["rank"]
        assert [float(word) for word in row] == pytest.approx(
            [own["Dataset001_A"], own["Dataset002_B"], place.mean_rank, place.kemeny]
        )
    assert ticks(axes.xaxis) == ["Dataset001_A", "Dataset002_B", "Mean rank", "Kemeny"]


def test_a_loss_absent_from_a_data_set_has_no_consensus(small: Comparison) -> None:
    import dataclasses

    table = small.statistics["consensus"].copy()
    out = table["trainer"].iloc[-1]
    table.loc[table["trainer"] == out, ["rank", "kemeny"]] = np.nan
    ranking = small.statistics["ranking"]
    ranking = ranking[(ranking["trainer"] != out) | (ranking["dataset"] != "Dataset002_B")]
    view = dataclasses.replace(small, statistics={"consensus": table, "ranking": ranking}).views[0]
    figure = consensus.draw(view)
    assert figure is not None
    assert words(figure.drawing.axes[0])[-3:] == ["–", "–", "–"]
    assert view.name(out) not in figure.description
