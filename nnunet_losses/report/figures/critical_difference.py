"""Critical-difference diagram: mean ranks over cases, and the losses that Nemenyi's test does not separate."""

from nnunet_losses.report.blocks import Figure
from nnunet_losses.report.comparison import View, records
from nnunet_losses.report.numbers import equals, number
from nnunet_losses.report.style import INK, canvas, figure_style


def draw(view: View) -> Figure | None:
    """Mean ranks on a line, bars over the losses within one critical difference (Demšar 2006; cases as blocks)."""
    pairs, friedman = view.statistic("nemenyi"), view.statistic("friedman")
    if pairs is None or friedman is None or not pairs["critical_difference"].notna().any():
        return None
    ranks: dict[str, float] = {}
    for pair in records(pairs):
        ranks |= {str(pair["trainer_a"]): pair["mean_rank_a"], str(pair["trainer_b"]): pair["mean_rank_b"]}
    trainers = sorted(ranks, key=lambda t: (ranks[t], t))
    width, k = float(pairs["critical_difference"].iloc[0]), len(trainers)
    bars, half = cliques([ranks[t] for t in trainers], width), (k + 1) // 2
    with figure_style():
        figure, axes = canvas(0.9 + 0.2 * len(bars) + 0.24 * half)
        axes.plot([1, k], [0, 0], color=INK, linewidth=1)
        for tick in range(1, k + 1):
            axes.plot([tick, tick], [0, 0.25], color=INK, linewidth=1)
            if tick == 1 or tick % (k // 12 + 1) == 0:
                axes.text(tick, 0.4, str(tick), ha="center", va="bottom", fontsize=8)
        axes.plot([1, 1 + width], [1.9, 1.9], color=INK, linewidth=2.5, solid_capstyle="butt")
        axes.text(1 + width / 2, 2.05, f"critical difference {number(width, 2)}", ha="center", va="bottom", fontsize=8)
        for level, (first, last) in enumerate(bars):
            y = -0.55 - 0.6 * level
            ends = [ranks[trainers[first]] - 0.03, ranks[trainers[last]] + 0.03]
            axes.plot(ends, [y, y], color="#0072B2", linewidth=4, solid_capstyle="butt")
        bottom = -0.8 - 0.6 * len(bars)
        for i, trainer in enumerate(trainers):
            left, row = i < half, i if i < half else k - 1 - i
            y, x = bottom - 0.85 * row, 0.75 if left else k + 0.25
            color = view.look(trainer).color
            axes.plot([ranks[trainer], ranks[trainer], x], [0, y, y], color=color, linewidth=1)
            axes.plot(ranks[trainer], 0, view.look(trainer).marker, color=color, markersize=5)
            name, rank = view.cut_name(trainer, 26), number(ranks[trainer], 2)
            words = f"{name}  {rank}" if left else f"{rank}  {name}"
            axes.text(x + (-0.06 if left else 0.06), y, words, ha="right" if left else "left", va="center", fontsize=8)
        margin = 0.42 * (k + 0.5)
        axes.set_xlim(0.75 - margin, k + 0.25 + margin)
        axes.set_ylim(bottom - 0.85 * half, 3.0)
        axes.axis("off")
    test = records(friedman)[0]
    return Figure(
        "Critical difference of mean ranks",
        f"Further left: better mean rank over cases. {view.nouns.capitalize()} joined by a blue bar are not separated "
        "by Nemenyi's test "
        f"(5 %). Friedman's test with Iman and Davenport's correction: p {equals(test['p_f'])}, n = {test['n']} cases. "
        f"Nemenyi's result for two {view.nouns} depends on which others take part; that of the paired tests does not.",
        "Mean ranks: " + "; ".join(f"{view.name(t)} {number(ranks[t], 2)}" for t in trainers) + ".",
        figure,
        "statistics_nemenyi",
    )


def cliques(ranks: list[float], width: float) -> list[tuple[int, int]]:
    """Longest runs (first, last) of two or more sorted mean ranks that span at most ``width``; none within another."""
    runs: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = max(i for i in range(first, len(ranks)) if ranks[i] - ranks[first] <= width)
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return runs
