"""The report has one number for one thing: whatever shows a mean, a case or a pair shows that of the statistics.

A loss that collapses leaves precision, and with it every pair of recall and precision, undefined. The statistics count
such a value as the worst; figures that dropped it instead would show another mean than the ranking.
"""

import numpy as np
import pytest

from nnunet_losses.report import gallery, tables
from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures import differences, distribution, operating_points, podium, ranking

from .conftest import TRAINERS, collapse, compared, make_tables
from .figures.artists import marks, offsets

METRICS = ("recall", "precision")


@pytest.fixture(scope="module")
def collapsed() -> dict[str, View]:
    """Recall and precision where a loss predicts nothing in 4 of 12 cases, and reads .75/.70 in the other eight."""
    made = make_tables(TRAINERS[:3], cases=12, metrics=METRICS)
    cases = made["cases"]
    for metric, value in (("recall", 0.75), ("precision", 0.70)):
        cases.loc[(cases["trainer"] == TRAINERS[1]) & (cases["metric"] == metric), "value"] = value
    collapse(cases, TRAINERS[1], {f"phantom_{i:03d}" for i in (1, 4, 7, 10)})
    first = compared({"cases": cases}, primary_metric="recall").views[0]
    return {name: first.of_metric(name) for name in METRICS}


@pytest.fixture(scope="module")
def means(collapsed: dict[str, View]) -> dict[str, dict[str, float]]:
    """The means of the ranking, by metric and trainer."""
    return {name: {t: row["mean"] for t, row in view.by_trainer("ranking").items()} for name, view in collapsed.items()}


def test_the_ranking_counts_what_is_undefined_as_the_worst(means: dict[str, dict[str, float]]) -> None:
    assert means["recall"][TRAINERS[1]] == pytest.approx(0.75 * 8 / 12)
    assert means["precision"][TRAINERS[1]] == pytest.approx(0.70 * 8 / 12)


@pytest.mark.parametrize("metric", METRICS)
def test_every_figure_of_cases_has_the_mean_of_the_ranking(
    collapsed: dict[str, View], means: dict[str, dict[str, float]], metric: str
) -> None:
    view = collapsed[metric]
    expected = [means[metric][t] for t in view.trainers]

    figure = distribution.draw(view)
    assert figure is not None
    rows: dict[int, list[float]] = {}
    for dots in figure.drawing.axes[0].collections:
        rows.setdefault(int(dots.get_gid().rpartition("-")[2]), []).extend(offsets(dots)[:, 0])
    assert [np.mean(rows[i]) for i in range(3)] == pytest.approx(expected)

    figure = podium.podium(view)
    assert figure is not None
    dots = [line.get_ydata() for line in figure.drawing.axes[0].lines if line.get_linestyle() == "None"]
    assert [np.mean(values) for values in dots] == pytest.approx(expected)

    figure = ranking.draw(view)
    assert figure is not None
    assert [x for x, _ in marks(figure.drawing.axes[0])] == pytest.approx(expected)

    figure = differences.draw(view)
    assert figure is not None
    gaps = [means[metric][t] - means[metric][TRAINERS[0]] for t in view.trainers if t != TRAINERS[0]]
    assert [offsets(dots)[:, 0].mean() for dots in figure.drawing.axes[0].collections] == pytest.approx(gaps)


def test_the_operating_points_are_the_means_of_the_ranking(
    collapsed: dict[str, View], means: dict[str, dict[str, float]]
) -> None:
    view = collapsed["recall"]
    figure = operating_points.recall_precision(view)
    assert figure is not None
    np.testing.assert_allclose(
        marks(figure.drawing.axes[0]), [(means["recall"][t], means["precision"][t]) for t in view.trainers]
    )


def test_tables_write_the_same_means(collapsed: dict[str, View], means: dict[str, dict[str, float]]) -> None:
    for metric, view in collapsed.items():
        for table in (tables.answer.table(view), tables.ranking.table(view)):
            assert table is not None
            (place,) = [i for i, head in enumerate(table.columns) if head.name.lower().find("mean [95") >= 0]
            assert [row[place].order for row in table.rows] == pytest.approx([means[metric][t] for t in view.trainers])
    points = tables.operating_points.table(collapsed["recall"])
    assert points is not None
    for trainer, row in zip(collapsed["recall"].trainers, points.rows, strict=True):
        assert f"Recall {means['recall'][trainer]:.3f} [" in row[1].tip
        assert f"Precision {means['precision'][trainer]:.3f} [" in row[1].tip


def test_the_gallery_writes_the_value_that_counts(collapsed: dict[str, View]) -> None:
    view = collapsed["precision"]
    assert gallery.score(view, "phantom_001", TRAINERS[1], 2) == "Precision 0.00 (undefined, counted as worst)"
    assert gallery.score(view, "phantom_000", TRAINERS[1], 2) == "Precision 0.70"
    assert gallery.score(view, "phantom_999", TRAINERS[1], 2) == "Precision –"
