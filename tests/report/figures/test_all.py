"""What holds for every figure, whichever it is: words for every reader, safe SVG, left out without its data."""

import dataclasses
import itertools
import xml.etree.ElementTree as ElementTree

import pandas as pd
import pytest

from nnunet_losses.report import contents
from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.report.figures import consensus, distribution
from nnunet_losses.report.svg import StyleSheet, save_svg, to_svg

from ..conftest import compared, make_tables

PARTS = (*contents.QUESTIONS, *contents.APPENDIX, *contents.RUNS)
DRAWN = [
    maker
    for maker in dict.fromkeys((*(maker for part in PARTS for maker in part.makers), consensus.draw))
    if ".figures." in maker.__module__ and "Figure" in str(maker.__annotations__["return"])
]
BY_NAME = {"ids": lambda maker: f"{maker.__module__.rpartition('.')[2]}.{maker.__name__}"}


def drawn(figure: Figure) -> ElementTree.Element:
    svg = to_svg(
        save_svg(figure.drawing), StyleSheet(), anchor="f", title=figure.title, description=figure.description,
        tips=figure.tips,
    )  # fmt: skip
    return ElementTree.fromstring(svg)


@pytest.mark.parametrize("draw", DRAWN, **BY_NAME)
def test_a_figure_is_told_in_words_and_safe_to_inline(
    comparison: Comparison, small: Comparison, statistics: dict[str, pd.DataFrame], draw: contents.Maker
) -> None:
    figure = draw(comparison.views[0]) or draw(small.views[0])
    assert isinstance(figure, Figure), "neither study has what it shows"
    assert figure.how_to_read.endswith(".")
    assert figure.description.endswith(".")
    assert figure.source.removeprefix("statistics_") in {*statistics, *comparison.tables}
    root = drawn(figure)
    assert root.get("role") == "img"
    assert all(e.get("id", "f-").startswith("f-") for e in root.iter())
    places = [e.get(key, "") for e in root.iter() for key in ("d", "x", "y", "points", "transform")]
    assert not any("nan" in place for place in places), "no coordinate may be undefined"
    titles = [e.text for e in root.iter() if e.tag.endswith("title")][1:]
    assert sorted(titles) == sorted(tip for tips in figure.tips.values() for tip in tips)


@pytest.mark.parametrize("draw", DRAWN, **BY_NAME)
def test_a_figure_without_its_table_is_left_out(view: View, draw: contents.Maker) -> None:
    bare = dataclasses.replace(view.comparison, tables={"cases": view.comparison.cases}, statistics={}).views[0]
    assert draw(bare) is None


def test_many_dots_become_one_embedded_picture(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "MOST_MARKS", 10)
    figure = distribution.draw(view)
    assert figure is not None
    pictures = [e for e in drawn(figure).iter() if e.tag.endswith("image")]
    assert pictures
    assert all(e.attrib["{http://www.w3.org/1999/xlink}href"].startswith("data:image/png;base64,") for e in pictures)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "least"), [(1, 9), (2, 20), pytest.param(30, 20, marks=pytest.mark.slow)])
def test_few_and_many_losses_have_room_for_every_name(count: int, least: int) -> None:
    """No name beside a row lies on its neighbour or beyond the figure."""
    names = tuple(f"Loss{i}Trainer" for i in range(count))
    view = compared(make_tables(names, cases=6), names[0]).views[0]
    made = 0
    for draw in DRAWN:
        figure = draw(view)
        if not isinstance(figure, Figure):
            continue
        made += 1
        figure.drawing.draw_without_rendering()
        page = figure.drawing.bbox
        for axes in figure.drawing.axes:
            shown = [label for label in axes.get_yticklabels() if label.get_text().startswith("Loss")]
            boxes = sorted((label.get_window_extent() for label in shown), key=lambda box: box.y0)
            assert all(page.x0 <= box.x0 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes), figure.title
            assert all(low.y1 <= high.y0 + 2 for low, high in itertools.pairwise(boxes)), figure.title
    assert made >= least
