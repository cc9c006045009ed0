"""How alike the errors of the losses are, and which two are most useful together."""

import numpy as np
import pandas as pd
import seaborn as sns

from nnunet_losses.report.blocks import Figure, Text
from nnunet_losses.report.comparison import Row, View, records
from nnunet_losses.report.figures.matrix import MOST_SLANTED, frame, label_columns, matrix
from nnunet_losses.report.figures.rows import label_rows
from nnunet_losses.report.numbers import count, decimals, number, percent, unit_suffix
from nnunet_losses.report.style import canvas, figure_style


def told(view: View) -> Text | None:
    """Which two losses are most useful together, by the lesions that both miss and by the better of each case."""
    sentences = [sentence for say in (_lesions, _cases) if (sentence := say(view))]
    return Text(" ".join(sentences)) if sentences else None


def missed(view: View) -> Figure | None:
    """Matrix of the shares of lesions that both miss; on the diagonal, those that a loss misses alone."""
    pairs = view.statistic("missed")
    if pairs is None:
        return None
    trainers = view.present({*pairs["trainer_a"], *pairs["trainer_b"]})
    shares = _square(pairs, trainers, "share")
    for row in records(pairs):
        for side in ("a", "b"):
            i = trainers.index(str(row[f"trainer_{side}"]))
            shares[i, i] = row[f"missed_{side}"] / row["n_lesions"]
    best = _fewest(pairs)
    return Figure(
        f"Lesions that both {view.nouns} miss",
        "Each cell is the share of reference lesions, in per cent, that neither the row's nor the column's "
        f"{view.noun} finds; "
        f"on the diagonal, that the {view.noun} misses alone. A cell well below both of its diagonals: the two miss "
        "different lesions. False positives are not considered.",
        f"Fewest: {view.name(best['trainer_a'])} and {view.name(best['trainer_b'])}, {percent(best['share'])}.",
        _drawn(view, trainers, shares * 100, digits=0, most=max(float(np.nanmax(shares)) * 100, 1.0)),
        "statistics_missed",
    )


def correlation(view: View) -> Figure | None:
    """Matrix of the correlations of the values over cases."""
    pairs = view.statistic("together")
    if pairs is None or not pairs["correlation"].notna().any():
        return None
    trainers = view.present({*pairs["trainer_a"], *pairs["trainer_b"]})
    square = _square(pairs, trainers, "correlation")
    least = records(pairs.sort_values("correlation"))[0]
    return Figure(
        f"{view.metric.long_name}: how alike the {view.nouns} are over cases",
        f"Each cell is the correlation of the two {view.nouns}' values over cases. Cases that are hard for every "
        f"{view.noun} make all correlations high; what counts is which are lower than the others.",
        f"Least alike: {view.name(least['trainer_a'])} and {view.name(least['trainer_b'])}, "
        f"{number(least['correlation'], 2)}.",
        _drawn(view, trainers, square, digits=2, most=1.0, least=min(0.0, float(np.nanmin(square)))),
        "statistics_together",
    )


def _lesions(view: View) -> str:
    pairs = view.statistic("missed")
    if pairs is None:
        return ""
    best, n = _fewest(pairs), int(pairs["n_lesions"].iloc[0])
    alone = dict(zip(pairs["trainer_a"], pairs["missed_a"], strict=True))
    alone |= dict(zip(pairs["trainer_b"], pairs["missed_b"], strict=True))
    single = min(view.present(alone), key=lambda trainer: alone[trainer])
    if best["missed_both"] >= alone[single]:
        return (
            f"For finding lesions no pair helps: {view.name(single)} alone misses no more than any two {view.nouns} do."
        )
    interval = ""
    if pd.notna(best["share_low"]):
        interval = f" [{number(100 * best['share_low'], 0)}, {number(100 * best['share_high'], 0)}]"
    return (
        f"For finding lesions the most useful pair is {view.name(best['trainer_a'])} and "
        f"{view.name(best['trainer_b'])}: of {count(n, 'lesion')} both miss {_amount(best['missed_both'])} "
        f"({percent(best['share'])}{interval}), while {view.name(single)}, the best alone, misses "
        f"{_amount(alone[single])}. Their false positives add up."
    )


def _cases(view: View) -> str:
    pairs = view.statistic("together")
    if pairs is None:
        return ""
    sign = -1 if view.metric.higher_is_better else 1
    best = records(pairs.assign(order=sign * pairs["better_of_both"]).sort_values("order", kind="stable"))[0]
    if not best["gain"] > 0:
        return ""
    digits, unit = decimals(view.metric.unit), unit_suffix(view.metric.unit)
    mean, gain = (f"{number(best[name], digits)}{unit}" for name in ("better_of_both", "gain"))
    return (
        f"If the better of two were known for every case, {view.name(best['trainer_a'])} and "
        f"{view.name(best['trainer_b'])} would be best, with a mean {view.metric.long_name} of {mean}, {gain} better "
        "than the better of them alone. Choosing between whole predictions cannot gain more."
    )


def _fewest(pairs: pd.DataFrame) -> Row:
    return records(pairs.sort_values("missed_both", kind="stable"))[0]


def _amount(lesions: float) -> str:
    return number(lesions, 0 if float(lesions).is_integer() else 1)


def _square(pairs: pd.DataFrame, trainers: list[str], column: str) -> np.ndarray:
    place = {trainer: i for i, trainer in enumerate(trainers)}
    square = np.full((len(trainers), len(trainers)), np.nan)
    for row in records(pairs):
        i, j = place[str(row["trainer_a"])], place[str(row["trainer_b"])]
        square[i, j] = square[j, i] = row[column]
    return square


def _drawn(
    view: View, trainers: list[str], square: np.ndarray, *, digits: int, most: float, least: float = 0.0
) -> object:
    words = np.full(square.shape, "", dtype=object)
    if len(trainers) <= MOST_SLANTED:
        for i, j in np.argwhere(np.isfinite(square)):
            words[i, j] = number(float(square[i, j]), digits)
    with figure_style():
        figure, axes = canvas(min(1.0 + 0.36 * len(trainers), 11.0))
        matrix(axes, square, words, colors=sns.light_palette("#3A93CC", as_cmap=True), least=least, most=most)
        label_rows(axes, view, trainers)
        label_columns(axes, view, trainers)
        frame(axes, len(trainers), len(trainers))
    return figure
