"""Errors in common, as the statistics say."""

import dataclasses

import numpy as np
import pandas as pd

from nnunet_losses.report.comparison import View
from nnunet_losses.report.figures import together


def with_missed(view: View, pairs: pd.DataFrame) -> View:
    statistics = {**view.comparison.statistics, "missed": pairs}
    return dataclasses.replace(view.comparison, statistics=statistics).views[0]


def test_the_most_useful_pair_is_the_one_that_misses_least_together(view: View) -> None:
    pairs = view.comparison.statistics["missed"].assign(
        n_lesions=100, missed_a=20.0, missed_b=20.0, missed_both=15.0, share=0.15, share_low=0.1, share_high=0.2
    )
    pairs.loc[3, ["missed_both", "share", "share_low", "share_high"]] = 5.0, 0.05, 0.02, 0.09
    first, second = (view.name(pairs.loc[3, f"trainer_{side}"]) for side in "ab")
    text = together.told(with_missed(view, pairs)).text
    assert f"the most useful pair is {first} and {second}: of 100 lesions both miss 5 (5\u00a0% [2, 9])" in text
    assert "the best alone, misses 20. Their false positives add up." in text
    assert "If the better of two were known for every case" in text
    figure = together.missed(with_missed(view, pairs))
    assert f"Fewest: {first} and {second}, 5\u00a0%." in figure.description
    assert sorted({text.get_text() for text in figure.drawing.axes[0].texts}) == ["15", "20", "5"]


def test_no_pair_is_praised_where_one_loss_finds_all_that_two_find(view: View) -> None:
    pairs = view.comparison.statistics["missed"].assign(missed_a=4.0, missed_b=4.0, missed_both=4.0)
    assert "For finding lesions no pair helps" in together.told(with_missed(view, pairs)).text


def test_correlations_fill_the_matrix_but_its_diagonal(view: View) -> None:
    figure, pairs = together.correlation(view), view.statistic("together")
    k = len(view.trainers)
    assert len(pairs) == k * (k - 1) / 2
    assert len(figure.drawing.axes[0].texts) == k * (k - 1)
    least = pairs.loc[pairs["correlation"].idxmin()]
    assert f"{np.round(least['correlation'], 2):.2f}" in figure.description
