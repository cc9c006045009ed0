"""Each figure says what the tables say; each is left out when its table is missing."""

import dataclasses
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.report.figures import (
    consensus,
    cost,
    critical_difference,
    detection,
    differences,
    distribution,
    folds,
    lesion_size,
    noise,
    pairwise,
    podium,
    posterior,
    ranking,
    recall_precision,
    reliability,
    significance,
    stability,
    thresholds,
    training,
)
from nnunet_losses.report.figures.critical_difference import cliques
from nnunet_losses.report.figures.rows import against, turned
from nnunet_losses.report.sections import contents
from nnunet_losses.report.svg import to_svg

from .conftest import TRAINERS, make_statistics, make_tables

FIGURES: tuple[Callable[[View], Figure | None], ...] = (
    ranking.draw, distribution.draw, differences.draw, pairwise.draw, posterior.baseline_bars, posterior.heat_map,
    critical_difference.draw, stability.blob, stability.stacked, stability.kendall, stability.over_methods,
    stability.by_cases, podium.podium, podium.rank_map, recall_precision.draw, thresholds.draw, detection.draw,
    significance.draw, posterior.triangle, folds.test_on_folds, folds.leave_one_out, detection.differences,
    lesion_size.draw, reliability.draw, training.pseudo_dice, training.losses, cost.draw,
)  # fmt: skip
FROM_CASES = (distribution.draw, differences.draw, podium.podium, podium.rank_map, recall_precision.draw)


def compared(tables: dict[str, pd.DataFrame], statistics: dict[str, pd.DataFrame], baseline: str = "") -> Comparison:
    return Comparison(tables=tables, statistics=statistics, title="T", baseline=baseline or TRAINERS[0])


@pytest.fixture(scope="module")
def view(tables: dict[str, pd.DataFrame], statistics: dict[str, pd.DataFrame]) -> View:
    return compared(tables, statistics).views[0]


@pytest.mark.parametrize("draw", FIGURES, ids=lambda f: f"{f.__module__.rpartition('.')[2]}.{f.__name__}")
def test_figure_is_drawn_described_and_safe_to_inline(view: View, draw: Callable[[View], Figure | None]) -> None:
    figure = draw(view)
    assert figure is not None
    assert figure.how_to_read.endswith(".")
    assert figure.description.endswith(".")
    svg = to_svg(figure.drawing, anchor="f", title=figure.title, description=figure.description, tips=figure.tips)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert all(e.get("id", "f-").startswith("f-") for e in root.iter())
    assert "nan" not in svg.lower().replace("finance", ""), "no coordinate may be undefined"


@pytest.mark.parametrize("draw", [f for f in FIGURES if f not in FROM_CASES], ids=lambda f: f.__module__)
def test_figure_without_its_table_is_left_out(view: View, draw: Callable[[View], Figure | None]) -> None:
    bare = dataclasses.replace(view.comparison, tables={"cases": view.comparison.cases}, statistics={}).views[0]
    assert draw(bare) is None


def test_noise_is_only_shown_where_seeds_were_repeated(view: View) -> None:
    assert noise.draw(view) is None
    tables = make_tables(TRAINERS[:3], cases=6)
    again = tables["cases"].assign(seed=1, value=lambda frame: frame["value"] + 0.01)
    again.loc[again["trainer"] == TRAINERS[1], "value"] -= 0.03
    tables["cases"] = pd.concat([tables["cases"], again], ignore_index=True)
    comparison = compared(tables, make_statistics(tables))
    figure = noise.draw(comparison.views[0])
    assert figure is not None
    assert "exceed twice the noise" in figure.description


def test_tooltips_name_case_and_value(view: View) -> None:
    figure = distribution.draw(view)
    assert figure is not None
    svg = to_svg(figure.drawing, anchor="f", title="t", description="d", tips=figure.tips)
    titles = [e.text or "" for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("title")]
    best = view.trainers[0]
    assert f"phantom_000: {view.values[best]['phantom_000']:.3f}" in titles
    assert len(titles) == 1 + view.values.notna().to_numpy().sum()


def test_many_dots_become_one_embedded_picture(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "MOST_MARKS", 10)
    figure = distribution.draw(view)
    assert figure is not None
    svg = to_svg(figure.drawing, anchor="f", title="t", description="d")
    pictures = [e for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("image")]
    assert pictures
    assert all(e.attrib["{http://www.w3.org/1999/xlink}href"].startswith("data:image/png;base64,") for e in pictures)


def test_turning_a_pair_turns_every_signed_column() -> None:
    pair = pd.DataFrame(
        [{"trainer_a": "A", "trainer_b": "B", "difference": 0.1, "low": -0.1, "high": 0.4, "rank_biserial": 0.5,
          "wins": 3, "losses": 1, "p_better": 0.7, "p_worse": 0.1, "p_holm": 0.02}]
    )  # fmt: skip
    once = turned(pair, pd.Series([True]))
    assert once.loc[0].to_dict() == {
        "trainer_a": "B", "trainer_b": "A", "difference": -0.1, "low": -0.4, "high": 0.1, "rank_biserial": -0.5,
        "wins": 1, "losses": 3, "p_better": 0.1, "p_worse": 0.7, "p_holm": 0.02,
    }  # fmt: skip
    pd.testing.assert_frame_equal(turned(once, pd.Series([True])), pair)


def test_pairs_against_a_trainer_are_the_other_minus_it(view: View) -> None:
    pairs = against(view, TRAINERS[2])
    assert set(pairs) == set(TRAINERS) - {TRAINERS[2]}
    means = view.values.mean()
    for other, pair in pairs.items():
        assert np.sign(pair["mean_difference"]) == np.sign(means[other] - means[TRAINERS[2]])


def test_cliques_join_ranks_within_the_critical_difference() -> None:
    assert cliques([1.0, 1.5, 2.2, 4.0], 1.0) == [(0, 1), (1, 2)]
    assert cliques([1.0, 1.5, 1.9], 1.0) == [(0, 2)]
    assert cliques([1.0, 3.0], 1.0) == []


def test_bootstrap_ellipse_has_the_spread_of_the_mean() -> None:
    """Its half axes are √χ²(95 %, 2) standard errors."""
    ellipse = recall_precision._ellipse(np.zeros(2), np.diag([0.04, 0.01]), type("L", (), {"color": "k", "line": "-"}))
    assert sorted([ellipse.width, ellipse.height]) == pytest.approx([2 * 2.4477 * 0.1, 2 * 2.4477 * 0.2], rel=1e-3)


def test_the_significance_map_marks_who_beats_whom(view: View) -> None:
    figure = significance.draw(view)
    pairs = view.statistic("pairwise")
    assert figure is not None and pairs is not None
    sure = pairs[pairs["p_holm"] < 0.05]
    winners = np.where(sure["rank_biserial"] > 0, sure["trainer_a"], sure["trainer_b"])
    full = next(line for line in figure.drawing.axes[0].lines if line.get_markerfacecolor() != "#ffffff")
    rows = [view.trainers[int(y)] for y in full.get_ydata()]
    assert sorted(rows) == sorted(winners)
    assert len(rows) > 0


def test_a_triangle_holds_every_draw_in_the_third_of_its_largest_share(view: View) -> None:
    figure = posterior.triangle(view)
    draws = view.statistic("posterior")
    assert figure is not None and draws is not None
    panel = figure.drawing.axes[0]
    name = next(t for t in view.trainers if view.name(t) == panel.get_title(loc="center"))
    own = draws[draws["trainer_a"] == name].reset_index()
    dots = np.asarray(panel.collections[0].get_offsets())
    corners = {"worse": (0, 0), "better": (1, 0), "equivalent": (0.5, np.sqrt(0.75))}
    nearest = np.argmin([((dots - at) ** 2).sum(axis=1) for at in corners.values()], axis=0)
    assert [list(corners)[i] for i in nearest] == list(own[list(corners)].idxmax(axis=1))


def test_the_ranking_without_a_fold_says_whether_the_winner_stays(view: View) -> None:
    table = view.statistic("leave_one_fold_out")
    figure = folds.leave_one_out(view)
    assert figure is not None and table is not None
    stays = set(table[table["rank"] == 1]["trainer"]) == {view.trainers[0]}
    assert ("same loss is first" in figure.description) == stays
    texts = [text.get_text() for text in figure.drawing.axes[0].texts]
    assert len(texts) == len(view.trainers) * (1 + table["fold"].nunique())


def test_data_sets_are_put_into_one_ranking() -> None:
    tables = make_tables(TRAINERS[:3], cases=6, datasets=("Dataset001_A", "Dataset002_B"))
    comparison = compared(tables, make_statistics(tables))
    figure = consensus.draw(comparison.views[0])
    assert figure is not None
    words = [text.get_text() for text in figure.drawing.axes[0].texts]
    consensus_ranks = comparison.statistics["consensus"].sort_values(["rank", "kemeny"])
    assert words[3::4] == [f"{place:.0f}" for place in consensus_ranks["kemeny"]]
    section = next(s for s in contents(comparison) if s.anchor == "consensus")
    assert [type(block).__name__ for block in section.blocks] == ["Figure"]


@pytest.mark.parametrize("count", [1, 2, pytest.param(50, marks=pytest.mark.slow)])
def test_few_and_many_losses_draw_without_a_warning(count: int) -> None:
    names = tuple(f"Loss{i}Trainer" for i in range(count))
    tables = make_tables(names, cases=6)
    comparison = compared(tables, make_statistics(tables, names[0]), names[0])
    made = [figure for draw in FIGURES if (figure := draw(comparison.views[0])) is not None]
    assert len(made) >= (9 if count == 1 else 20)
    for figure in made:
        assert "</svg>" in to_svg(figure.drawing, anchor="f", title=figure.title, description=figure.description)
