"""Effects and the noise of training: is a difference larger than one that another random seed would make?"""

import numpy as np

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View, records
from nnunet_losses.report.figures.rows import height, mean_of
from nnunet_losses.report.names import in_sentence
from nnunet_losses.report.numbers import decimals, number
from nnunet_losses.report.style import INK, MUTED, RULE, canvas, figure_style

MOST_PAIRS = 30


def draw(view: View) -> Figure | None:
    """Absolute difference of the means of each pair, over the spread that repeated seeds give it."""
    table = view.statistic("effect_noise")
    if table is None:
        return None
    table = table[np.isfinite(table["ratio"])]
    table = table.reindex(table["difference"].abs().sort_values(ascending=False).index).head(MOST_PAIRS)
    pairs, digits = records(table), decimals(view.metric.unit)
    if not pairs:
        return None
    with figure_style():
        figure, axes = canvas(height(len(pairs), row=0.27))
        for row, pair in enumerate(pairs):
            axes.barh(row, 2 * pair["noise"], 0.66, color=RULE)
            axes.barh(row, pair["noise"], 0.66, color="#bfc4cb")
            axes.plot(abs(pair["difference"]), row, "D", color=INK, markersize=5)
            axes.annotate(
                f"{number(abs(pair['ratio']), 1)}×", (1.0, row), xycoords=("axes fraction", "data"), ha="right",
                va="center", fontsize=8, color=INK if abs(pair["ratio"]) >= 2 else MUTED,
            )  # fmt: skip
        names = [" − ".join(view.cut_name(p[key], 21) for key in ("trainer_a", "trainer_b")) for p in pairs]
        axes.set_yticks(range(len(pairs)), names)
        axes.set_ylim(len(pairs) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0, 1.12 * max(max(abs(p["difference"]), 2 * p["noise"]) for p in pairs))
        axes.set_xlabel(f"Absolute difference: {in_sentence(mean_of(view.metric))}")
    largest = number(abs(pairs[0]["difference"]), digits)
    clear = sum(abs(p["ratio"]) >= 2 for p in pairs)
    return Figure(
        "Effects and training noise",
        f"Diamond: difference between two {view.nouns}. Bars: one (dark) and two (light) standard deviations of that "
        "difference when only the random seed changes. A diamond inside the bars is no larger than what another seed "
        "could cause. Number: difference divided by the standard deviation.",
        f"{clear} of {len(pairs)} differences exceed twice the noise. Largest difference: {largest}.",
        figure,
        "statistics_effect_noise",
    )
